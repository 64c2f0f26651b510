import type { HeldSeat } from '../seats/seat.js';
import { wallMs } from '../time.js';
import { ByteReader, ByteWriter, DecodeError, isName, NAME_MAX, nameSize, WHOLE_MAX, wholeSize } from './bytes.js';
import { SEAL_BYTES } from './keyring.js';
import {
  type Address,
  type LeaveCause,
  type Leaving,
  MAX_PURSUING,
  MAX_WARM,
  type Member,
  type MemberStatus,
  type Meta,
  WARM_LENGTH,
  type WorkloadHealth,
} from './member.js';
import type { Exchange, Message } from './message.js';

/**
 * The wire format of gossip, inside the sealed envelope (keyring.ts has the version). A body is a kind byte and then
 * either messages or an exchange. Decoding is strict: whatever isn't exactly as encoded is refused as a whole, and
 * nothing is thrown out of it.
 */

/** Bytes of a datagram as sent, at most: fits every path's MTU with room for headers (memberlist's UDPBufferSize). */
export const DATAGRAM_MAX = 1_400;
/** Bytes of the messages in a datagram's body, at most: less the envelope, the kind byte and the count. */
export const MESSAGES_BUDGET = DATAGRAM_MAX - SEAL_BYTES - 3;
/** Members in one exchange, at most. */
export const EXCHANGE_MEMBERS_MAX = 20_000;
/** Bytes of one exchange's body, at most: hosts refuse longer ones unread. */
export const EXCHANGE_BYTES_MAX = 8 * 1024 * 1024;

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const KIND = { messages: 1, exchange: 2 } as const;
const MESSAGES_MAX = 512;
const TYPES: readonly Message['type'][] = ['ping', 'ping-req', 'ack', 'nack', 'alive', 'suspect', 'dead'];
const STATUSES: readonly MemberStatus[] = ['alive', 'suspect', 'dead', 'left'];
const HEALTHS: readonly WorkloadHealth[] = ['starting', 'healthy', 'unhealthy', 'stopped'];
const LIFECYCLES: readonly Meta['lifecycle'][] = ['spot', 'on-demand'];
const STANDBYS: readonly Meta['standby'][] = ['none', 'keep', 'release'];
const FLAGS = [false, true] as const;
/** Position on the wire; new causes go to the end. */
const CAUSES: readonly LeaveCause[] = [
  'interruption',
  'maintenance',
  'rebalance',
  'scale-in',
  'surplus',
  'superseded',
  'update',
  'stop',
];
/** 0: not leaving; else the cause's position + 1. */
const LEAVING: readonly (LeaveCause | null)[] = [null, ...CAUSES];

/** Used again for every datagram: making a buffer costs more than filling it. */
const datagramWriter = new ByteWriter(DATAGRAM_MAX);

export function encodeMessages(messages: readonly Message[]): Uint8Array {
  const out = datagramWriter;
  out.byte(KIND.messages);
  out.whole(messages.length);
  for (const message of messages) writeMessage(out, message);
  return out.finish();
}

export function decodeMessages(bytes: Uint8Array): Decoded<readonly Message[]> {
  return decode(bytes, KIND.messages, (input) => input.list(MESSAGES_MAX, () => readMessage(input)));
}

export function encodeExchange(exchange: Exchange): Uint8Array {
  const out = new ByteWriter(256 + exchange.members.length * 128);
  out.byte(KIND.exchange);
  out.name(exchange.sender);
  out.whole(exchange.members.length);
  for (const member of exchange.members) writeMember(out, member);
  return out.finish();
}

export function decodeExchange(bytes: Uint8Array): Decoded<Exchange> {
  return decode(bytes, KIND.exchange, (input) => ({
    sender: input.name(),
    members: input.list(EXCHANGE_MEMBERS_MAX, () => readMember(input)),
  }));
}

