import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { aes256Gcm } from '../../agent/aead.js';
import { type GossipSocket, openGossipSocket } from '../../agent/gossip-socket.js';
import { FrameReader, frame, MAX_FRAME_BYTES } from '../../agent/gossip-stream.js';
import { holdKeyring, readKeyring } from '../../agent/keyring.js';
import { buildKeyring } from '../../core/gossip/keyring.js';
import type { Exchange, Message } from '../../core/gossip/message.js';
import { seededRng } from '../../core/rng.js';
import { monoMs, wallMs } from '../../core/time.js';
import { eventually } from './wait.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const keyOf = (name: string) => createHash('sha256').update(name).digest();
const secretOf = (primary: string, ...older: string[]) =>
  JSON.stringify({
    primary: keyOf(primary).toString('base64'),
    older: older.map((name) => keyOf(name).toString('base64')),
  });

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Party {
  readonly socket: GossipSocket;
  readonly port: number;
  readonly got: (readonly Message[])[];
  readonly exchanges: Exchange[];
  /** What the secret says from now on. */
  setSecret(text: string): void;
  advance(ms: number): void;
  readonly problems: string[];
}

async function party(secret: string, cluster = 'web', wall = 1_000_000): Promise<Party> {
  let text = secret;
  let now = 0;
  const problems: string[] = [];
  const clock = () => ({ nowMs: monoMs(now), wallMs: wallMs(wall + now), rng: seededRng(1) });
  const read = () => readKeyring(async () => ({ ok: true, value: text }));
  const first = await read();
  if (!first.ok) throw new Error(first.problem);
  const holder = holdKeyring({
    first: first.value,
    cluster,
    clock,
    read,
    onProblem: (p) => problems.push(p),
    onChange: () => {},
  });
  const port = await freePort();
  const got: (readonly Message[])[] = [];
  const exchanges: Exchange[] = [];
  const socket = await openGossipSocket({
    bindAddress: '127.0.0.1',
    port,
    envelope: holder.envelope,
    onDatagram: (_from, messages) => got.push(messages),
    onExchange: (connection, exchange) => {
      exchanges.push(exchange);
      socket.reply(connection, { sender: 'i-answer', members: [] });
    },
  });
  closers.push(
    () => socket.close(),
    () => holder.stop(),
  );
  return {
    socket,
    port,
    got,
    exchanges,
    problems,
    setSecret: (next) => {
      text = next;
    },
    advance: (ms) => {
      now += ms;
    },
  };
}

const PING: Message = { type: 'ping', seq: 7, sender: 'i-a', target: 'i-b' };
const to = (other: Party) => ({ host: '127.0.0.1', port: other.port });

