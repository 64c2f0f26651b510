import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRng } from '../../../core/rng.js';
import { type AddressBlock, allocateAddresses } from '../../../local/address.js';
import { Network } from '../../../local/network/network.js';
import type { NetworkFaults } from '../../../local/network/policy.js';
import { eventually } from '../eventually.js';

const PORT = 7946;

interface Node {
  readonly id: string;
  readonly eni: string;
  readonly inside: string;
  readonly udp: Socket;
  readonly received: { text: string; from: string }[];
  readonly tcp: Server;
}

class Rig {
  readonly network: Network;
  readonly nodes: Node[] = [];
  readonly #addresses: AddressBlock;

  constructor(addresses: AddressBlock, faults: Partial<NetworkFaults>) {
    this.#addresses = addresses;
    this.network = new Network({ rng: seededRng('network test'), faults });
  }

  async add(id: string): Promise<Node> {
    const { eni, inside } = this.#addresses.nextNode(0);
    const udp = createSocket('udp4');
    const received: Node['received'] = [];
    udp.on('message', (data, sender) =>
      received.push({ text: data.toString(), from: `${sender.address}:${sender.port}` }),
    );
    udp.bind(PORT, inside);
    await once(udp, 'listening');
    // Answers with the caller's address, then echoes.
    const tcp = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(`${socket.remoteAddress}\n`);
      socket.pipe(socket);
    });
    tcp.listen(PORT, inside);
    await once(tcp, 'listening');
    await this.network.attach({ instanceId: id, eni, inside, port: PORT });
    const node = { id, eni, inside, udp, received, tcp };
    this.nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    this.network.close();
    for (const { udp, tcp } of this.nodes) {
      udp.close();
      tcp.close();
    }
    await this.#addresses.release();
  }
}

let current: Rig | null = null;
async function newRig(faults: Partial<NetworkFaults> = {}): Promise<Rig> {
  current = new Rig(await allocateAddresses(), faults);
  return current;
}
afterEach(async () => {
  await current?.close();
  current = null;
});

const send = (from: Node, to: Node, text: string): void => from.udp.send(text, PORT, to.eni);

describe('datagrams', () => {
  it("come from the sender's ENI, so that the receiver can answer there", async () => {
    const rig = await newRig();
    const [a, b] = [await rig.add('i-a'), await rig.add('i-b')];
    send(a, b, 'ping');
    const ping = await eventually('ping', () => b.received[0]);
    expect(ping).toEqual({ text: 'ping', from: `${a.eni}:${PORT}` });
    b.udp.send('pong', PORT, a.eni);
    expect(await eventually('pong', () => a.received[0])).toEqual({ text: 'pong', from: `${b.eni}:${PORT}` });
    expect(rig.network.counters).toMatchObject({ datagrams: 2, delivered: 2, lost: 0, bytes: 8 });
  });

  it('are lost, doubled and delayed as the faults say, and counted', async () => {
    const rig = await newRig({ lossRate: 0.3, duplicateRate: 0.2, maxDelayMs: 20 });
    const { network } = rig;
    const a = await rig.add('i-a');
    const b = await rig.add('i-b');
    // In small groups, so that no socket buffer overflows.
    for (let i = 0; i < 300; i++) {
      send(a, b, String(i));
      if (i % 20 === 19) await eventually('relayed', () => network.counters.datagrams >= i + 1);
    }
    const { lost, duplicated } = network.counters;
    const expected = 300 - lost + duplicated;
    await eventually('all copies', () => b.received.length === expected);
    expect(network.counters.delivered).toBe(expected);
    expect(lost).toBeGreaterThan(50);
    expect(duplicated).toBeGreaterThan(20);
  });

  it('do not cross a partition or reach a node that is cut off, until healed', async () => {
    const rig = await newRig();
    const { network } = rig;
    const [a, b, c] = [await rig.add('i-a'), await rig.add('i-b'), await rig.add('i-c')];
    network.partition([['i-a', 'i-b'], ['i-c']]);
    send(a, c, 'no');
    send(c, a, 'no');
    send(a, b, 'yes');
    await eventually('relayed', () => network.counters.datagrams === 3);
    await eventually('same side', () => b.received.length === 1);
    expect(network.counters.blocked).toBe(2);
    network.heal();
    send(a, c, 'healed');
    await eventually('healed', () => c.received.length === 1);
    network.cutOff('i-b');
    expect(network.isCut('i-b')).toBe(true);
    send(a, b, 'never');
    send(b, a, 'never');
    await eventually('blocked', () => network.counters.blocked === 4);
    expect([a.received.length, b.received.length]).toEqual([0, 1]);
  });

  it('from an address of no node are dropped and counted', async () => {
    const rig = await newRig();
    const { network } = rig;
    const a = await rig.add('i-a');
    const stranger = createSocket('udp4');
    stranger.send('hello', PORT, a.eni);
    await eventually('counted', () => network.counters.foreign === 1);
    stranger.close();
    expect(a.received).toEqual([]);
  });

  it('refuse nonsense as faults', async () => {
    const { network } = await newRig();
    expect(() => network.setFaults({ lossRate: 1.5 })).toThrow(RangeError);
    expect(() => network.setFaults({ minDelayMs: 50, maxDelayMs: 10 })).toThrow(RangeError);
    expect(() => network.setFaults({ duplicateRate: Number.NaN })).toThrow(RangeError);
  });
});

describe('connections', () => {
  const dial = (from: Node, to: Node) => {
    const socket = connect({ host: to.eni, port: PORT, localAddress: from.inside });
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    return { socket, text: () => text };
  };

  it("carry bytes both ways and show the caller's ENI", async () => {
    const rig = await newRig();
    const [a, b] = [await rig.add('i-a'), await rig.add('i-b')];
    const call = dial(a, b);
    call.socket.write('hello');
    await eventually('echo', () => call.text() === `${a.eni}\nhello`);
    call.socket.destroy();
  });

  it('fall silent at a partition, with neither an end nor an error', async () => {
    const rig = await newRig();
    const { network } = rig;
    const [a, b] = [await rig.add('i-a'), await rig.add('i-b')];
    const call = dial(a, b);
    await eventually('greeting', () => call.text().includes('\n'));
    const before = call.text();
    network.partition([['i-a'], ['i-b']]);
    call.socket.write('lost');
    const late = dial(a, b);
    await eventually('second connection seen', () => network.counters.connections === 2);
    // Another node pair, whose round trip outlasts what the silenced ones would have needed.
    const c = await rig.add('i-c');
    const d = await rig.add('i-d');
    const control = dial(c, d);
    control.socket.write('x');
    await eventually('control echo', () => control.text().endsWith('x'));
    expect(call.text()).toBe(before);
    expect(late.text()).toBe('');
    expect([call.socket.destroyed, late.socket.destroyed]).toEqual([false, false]);
    for (const one of [call, late, control]) one.socket.destroy();
  });

  it('of strangers are closed', async () => {
    const rig = await newRig();
    const { network } = rig;
    const a = await rig.add('i-a');
    const socket = connect({ host: a.eni, port: PORT });
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(network.counters.foreign).toBe(1);
  });
});
