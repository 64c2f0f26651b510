import { describe, expect, it } from 'vitest';
import { allocateAddresses, loopbackError } from '../../local/address.js';

describe('addresses of a run', () => {
  it('gives two runs at once different blocks, and a released block to the next', async () => {
    const first = await allocateAddresses({ blocks: [200, 202] });
    const second = await allocateAddresses({ blocks: [200, 202] });
    expect([first.block, second.block]).toEqual([200, 202]);
    await expect(allocateAddresses({ blocks: [200, 202] })).rejects.toThrow(/2 loopback blocks are taken/);
    await first.release();
    const third = await allocateAddresses({ blocks: [200, 202] });
    expect(third.block).toBe(200);
    await Promise.all([second.release(), third.release()]);
  });

  it('never hands out an address twice, inside mirrors ENI, and it says when all are used', async () => {
    const addresses = await allocateAddresses({ blocks: [204] });
    const seen = new Set([addresses.endpoint]);
    for (let i = 0; i < 250; i++) seen.add(addresses.nextBalancer());
    expect(seen.size).toBe(251);
    expect(() => addresses.nextBalancer()).toThrow(/load balancers/);
    let nodes = 0;
    for (let zone = 0; zone < 16; zone++) {
      for (;;) {
        try {
          const { eni, inside } = addresses.nextNode(zone);
          if (inside !== eni.replace('127.204.', '127.205.')) throw new Error(`${inside} doesn't mirror ${eni}`);
          seen.add(eni);
          nodes++;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ADDRESSES_USED_UP' });
          break;
        }
      }
    }
    expect(nodes).toBeGreaterThan(16 * 3000);
    expect(seen.size).toBe(251 + nodes);
    expect(() => addresses.nextNode(16)).toThrow(/zones/);
    await addresses.release();
  });

  it('explains what to do on a system without the address', () => {
    const error = loopbackError('127.65.255.254', 'EADDRNOTAVAIL');
    expect(error.code).toBe('NO_LOOPBACK_BLOCK');
    expect(error.message).toMatch(/sudo ifconfig lo0 alias 127\.65\.255\.254$/);
    expect(loopbackError('127.65.255.254', 'EACCES').message).toMatch(/127\.65\.255\.254.*EACCES/);
  });
});