describe('gossip sockets', () => {
  it('carry sealed datagrams', async () => {
    const [a, b] = [await party(secretOf('k')), await party(secretOf('k'))];
    a.socket.send(to(b), [PING]);
    await eventually(
      () => b.got.length,
      (n) => n === 1,
    );
    expect(b.got[0]).toEqual([PING]);
    expect(b.socket.counters).toMatchObject({ received: 1, receivedBytes: a.socket.counters.sentBytes });
  });

  it('drop garbage, forgeries and what another cluster or an old clock sends, and count each', async () => {
    const b = await party(secretOf('k'));
    const raw = createSocket('udp4');
    closers.push(() => raw.close());
    raw.send(Buffer.from('garbage'), b.port, '127.0.0.1');
    (await party(secretOf('other'))).socket.send(to(b), [PING]);
    (await party(secretOf('k'), 'db')).socket.send(to(b), [PING]);
    (await party(secretOf('k'), 'web', 1_000_000 - 200_000)).socket.send(to(b), [PING]);
    await eventually(
      () => b.socket.counters.dropped,
      (d) => Object.keys(d).length === 4,
    );
    expect(b.socket.counters.dropped).toEqual({ garbage: 1, 'unknown-key': 1, forged: 1, stale: 1 });
    expect(b.got).toEqual([]);
  });

  it('exchange states over TCP', async () => {
    const [a, b] = [await party(secretOf('k')), await party(secretOf('k'))];
    expect(await a.socket.exchange(to(b), { sender: 'i-a', members: [] })).toEqual({ sender: 'i-answer', members: [] });
    expect(b.exchanges).toEqual([{ sender: 'i-a', members: [] }]);
  });

  it('an exchange with a stranger, or with nobody, is none', async () => {
    const [a, b] = [await party(secretOf('k')), await party(secretOf('other'))];
    expect(await a.socket.exchange(to(b), { sender: 'i-a', members: [] })).toBeNull();
    expect(b.exchanges).toEqual([]);
    expect(
      await a.socket.exchange({ host: '127.0.0.1', port: await freePort() }, { sender: 'i-a', members: [] }),
    ).toBeNull();
    expect(a.socket.counters.exchangesFailed).toBe(2);
  });

  it('cut a connection that promises too much, unread', async () => {
    const b = await party(secretOf('k'));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(MAX_FRAME_BYTES + 1);
    await new Promise<void>((resolve) => {
      const connection = createConnection(b.port, '127.0.0.1', () => connection.write(head));
      connection.on('error', () => {});
      connection.on('close', () => resolve());
    });
    expect(b.socket.counters.dropped).toEqual({ 'too-long': 1 });
  });

  it('a taken port is an error, and nothing stays open', async () => {
    const a = await party(secretOf('k'));
    const options = {
      bindAddress: '127.0.0.1',
      envelope: { seal: (p: Uint8Array) => p, open: () => ({ ok: false as const, reason: 'x' }) },
    };
    await expect(
      openGossipSocket({ ...options, port: a.port, onDatagram: () => {}, onExchange: () => {} }),
    ).rejects.toThrow(/EADDRINUSE/);
  });

  it('read the keyring again when an unknown key comes in, but not for each datagram', async () => {
    const [a, b] = [await party(secretOf('new', 'old')), await party(secretOf('old'))];
    b.setSecret(secretOf('old', 'new'));
    b.advance(31_000);
    a.advance(31_000);
    a.socket.send(to(b), [PING]);
    await eventually(
      () => b.socket.counters.dropped['unknown-key'],
      (n) => n === 1,
    );
    a.socket.send(to(b), [PING]);
    await eventually(
      () => b.got.length,
      (n) => n === 1,
    );
    // The ring is fresh now: another unknown key isn't looked up.
    b.setSecret('nonsense');
    const stranger = await party(secretOf('stranger'));
    stranger.advance(31_000);
    stranger.socket.send(to(b), [PING]);
    await eventually(
      () => b.socket.counters.dropped['unknown-key'],
      (n) => n === 2,
    );
    expect(b.problems).toEqual([]);
  });
});

describe('frames', () => {
  it('come together however they are cut', () => {
    const payload = randomBytes(1_000);
    const whole = frame(payload);
    for (const step of [1, 3, 999, 5_000]) {
      const reader = new FrameReader();
      let result: Buffer | 'too-long' | null = null;
      for (let at = 0; at < whole.length; at += step) result = reader.take(whole.subarray(at, at + step));
      expect(result).toEqual(payload);
    }
  });
});

describe('AES-256-GCM', () => {
  const [key, nonce, aad] = [keyOf('k'), randomBytes(12), Buffer.from('head')];

  it('opens what it sealed, and nothing else', () => {
    const sealed = aes256Gcm.seal(key, nonce, Buffer.from('hello'), aad);
    expect(aes256Gcm.open(key, nonce, sealed, aad)).toEqual(Buffer.from('hello'));
    expect(aes256Gcm.open(key, nonce, sealed, Buffer.from('tail'))).toBeNull();
    expect(aes256Gcm.open(keyOf('other'), nonce, sealed, aad)).toBeNull();
    expect(aes256Gcm.open(key, nonce, new Uint8Array(3), aad)).toBeNull();
    sealed[0] = (sealed[0] ?? 0) ^ 1;
    expect(aes256Gcm.open(key, nonce, sealed, aad)).toBeNull();
  });

  it('builds a keyring', () => {
    expect(buildKeyring(key, [keyOf('o')], aes256Gcm).primary.id).not.toBe(
      buildKeyring(keyOf('o'), [], aes256Gcm).primary.id,
    );
  });
});
