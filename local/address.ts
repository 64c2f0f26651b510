import { createServer, type Server } from 'node:net';

/**
 * Loopback addresses of a run. A run owns two blocks of 256 x 256 addresses, 127.A.0.0/16 and 127.(A+1).0.0/16, so that
 * two rehearsals at once never meet. What others see of a node (its ENI, its "private IP") lies in the first block; what
 * its processes bind lies in the second, and `network/` carries traffic from one to the other.
 *
 *     127.A.0.1        endpoint of the AWS APIs        127.A.z.n      ENI of node n in zone z
 *     127.A.0.2 ...    load balancers                  127.(A+1).z.n  its processes' address
 */
export interface AddressBlock {
  /** A, an even number. */
  readonly block: number;
  readonly endpoint: string;
  /** Addresses for one load balancer. @throws AddressError when all are taken. */
  nextBalancer(): string;
  /** Addresses for one node; none is handed out twice in a run. `zone` counts from 0. @throws AddressError. */
  nextNode(zone: number): NodeAddress;
  /** Lets another run have the block. */
  release(): Promise<void>;
}

export interface NodeAddress {
  /** "Private IP": IMDS and the network's relays listen there. */
  readonly eni: string;
  /** For `SYNKTI_BIND_ADDRESS`. */
  readonly inside: string;
}

/** Addresses that can't be had: the user's machine must be changed, or the run made smaller. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly code: 'NO_LOOPBACK_BLOCK' | 'NO_FREE_BLOCK' | 'ADDRESSES_USED_UP';

  constructor(code: AddressError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Blocks that are tried, lowest first: 64 runs at once. */
const FIRST_BLOCK = 64;
const LAST_BLOCK = 190;
/** Held for the length of a run: whoever listens on it owns the block. */
const LOCK_HOST = '255.254';
const LOCK_PORT = 47_127;
/** A zone's third octets are z+1, z+1+16, ...: 16 zones, 15 x 240 nodes each. */
const MAX_ZONES = 16;
const FIRST_NODE = 10;
const NODES_PER_SUBNET = 240;

export interface AddressOptions {
  /** Blocks to try; default 64, 66, ... 190. */
  readonly blocks?: readonly number[];
}

/** Finds a free pair of blocks. @throws AddressError */
export async function allocateAddresses(options: AddressOptions = {}): Promise<AddressBlock> {
  const blocks =
    options.blocks ?? Array.from({ length: (LAST_BLOCK - FIRST_BLOCK) / 2 + 1 }, (_, i) => FIRST_BLOCK + 2 * i);
  for (const block of blocks) {
    const lock = await tryLock(`127.${block}.${LOCK_HOST}`);
    if (lock === null) continue;
    try {
      await probe(`127.${block + 1}.${LOCK_HOST}`);
    } catch (error) {
      lock.close();
      throw error;
    }
    return addressBlock(block, lock);
  }
  throw new AddressError(
    'NO_FREE_BLOCK',
    `All ${blocks.length} loopback blocks are taken by other rehearsals; stop one of them and try again.`,
  );
}

function addressBlock(block: number, lock: Server): AddressBlock {
  let balancers = 0;
  const nodes = new Map<number, number>();
  return {
    block,
    endpoint: `127.${block}.0.1`,
    nextBalancer: () => {
      if (balancers >= 250) throw usedUp('load balancers', 250);
      balancers++;
      return `127.${block}.0.${1 + balancers}`;
    },
    nextNode: (zone) => {
      if (!Number.isInteger(zone) || zone < 0 || zone >= MAX_ZONES) throw usedUp('zones', MAX_ZONES);
      const n = nodes.get(zone) ?? 0;
      const subnet = zone + 1 + MAX_ZONES * Math.floor(n / NODES_PER_SUBNET);
      // The last subnets hold the lock's address.
      if (subnet >= 255) throw usedUp('nodes of a zone', n);
      nodes.set(zone, n + 1);
      const host = `${subnet}.${FIRST_NODE + (n % NODES_PER_SUBNET)}`;
      return { eni: `127.${block}.${host}`, inside: `127.${block + 1}.${host}` };
    },
    release: () => new Promise((resolve) => lock.close(() => resolve())),
  };
}

const usedUp = (what: string, limit: number): AddressError =>
  new AddressError('ADDRESSES_USED_UP', `A run has loopback addresses for ${limit} ${what}, and all are used.`);

/** Null when another run holds it. */
async function tryLock(host: string): Promise<Server | null> {
  try {
    return await listenOn(host, LOCK_PORT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw loopbackError(host, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

async function probe(host: string): Promise<void> {
  try {
    const server = await listenOn(host, 0);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } catch (error) {
    throw loopbackError(host, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

/** What to tell a user whose system refused a loopback address with `code`. */
export function loopbackError(host: string, code: string): AddressError {
  if (code !== 'EADDRNOTAVAIL') {
    return new AddressError('NO_LOOPBACK_BLOCK', `The loopback address ${host} can't be used (${code}).`);
  }
  // Linux answers on all of 127.0.0.0/8; BSD systems only on addresses that were added one by one.
  return new AddressError(
    'NO_LOOPBACK_BLOCK',
    `This system doesn't have the loopback address ${host}, which a rehearsal needs one of for each node: run it on Linux ` +
      `(a container will do), or add addresses with: sudo ifconfig lo0 alias ${host}`,
  );
}

function listenOn(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      server.unref();
      resolve(server);
    });
  });
}
