import { chainDigest, resultLine } from '../../../../cli/rehearse/tasks/chain-rule.js';
import type { Execution, SubmittedTask, TaskFacts, TaskWrite } from '../../../../cli/rehearse/tasks/facts.js';
import type { Attempt, Lease } from '../../../../core/tasks/task.js';
import { wallMs } from '../../../../core/time.js';

/**
 * A good rehearsal of two tasks, from which each test spoils one thing: node a has task one, is interrupted and hands it
 * to b, which completes it; node b has task two, stands still past its lease, and c takes it over.
 */
export const LEASE_MS = 5_000;
const STEPS = 100;

export const attempt = (fence: number, instanceId: string, end: Attempt['end']): Attempt => ({
  fence,
  instanceId,
  instanceType: 'm7g.large',
  zone: 'us-east-1a',
  lifecycle: 'spot',
  startedMs: wallMs(fence * 1_000),
  endedMs: wallMs(fence * 1_000 + 900),
  end,
  exitCode: end === 'done' ? 0 : null,
  share: 0.2,
  redoneMs: 0,
});

export const lease = (id: string, state: Lease['state'], fence: number, rest: Partial<Lease> = {}): Lease => ({
  format: 1,
  id,
  run: 1,
  state,
  fence,
  holder: state === 'held' ? 'i-a' : null,
  nonce: `n${fence}`,
  checkpoint: null,
  progress: null,
  attempts: [],
  failures: 0,
  saveProblem: null,
  tail: '',
  ...rest,
});

export const task = (id: string): SubmittedTask => ({
  key: `${id}.1`,
  lengthMs: 10_000,
  steps: STEPS,
  result: chainDigest(id, STEPS),
  intervalMs: 1_000,
});

type LeaseWrite = Extract<TaskWrite, { type: 'lease' }>;

export const write = (
  atMs: number,
  by: string,
  id: string,
  state: Lease['state'],
  fence: number,
  rest: Partial<LeaseWrite> = {},
): LeaseWrite => ({
  atMs,
  by,
  task: `${id}.1`,
  type: 'lease',
  state,
  fence,
  holder: state === 'held' ? by : null,
  nonce: `n${fence}`,
  checkpoint: null,
  ...rest,
});

const other = (atMs: number, by: string, id: string, type: 'open' | 'open-deleted' | 'lease-deleted'): TaskWrite => ({
  atMs,
  by,
  task: `${id}.1`,
  type,
});

const manifest = (atMs: number, by: string, id: string, fence: number, seq: number): TaskWrite => ({
  atMs,
  by,
  task: `${id}.1`,
  type: 'checkpoint',
  fence,
  seq,
});

export const goodWrites = (): TaskWrite[] => [
  other(0, 'user', 'one', 'open'),
  other(0, 'user', 'two', 'open'),
  write(1_000, 'i-a', 'one', 'held', 1),
  write(1_000, 'i-b', 'two', 'held', 1),
  write(2_500, 'i-a', 'one', 'held', 1, { nonce: 'n1b' }),
  manifest(3_000, 'i-b', 'two', 1, 1),
  write(3_100, 'i-b', 'two', 'held', 1, { checkpoint: 'two/1/1.json', nonce: 'n1b' }),
  // a is interrupted, and gives its task to b.
  manifest(3_500, 'i-a', 'one', 1, 1),
  write(3_700, 'i-a', 'one', 'held', 2, { holder: 'i-b' }),
  write(5_000, 'i-b', 'one', 'held', 2, { nonce: 'n2b' }),
  // b stands still until 16 s; its lease on task two runs out.
  write(11_000, 'i-c', 'two', 'held', 2),
  write(14_000, 'i-c', 'one', 'held', 3),
  write(15_000, 'i-c', 'two', 'done', 2, { nonce: 'end' }),
  write(15_100, 'i-c', 'one', 'done', 3, { nonce: 'end' }),
  other(15_200, 'i-c', 'one', 'open-deleted'),
  other(15_200, 'i-c', 'two', 'open-deleted'),
  other(15_300, 'i-c', 'one', 'lease-deleted'),
  other(15_300, 'i-c', 'two', 'lease-deleted'),
  { atMs: 15_400, by: 'i-c', task: 'two.1', type: 'checkpoint-deleted', fence: 1, manifest: 'two/1/1.json' },
];

export const execution = (id: string, startedMs: number, from: number, to: number): Execution => ({
  task: `${id}.1`,
  startedMs,
  endedMs: startedMs + (to - from) * 100,
  from,
  to,
  state: to === STEPS ? 'done' : 'running',
});

const record = (id: string, fence: number, attempts: readonly Attempt[]) => ({
  task: `${id}.1`,
  lease: lease(id, 'done', fence, { nonce: 'end', attempts, tail: `${resultLine(chainDigest(id, STEPS))}\n` }),
});

export const goodFacts = (rest: Partial<TaskFacts> = {}): TaskFacts => ({
  tasks: [task('one'), task('two')],
  writes: goodWrites(),
  records: [
    record('one', 3, [attempt(1, 'i-a', 'handed-over'), attempt(2, 'i-b', 'lost'), attempt(3, 'i-c', 'done')]),
    record('two', 2, [attempt(1, 'i-b', 'lost'), attempt(2, 'i-c', 'done')]),
  ],
  openLeft: [],
  leasesLeft: [],
  executions: [
    execution('one', 1_100, 0, 25),
    execution('two', 1_100, 0, 40),
    execution('one', 3_800, 25, 50),
    execution('two', 11_100, 30, 100),
    execution('one', 14_100, 45, 100),
  ],
  pauses: [{ instanceId: 'i-b', fromMs: 5_500, toMs: 15_000 }],
  refusals: [{ atMs: 15_050, by: 'i-b' }],
  submittedMs: 0,
  allEndedMs: 15_100,
  limitMs: 60_000,
  leaseMs: LEASE_MS,
  cost: { usd: 0.001, instanceSeconds: 60, onDemandUsd: 0.003 },
  ...rest,
});
