/** What the tests of core/ share: contexts, a small spec, members and nodes as EC2 shows them. */
import type { CloudErrorKind, NodeView, Outcome } from '../../core/cloud.js';
import type { Member, Meta } from '../../core/gossip/member.js';
import { seededRng } from '../../core/rng.js';
import type { HeldSeat } from '../../core/seats/seat.js';
import { DEFAULT_POLICY } from '../../core/spec/parse.js';
import type { PolicySpec, Spec } from '../../core/spec/spec.js';
import { type Context, monoMs, type Rng, wallMs } from '../../core/time.js';

/** Wall time of monotonic 0 in these tests. */
export const EPOCH_MS = Date.parse('2026-01-17T10:00:00Z');

/** A moment: `nowMs` on both clocks. */
export function at(nowMs: number, rng: Rng = seededRng(nowMs)): Context {
  return { nowMs: monoMs(nowMs), wallMs: wallMs(EPOCH_MS + nowMs), rng };
}

export const policyOf = (change: Partial<PolicySpec> = {}): PolicySpec => ({ ...DEFAULT_POLICY, ...change });

export function specOf(change: Partial<Spec> = {}): Spec {
  return {
    format: 1,
    version: 1,
    cluster: 'web',
    epoch: 'e1',
    desired: 3,
    launch: {
      templateId: 'lt-0123456789abcdef0',
      templateVersion: 3,
      pools: [
        { instanceType: 'm7g.large', zone: 'us-east-1a', subnetId: 'subnet-a' },
        { instanceType: 'm6g.large', zone: 'us-east-1a', subnetId: 'subnet-a' },
        { instanceType: 'm7g.large', zone: 'us-east-1b', subnetId: 'subnet-b' },
      ],
      onDemandAfter: 2,
      onDemandBase: 0,
    },
    workloads: [
      {
        kind: 'process',
        name: 'api',
        command: ['node', 'server.mjs'],
        workingDirectory: null,
        port: 8080,
        environment: {},
        health: { path: '/health', intervalMs: 1_000, timeoutMs: 500, healthyAfter: 1, unhealthyAfter: 3 },
        inFlightPath: null,
        targetGroupArns: [TARGET_GROUP],
        stopGraceMs: 10_000,
      },
    ],
    policy: policyOf(),
    gossip: { preset: 'local', port: 7946, secretId: 'synkti/web/gossip' },
    bucket: 'synkti-web',
    ...change,
  };
}

export const TARGET_GROUP = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef';

export const seatOf = (slot: number, generation = 1, rung = 0): HeldSeat => ({ slot, generation, rung });

export function metaOf(change: Partial<Meta> = {}): Meta {
  return {
    seat: seatOf(0),
    zone: 'us-east-1a',
    instanceType: 'm7g.large',
    lifecycle: 'spot',
    freeMemoryMiB: 1_024,
    freeGpuMemoryMiB: 0,
    work: 0,
    warm: [],
    pressure: false,
    workload: 'healthy',
    runs: 0,
    serves: 0,
    copyMemoryMiB: 0,
    copyGpuMemoryMiB: 0,
    specVersion: 1,
    revision: '1.web',
    standby: 'none',
    pursuing: [],
    leaving: null,
    ...change,
  };
}

export function memberOf(id: string, meta: Partial<Meta> = {}, change: Partial<Member> = {}): Member {
  const address = { host: `10.0.0.${(id.length * 7) % 250}`, port: 7946 };
  return { id, address, incarnation: EPOCH_MS, status: 'alive', meta: metaOf(meta), ...change };
}

export function nodeViewOf(instanceId: string, seat: HeldSeat | null, change: Partial<NodeView> = {}): NodeView {
  return {
    instanceId,
    state: 'running',
    statusOk: null,
    privateIp: '10.0.0.9',
    zone: 'us-east-1a',
    instanceType: 'm7g.large',
    lifecycle: 'spot',
    launchTimeMs: EPOCH_MS,
    seat,
    token: null,
    ...change,
  };
}

export const failure = (kind: CloudErrorKind, code = `Test.${kind}`): Outcome & { readonly ok: false } => ({
  ok: false,
  error: { kind, code, message: `a ${kind} error` },
});
