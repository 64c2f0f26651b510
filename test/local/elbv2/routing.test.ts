import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  actionFor,
  type ListenerAction,
  type RoutedRequest,
  type RuleCondition,
} from '../../../local/elbv2/routing.js';

const fixed = (body: string): ListenerAction => ({ kind: 'fixed', status: 200, contentType: 'text/plain', body });
const request = (more: Partial<RoutedRequest> = {}): RoutedRequest => ({
  method: 'GET',
  url: '/',
  headers: {},
  ...more,
});
const fits = (condition: Partial<RuleCondition>, asked: RoutedRequest): boolean => {
  const conditions = [{ field: 'path-pattern' as const, header: null, values: [], ...condition }];
  const rule = { conditions, action: fixed('rule') };
  return actionFor(asked, [rule], fixed('default')) === rule.action;
};

describe('rules', () => {
  test.each<[Partial<RuleCondition>, Partial<RoutedRequest>, boolean]>([
    [{ values: ['/api/*'] }, { url: '/api/users?x=1' }, true],
    [{ values: ['/api/*'] }, { url: '/API/users' }, false],
    [{ values: ['/a?c', '/x'] }, { url: '/abc' }, true],
    [{ values: ['*/img/*.png'] }, { url: '/deep/img/a.b.png' }, true],
    [{ values: ['/api'] }, { url: '/api/' }, false],
    [{ field: 'host-header', values: ['*.Example.com'] }, { headers: { host: 'www.example.com:8080' } }, true],
    [{ field: 'http-header', header: 'x-test', values: ['on*'] }, { headers: { 'x-test': ['off', 'ONE'] } }, true],
    [{ field: 'http-request-method', values: ['PUT'] }, { method: 'PUT' }, true],
    [{ field: 'query-string', values: ['v=2'] }, { url: '/?a=1&v=2' }, true],
    [{ field: 'query-string', values: ['2'] }, { url: '/?a=1&v=3' }, false],
  ])('%j on %j: %j', (condition, asked, expected) => {
    expect(fits(condition, request(asked))).toBe(expected);
  });

  test('the first that fits decides, and all its conditions must', () => {
    const path = (value: string): RuleCondition => ({ field: 'path-pattern', header: null, values: [value] });
    const put: RuleCondition = { field: 'http-request-method', header: null, values: ['PUT'] };
    const rules = [
      { conditions: [path('/a*'), put], action: fixed('first') },
      { conditions: [path('/a*')], action: fixed('second') },
    ];
    const bodyOf = (asked: RoutedRequest) => JSON.stringify(actionFor(asked, rules, fixed('default')));
    expect(bodyOf(request({ url: '/a', method: 'PUT' }))).toContain('first');
    expect(bodyOf(request({ url: '/a' }))).toContain('second');
    expect(bodyOf(request({ url: '/b' }))).toContain('default');
  });

  test('a pattern is the regular expression that it stands for', () => {
    const letters = fc.stringMatching(/^[ab]{0,12}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[ab*?]{1,8}$/), letters, (pattern, path) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(path);
        expect(fits({ values: [pattern] }, request({ url: path }))).toBe(expected);
      }),
    );
  });
});