/** Bytes that one message takes in a body. */
export function encodedSize(message: Message): number {
  switch (message.type) {
    case 'ping':
      return 1 + wholeSize(message.seq) + nameSize(message.sender) + nameSize(message.target);
    case 'ping-req': {
      const names = nameSize(message.sender) + nameSize(message.target);
      return 1 + wholeSize(message.seq) + names + addressSize(message.targetAddress);
    }
    case 'ack':
    case 'nack':
      return 1 + wholeSize(message.seq) + nameSize(message.sender);
    case 'alive':
      return 1 + memberSize(message.member);
    case 'suspect':
    case 'dead':
      return 1 + nameSize(message.id) + wholeSize(message.incarnation) + nameSize(message.accuser);
  }
}

/** What keeps a member from being sent, as a sentence; null when nothing does. Checked for the own one at the start. */
export function unsendable(member: Member): string | null {
  const { id, address, incarnation, meta } = member;
  const names = { id, host: address.host, zone: meta.zone, 'instance type': meta.instanceType };
  for (const [what, value] of Object.entries(names)) {
    if (!isName(value)) return `The ${what} '${value}' can't be sent: 1 to ${NAME_MAX} printable ASCII characters.`;
  }
  const odd = meta.warm.find((digest) => !isName(digest, WARM_LENGTH));
  if (odd !== undefined) {
    return `The digest '${odd}' can't be sent: 1 to ${WARM_LENGTH} printable ASCII characters.`;
  }
  if (address.port < 1 || address.port > 65_535) return `The port ${address.port} can't be sent: 1 to 65535.`;
  if (!Number.isInteger(incarnation) || incarnation < 0 || incarnation > WHOLE_MAX) {
    return `The incarnation ${incarnation} can't be sent: a whole number up to 2^52.`;
  }
  return null;
}

function decode<T>(bytes: Uint8Array, kind: number, read: (input: ByteReader) => T): Decoded<T> {
  const input = new ByteReader(bytes);
  try {
    if (input.byte() !== kind) return { ok: false, reason: 'unknown kind of body' };
    const value = read(input);
    input.end();
    return { ok: true, value };
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, reason: error.message };
    throw error;
  }
}

function writeMessage(out: ByteWriter, message: Message): void {
  out.byte(TYPES.indexOf(message.type));
  switch (message.type) {
    case 'ping':
      out.whole(message.seq);
      out.name(message.sender);
      out.name(message.target);
      return;
    case 'ping-req':
      out.whole(message.seq);
      out.name(message.sender);
      out.name(message.target);
      writeAddress(out, message.targetAddress);
      return;
    case 'ack':
    case 'nack':
      out.whole(message.seq);
      out.name(message.sender);
      return;
    case 'alive':
      writeMember(out, message.member);
      return;
    case 'suspect':
    case 'dead':
      out.name(message.id);
      out.whole(message.incarnation);
      out.name(message.accuser);
      return;
  }
}

function readMessage(input: ByteReader): Message {
  const type = input.oneOf(TYPES);
  switch (type) {
    case 'ping':
      return { type, seq: input.whole(), sender: input.name(), target: input.name() };
    case 'ping-req': {
      const head = { type, seq: input.whole(), sender: input.name(), target: input.name() };
      return { ...head, targetAddress: readAddress(input) };
    }
    case 'ack':
    case 'nack':
      return { type, seq: input.whole(), sender: input.name() };
    case 'alive': {
      const member = readMember(input);
      if (member.status === 'suspect' || member.status === 'dead') throw new DecodeError('impossible word on oneself');
      return { type, member };
    }
    case 'suspect':
    case 'dead':
      return { type, id: input.name(), incarnation: input.whole(), accuser: input.name() };
  }
}

