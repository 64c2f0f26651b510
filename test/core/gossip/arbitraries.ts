import fc from 'fast-check';
import { MAX_PURSUING, MAX_WARM, type Member, type Meta, WARM_LENGTH } from '../../../core/gossip/member.js';
import type { Message } from '../../../core/gossip/message.js';
import { wallMs } from '../../../core/time.js';

const whole = fc.integer({ min: 0, max: 2 ** 40 });
export const name = fc.string({ minLength: 1, maxLength: 64, unit: fc.constantFrom(...'abcdef0123456789-._~!/:') });
const seat = fc.record({ slot: whole, generation: whole, rung: whole });
const address = fc.record({ host: name, port: fc.integer({ min: 1, max: 65_535 }) });
const causes = [
  'interruption',
  'maintenance',
  'rebalance',
  'scale-in',
  'surplus',
  'superseded',
  'update',
  'stop',
] as const;

export const meta: fc.Arbitrary<Meta> = fc.record({
  seat,
  zone: name,
  instanceType: name,
  lifecycle: fc.constantFrom('spot', 'on-demand'),
  freeMemoryMiB: whole,
  freeGpuMemoryMiB: whole,
  work: whole,
  warm: fc.array(
    name.map((text) => text.slice(0, WARM_LENGTH)),
    { maxLength: MAX_WARM },
  ),
  pressure: fc.boolean(),
  workload: fc.constantFrom('starting', 'healthy', 'unhealthy', 'stopped'),
  runs: whole,
  serves: whole,
  copyMemoryMiB: whole,
  copyGpuMemoryMiB: whole,
  specVersion: whole,
  revision: name,
  standby: fc.constantFrom('none', 'keep', 'release'),
  pursuing: fc.array(seat, { maxLength: MAX_PURSUING }),
  leaving: fc.option(fc.record({ cause: fc.constantFrom(...causes), deadlineMs: whole.map(wallMs) })),
});

const memberOf = (status: fc.Arbitrary<Member['status']>): fc.Arbitrary<Member> =>
  fc.record({ id: name, address, incarnation: fc.integer({ min: 0, max: 2 ** 52 }), status, meta });

export const anyMember = memberOf(fc.constantFrom('alive', 'suspect', 'dead', 'left'));

const word = { id: name, incarnation: whole, accuser: name };
const asked = { seq: whole, sender: name };

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('ping' as const), ...asked, target: name }),
  fc.record({ type: fc.constant('ping-req' as const), ...asked, target: name, targetAddress: address }),
  fc.record({ type: fc.constant('ack' as const), ...asked }),
  fc.record({ type: fc.constant('nack' as const), ...asked }),
  fc.record({ type: fc.constant('alive' as const), member: memberOf(fc.constantFrom('alive', 'left')) }),
  fc.record({ type: fc.constant('suspect' as const), ...word }),
  fc.record({ type: fc.constant('dead' as const), ...word }),
);
