/** A cluster in somebody's hands. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeListenersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Aws } from './aws.js';
import { BorrowError } from './error.js';
import type { Loan } from './loan.js';
import { healthyTargets, nodesOf, servingSlots } from './nodes.js';
import type { Wish } from './options.js';
import { isLoopback } from './options-aws.js';
import { changeDesired } from './scale.js';
import { nextLookMs } from './stack-state.js';
import { OUTPUT } from './synth.js';
import type { BorrowedCluster } from './types.js';

/** Makes the handle. @throws what the SDK throws */
export async function openCluster(
  aws: Aws,
  loan: Loan,
  wish: Wish,
  outputs: Readonly<Record<string, string>>,
  giveBack: () => Promise<void>,
): Promise<BorrowedCluster> {
  const { name, say } = wish;
  const targets = outputs[OUTPUT.targets] ?? null;
  const endpoint = await endpointOf(aws, outputs);
  let desired = wish.nodes;

  /** Calls of a cluster that is gone would only confuse. */
  async function held<T>(work: () => Promise<T>): Promise<T> {
    if (loan.isGivenBack) throw new BorrowError('GIVEN_BACK', `The cluster ${name} was given back already.`);
    try {
      return await work();
    } catch (error) {
      throw aws.explain(error);
    }
  }
  return {
    name,
    region: aws.region,
    endpoint,
    bucket: outputs[OUTPUT.bucket] ?? '',
    stackId: loan.stackId ?? '',
    nodes: () => held(() => nodesOf(aws, name)),
    ready: (nodes = desired) =>
      held(() => {
        checkCount(nodes);
        return waitReady(aws, { ...wish, ready: nodes }, targets, AbortSignal.timeout(wish.timeoutMs), say);
      }),
    scale: (nodes) =>
      held(async () => {
        checkCount(nodes);
        await changeDesired(aws, outputs[OUTPUT.spec] ?? '', nodes);
        desired = nodes;
      }),
    giveBack,
    [Symbol.asyncDispose]: giveBack,
  };
}

function checkCount(nodes: number): void {
  if (Number.isInteger(nodes) && nodes >= 1 && nodes <= 1_000) return;
  throw new BorrowError('OPTION', `The number of nodes must be a whole number from 1 to 1000, not ${String(nodes)}.`);
}

/** A local cloud moves ports that would need root (docs/rehearsal.md). */
const portAt = (aws: Aws, port: number): number =>
  aws.endpoint !== null && isLoopback(aws.endpoint) && port < 1_024 ? port + 8_000 : port;

async function endpointOf(aws: Aws, outputs: Readonly<Record<string, string>>): Promise<string | null> {
  const host = outputs[OUTPUT.balancer];
  const arn = outputs[OUTPUT.listener];
  if (host === undefined || arn === undefined) return null;
  const { Listeners } = await aws.elbv2.send(new DescribeListenersCommand({ ListenerArns: [arn] }));
  const { Protocol = 'HTTP', Port = 80 } = Listeners?.[0] ?? {};
  return new URL(`${Protocol.toLowerCase()}://${host}:${portAt(aws, Port)}`).origin;
}

/** Looks that may fail in a row before the wait does. */
const MAX_BLIND_LOOKS = 10;

/**
 * Also counts the load balancer's view: a node can serve a moment before it is sent requests. A workload with `copies` has
 * fewer targets than nodes.
 *
 * @throws BorrowError NOT_READY when the signal comes first
 */
export async function waitReady(
  aws: Aws,
  { name, ready, workload }: Pick<Wish, 'name' | 'ready' | 'workload'>,
  targetGroupArn: string | null,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  if (ready === 0) return;
  const wanted = targetGroupArn === null ? 0 : Math.min(ready, workload._options.copies ?? ready);
  const startedMs = performance.now();
  let told = '';
  let blind = 0;
  for (;;) {
    try {
      const nodes = await nodesOf(aws, name);
      const serving = servingSlots(nodes);
      const healthy = targetGroupArn === null ? 0 : await healthyTargets(aws, targetGroupArn);
      blind = 0;
      const text = `${serving} of ${ready} nodes serve${targetGroupArn === null ? '' : `, ${healthy} get requests`}`;
      if (text !== told) say(text);
      told = text;
      if (serving >= ready && healthy >= wanted) return;
    } catch (error) {
      blind += 1;
      if (blind >= MAX_BLIND_LOOKS) throw error;
    }
    const late = (): BorrowError =>
      new BorrowError(
        'NOT_READY',
        `The cluster ${name} isn't ready in time: ${told === '' ? 'EC2 tells nothing of it' : told}.`,
      );
    if (signal.aborted) throw late();
    await sleep(nextLookMs(performance.now() - startedMs), undefined, { signal }).catch(() => {
      throw late();
    });
  }
}