function writeMember(out: ByteWriter, { id, address, incarnation, status, meta }: Member): void {
  out.name(id);
  writeAddress(out, address);
  out.whole(incarnation);
  out.byte(STATUSES.indexOf(status));
  writeSeat(out, meta.seat);
  out.name(meta.zone);
  out.name(meta.instanceType);
  out.byte(LIFECYCLES.indexOf(meta.lifecycle));
  out.whole(size(meta.freeMemoryMiB));
  out.whole(size(meta.freeGpuMemoryMiB));
  out.whole(size(meta.work));
  const warm = meta.warm.slice(0, MAX_WARM);
  out.whole(warm.length);
  for (const digest of warm) out.name(digest);
  out.byte(FLAGS.indexOf(meta.pressure));
  out.byte(HEALTHS.indexOf(meta.workload));
  for (const value of copiesOf(meta)) out.whole(size(value));
  out.whole(meta.specVersion);
  out.name(meta.revision);
  out.byte(STANDBYS.indexOf(meta.standby));
  const pursuing = meta.pursuing.slice(0, MAX_PURSUING);
  out.whole(pursuing.length);
  for (const seat of pursuing) writeSeat(out, seat);
  out.byte(LEAVING.indexOf(meta.leaving?.cause ?? null));
  if (meta.leaving !== null) out.whole(size(meta.leaving.deadlineMs));
}

function readMember(input: ByteReader): Member {
  return {
    id: input.name(),
    address: readAddress(input),
    incarnation: input.whole(),
    status: input.oneOf(STATUSES),
    meta: {
      seat: readSeat(input),
      zone: input.name(),
      instanceType: input.name(),
      lifecycle: input.oneOf(LIFECYCLES),
      freeMemoryMiB: input.whole(),
      freeGpuMemoryMiB: input.whole(),
      work: input.whole(),
      warm: input.list(MAX_WARM, () => input.name(WARM_LENGTH)),
      pressure: input.oneOf(FLAGS),
      workload: input.oneOf(HEALTHS),
      runs: input.whole(),
      serves: input.whole(),
      copyMemoryMiB: input.whole(),
      copyGpuMemoryMiB: input.whole(),
      specVersion: input.whole(),
      revision: input.name(),
      standby: input.oneOf(STANDBYS),
      pursuing: input.list(MAX_PURSUING, () => readSeat(input)),
      leaving: readLeaving(input),
    },
  };
}

function memberSize({ id, address, incarnation, meta }: Member): number {
  let bytes = nameSize(id) + addressSize(address) + wholeSize(incarnation) + 1 + seatSize(meta.seat);
  bytes += nameSize(meta.zone) + nameSize(meta.instanceType) + 1;
  bytes += wholeSize(size(meta.freeMemoryMiB)) + wholeSize(size(meta.freeGpuMemoryMiB)) + 1;
  bytes += wholeSize(size(meta.work)) + 1 + 1;
  for (const digest of meta.warm.slice(0, MAX_WARM)) bytes += nameSize(digest);
  for (const value of copiesOf(meta)) bytes += wholeSize(size(value));
  bytes += wholeSize(meta.specVersion) + nameSize(meta.revision) + 1 + 1;
  for (const seat of meta.pursuing.slice(0, MAX_PURSUING)) bytes += seatSize(seat);
  return bytes + 1 + (meta.leaving === null ? 0 : wholeSize(size(meta.leaving.deadlineMs)));
}

const copiesOf = (meta: Meta): readonly number[] => [meta.runs, meta.serves, meta.copyMemoryMiB, meta.copyGpuMemoryMiB];

function readLeaving(input: ByteReader): Leaving | null {
  const cause = input.oneOf(LEAVING);
  return cause === null ? null : { cause, deadlineMs: wallMs(input.whole()) };
}

function writeAddress(out: ByteWriter, address: Address): void {
  out.name(address.host);
  out.whole(address.port);
}

function readAddress(input: ByteReader): Address {
  const host = input.name();
  const port = input.whole(65_535);
  if (port === 0) throw new DecodeError('port 0');
  return { host, port };
}

const addressSize = (address: Address): number => nameSize(address.host) + wholeSize(address.port);

function writeSeat(out: ByteWriter, seat: HeldSeat): void {
  out.whole(seat.slot);
  out.whole(seat.generation);
  out.whole(seat.rung);
}

const readSeat = (input: ByteReader): HeldSeat => ({
  slot: input.whole(),
  generation: input.whole(),
  rung: input.whole(),
});

const seatSize = (seat: HeldSeat): number => wholeSize(seat.slot) + wholeSize(seat.generation) + wholeSize(seat.rung);

/** Amounts go as whole numbers that fit. */
const size = (value: number): number => Math.min(WHOLE_MAX, Math.max(0, Math.round(value)));
