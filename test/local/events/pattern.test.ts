import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../local/events/pattern.js';

const event = {
  source: 'aws.ec2',
  'detail-type': 'EC2 Instance State-change Notification',
  resources: ['arn:aws:ec2:us-east-1:1:instance/i-1', 'arn:2'],
  detail: { state: 'running', count: 5, ip: '10.0.0.7', nested: [{ k: 'a' }, { k: 'b' }], nothing: null, empty: '' },
};
const matches = (pattern: object) => compilePattern(JSON.stringify(pattern))(event);

describe('event patterns', () => {
  test.each<[string, object, boolean]>([
    ['exact', { source: ['aws.ec2'] }, true],
    ['one of', { source: ['aws.s3', 'aws.ec2'] }, true],
    ['and', { source: ['aws.ec2'], detail: { state: ['stopped'] } }, false],
    ['element of an array', { resources: ['arn:2'] }, true],
    ['objects in an array', { detail: { nested: { k: ['b'] } } }, true],
    ['null', { detail: { nothing: [null] } }, true],
    ['empty string', { detail: { empty: [''] } }, true],
    ['number', { detail: { count: [5] } }, true],
    ['a number is no string', { detail: { count: ['5'] } }, false],
    ['a leaf where an object is wanted', { detail: { state: { x: ['y'] } } }, false],
    ['prefix', { source: [{ prefix: 'aws.' }] }, true],
    ['prefix of a number', { detail: { count: [{ prefix: '5' }] } }, false],
    ['prefix, case ignored', { source: [{ prefix: { 'equals-ignore-case': 'AWS' } }] }, true],
    ['suffix', { resources: [{ suffix: '/i-1' }] }, true],
    ['ignore case', { detail: { state: [{ 'equals-ignore-case': 'RUNNING' }] } }, true],
    ['wildcard', { resources: [{ wildcard: 'arn:*:instance/*' }] }, true],
    ['wildcard without a star', { source: [{ wildcard: 'aws.ec' }] }, false],
    ['wildcard, overlapping ends', { detail: { state: [{ wildcard: 'runn*nning' }] } }, false],
    ['anything but', { detail: { state: [{ 'anything-but': ['stopped', 'pending'] }] } }, true],
    ['anything but it', { detail: { state: [{ 'anything-but': 'running' }] } }, false],
    ['anything but a prefix', { detail: { state: [{ 'anything-but': { prefix: 'run' } }] } }, false],
    ['anything but of what is not there', { detail: { colour: [{ 'anything-but': 'red' }] } }, false],
    ['exists', { detail: { state: [{ exists: true }] } }, true],
    ['exists not', { detail: { colour: [{ exists: false }] } }, true],
    ['exists not, deeper', { other: { colour: [{ exists: false }] } }, true],
    ['exists not, but does', { detail: { state: [{ exists: false }] } }, false],
    ['numeric', { detail: { count: [{ numeric: ['>', 0, '<=', 5] }] } }, true],
    ['numeric, out', { detail: { count: [{ numeric: ['>', 5] }] } }, false],
    ['cidr', { detail: { ip: [{ cidr: '10.0.0.0/24' }] } }, true],
    ['cidr, out', { detail: { ip: [{ cidr: '10.0.1.0/24' }] } }, false],
    ['$or', { $or: [{ source: ['x'] }, { detail: { count: [5] } }] }, true],
    ['no names of Object', { constructor: [{ exists: true }] }, false],
  ])('%s', (_, pattern, expected) => {
    expect(matches(pattern)).toBe(expected);
  });

  test.each<[string, string]>([
    ['text', 'x'],
    ['a list', '[]'],
    ['nothing', '{}'],
    ['a bare value', '{"source":"aws.ec2"}'],
    ['an empty list', '{"source":[]}'],
    ['an unknown operator', '{"source":[{"contains":"x"}]}'],
    ['two operators', '{"source":[{"prefix":"x","suffix":"y"}]}'],
    ['half a comparison', '{"a":[{"numeric":[">"]}]}'],
    ['a bad block', '{"a":[{"cidr":"10.0.0.0/33"}]}'],
    ['endless depth', `${'{"a":'.repeat(30)}["x"]${'}'.repeat(30)}`],
  ])('%s is refused', (_, text) => {
    expect(() => compilePattern(text)).toThrow(/Event pattern is not valid/);
  });
});
