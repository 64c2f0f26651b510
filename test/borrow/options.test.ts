import { describe, expect, it } from 'vitest';
import { BorrowError } from '../../borrow/error.js';
import { type BorrowOptions, checkOptions } from '../../borrow/options.js';
import { Workload } from '../../lib/index.js';

const workload = Workload.process({ command: ['true'] });
const check = (options: object) => checkOptions({ workload, ...options } as BorrowOptions, () => 'drawn');

describe('options', () => {
  it('have defaults', () => {
    expect(check({})).toMatchObject({
      name: 'drawn',
      nodes: 3,
      ready: 3,
      leaseMs: 900_000,
      timeoutMs: 1_800_000,
      executionRole: null,
      qualifier: 'hnb659fds',
      onSignal: 'give-back',
    });
  });

  it('wait for all nodes unless told otherwise', () => {
    expect(check({ nodes: 7 }).ready).toBe(7);
    expect(check({ nodes: 7, ready: 0 }).ready).toBe(0);
  });

  it.each([
    ['no workload', { workload: undefined }, /option workload is missing/],
    ['a workload that is none', { workload: 'node' }, /option workload is missing/],
    ['a name too long', { name: 'a'.repeat(25) }, /at most 24 .* \(it has 25\)/],
    ['a name in capitals', { name: 'Web' }, /"Web" won't do/],
    ['an empty name', { name: '' }, /"" won't do/],
    ['0 nodes', { nodes: 0 }, /nodes must be a whole number from 1 to 1000, not 0/],
    ['half a node', { nodes: 1.5 }, /not 1\.5/],
    ['too many nodes', { nodes: 1_001 }, /not 1001/],
    ['nodes as text', { nodes: '3' }, /not 3/],
    ['more ready nodes than there are', { nodes: 2, ready: 3 }, /ready must be a whole number from 0 to 2, not 3/],
    ['a lease too short', { lease: 30 }, /lease must be a whole number of seconds from 120 to 86400, not 30/],
    ['no time at all', { timeout: 0 }, /timeout must be/],
    ['the number of nodes twice', { capacity: { desired: 3 } }, /as the option nodes/],
    ['types twice', { instanceTypes: ['m7g.large'], capacity: { instanceTypes: [] } }, /instance types once/],
    ['a type that is none', { instanceTypes: ['large'] }, /instanceTypes needs something like m7g\.large, not "large"/],
    ['a VPC that is none', { vpcId: 'my-vpc' }, /vpcId needs something like vpc-/],
    ['a subnet that is none', { subnetIds: ['a'] }, /subnetIds needs something like subnet-/],
    ['a tag of ours', { tags: { 'synkti:x': 'y' } }, /isn't yours to give/],
    ['a tag too long', { tags: { ['k'.repeat(129)]: 'y' } }, /too long/],
    ['a role that is none', { executionRole: 'admin' }, /executionRole needs something like arn:aws:iam/],
    ['another word for onSignal', { onSignal: 'exit' }, /'give-back' or 'leave'/],
    ['an unknown option', { node: 3 }, /knows no option "node"/],
    ['a Region that is none', { region: 'europe' }, /Region such as eu-central-1, not "europe"/],
    ['an endpoint that is none', { endpoint: 'localhost:1' }, /endpoint needs an address/],
    ['an empty profile', { profile: '' }, /name of a profile/],
  ])('%s: one sentence', (_, options, sentence) => {
    expect(() => check(options)).toThrow(BorrowError);
    expect(() => check(options)).toThrow(sentence);
    expect(() => check(options)).toThrow(/^[^\n]+\.$/);
    expect(() => check(options)).toThrow(expect.objectContaining({ code: 'OPTION' }));
  });

  it('nothing at all: one sentence', () => {
    expect(() => checkOptions(undefined as unknown as BorrowOptions, () => 'drawn')).toThrow(
      /needs an object of options/,
    );
  });
});
