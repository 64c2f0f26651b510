/** What is asked of EC2 is a kindness: without the rights the commands go on. */
import { describe, expect, it } from 'vitest';
import type { Session } from '../../../cli/aws/session.js';
import { costOf } from '../../../cli/tasks/cost.js';
import { roomOf } from '../../../cli/tasks/room.js';
import { DEFAULT_TASKS } from '../../../core/spec/parse.js';
import type { TasksWorkload } from '../../../core/spec/spec.js';
import { wallMs } from '../../../core/time.js';
import { specOf } from '../../core/fixtures.js';
import { attemptOf, NOW_MS, sdkError } from './fake-queue.js';

interface Sent {
  readonly input: Readonly<Record<string, unknown>>;
}

/** A session whose EC2 answers so. */
function sessionWith(answer: (input: Sent['input']) => object): Session & { readonly inputs: Sent['input'][] } {
  const inputs: Sent['input'][] = [];
  const ec2 = {
    send: async ({ input }: Sent) => {
      inputs.push(input);
      return answer(input);
    },
  };
  return { inputs, client: async () => ec2 } as unknown as Session & { readonly inputs: Sent['input'][] };
}

const denied = (): never => {
  throw Object.assign(sdkError('UnauthorizedOperation', 403), {
    message: 'User: x is not authorized to perform: ec2:DescribeSpotPriceHistory because no policy allows it',
  });
};

const HOUR_MS = 3_600_000;

describe('what a task cost', () => {
  const hour = { startedMs: wallMs(NOW_MS - HOUR_MS), endedMs: wallMs(NOW_MS) };
  const prices = [{ SpotPrice: '0.04', Timestamp: new Date(NOW_MS - 2 * HOUR_MS) }];

  it('is its share of the price in each pool, which is asked for once', async () => {
    const session = sessionWith(({ AvailabilityZone: zone }) => ({
      SpotPriceHistory: zone === 'us-east-1a' ? prices : [],
      NextToken: '',
    }));
    const attempts = [
      attemptOf(1, hour),
      attemptOf(2, hour),
      attemptOf(3, { ...hour, zone: 'us-east-1b' }),
      attemptOf(4, { ...hour, lifecycle: 'on-demand' }),
    ];
    const cost = await costOf(session, attempts, NOW_MS);
    expect(cost.usd).toBeCloseTo(0.04, 10);
    expect(cost.without).toBe(
      '1 on-demand (EC2 has no list of these prices), 1 on spot (EC2 has no price of that time)',
    );
    expect(session.inputs.map(({ AvailabilityZone }) => AvailabilityZone)).toEqual(['us-east-1a', 'us-east-1b']);
  });

  it('is not known without the right to ask', async () => {
    expect(await costOf(sessionWith(denied), [attemptOf(1, hour)], NOW_MS)).toEqual({
      usd: 0,
      without: "all, since ec2:DescribeSpotPriceHistory isn't allowed",
    });
  });
});

describe('the room of a node', () => {
  const spec = (change: Partial<TasksWorkload>) => {
    const tasks = { kind: 'tasks', name: 'tasks', memoryMiB: null, gpuMemoryMiB: 0, ...DEFAULT_TASKS, ...change };
    return specOf({ workloads: [tasks as TasksWorkload] });
  };
  const types = () => ({
    InstanceTypes: [
      { MemoryInfo: { SizeInMiB: 8_192 } },
      { MemoryInfo: { SizeInMiB: 16_384 }, GpuInfo: { Gpus: [{ Count: 1 }, { Count: 2 }] } },
    ],
  });

  it('is what the spec says, without asking', async () => {
    const session = sessionWith(types);
    expect(await roomOf(session, spec({ memoryMiB: 4_096 }))).toMatchObject({ memoryMiB: 4_096, gpus: null });
    expect(session.inputs).toEqual([]);
  });

  it('is else that of the largest type, less what is left free', async () => {
    const room = await roomOf(sessionWith(types), spec({ gpuMemoryMiB: 22_528 }));
    expect(room).toEqual({
      memoryMiB: 15_872,
      gpuMemoryMiB: 22_528,
      gpus: 3,
      source: 'the largest of its 2 instance types',
    });
  });

  it('is not known without the right to ask, or of types that nobody knows', async () => {
    for (const answer of [denied, () => ({ InstanceTypes: [] })]) {
      expect(await roomOf(sessionWith(answer), spec({}))).toMatchObject({ memoryMiB: null, gpus: null });
    }
  });
});
