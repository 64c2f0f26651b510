import { readFile } from 'node:fs/promises';
import { exchange } from '../http-client.js';

/** How many requests a workload is working on: asked of it, or told by its connections. */

const TIMEOUT_MS = 1_000;
const MAX_BODY_BYTES = 4_096;

/** Null when there is no answer that can be read. */
export async function askInFlight(host: string, port: number, path: string): Promise<number | null> {
  const { status, body } = await exchange({ host, port, path, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BODY_BYTES });
  return status === 200 ? parseInFlight(body) : null;
}

/** `7` or `{"inFlight": 7}`. */
export function parseInFlight(body: string): number | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  const count = typeof value === 'object' && value !== null ? (value as { inFlight?: unknown }).inFlight : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/**
 * Established connections to a port in the tables of a network namespace (`pid`: whose; default our own). An idle
 * keep-alive connection counts too: a workload that can tell requests from connections should say so by a path.
 * Null where there is no /proc.
 */
export async function countConnections(
  port: number,
  bindAddress: string,
  pid: number | 'self' = 'self',
): Promise<number | null> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'latin1').catch(() => null)),
  );
  if (tables[0] === null) return null;
  return tables.reduce(
    (sum, table) => sum + (table === null ? 0 : countEstablished(table ?? '', port, bindAddress)),
    0,
  );
}

/** `st` of an established connection in proc(5)'s tables. */
const ESTABLISHED = '01';

/** Pure: rows of /proc/net/tcp or tcp6 that are established at a local port (and address, unless that is any). */
export function countEstablished(table: string, port: number, bindAddress: string): number {
  const wantedPort = port.toString(16).toUpperCase().padStart(4, '0');
  const wantedHost = isAny(bindAddress) ? null : hexHost(bindAddress);
  let count = 0;
  for (const line of table.split('\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || local === undefined) continue;
    const [host = '', itsPort] = local.split(':');
    // An IPv4 address in the IPv6 table stands in the last eight digits.
    if (itsPort === wantedPort && (wantedHost === null || host.slice(-8) === wantedHost)) count += 1;
  }
  return count;
}

const isAny = (address: string): boolean => address === '0.0.0.0' || address === '::' || address.includes(':');

/** The kernel prints the four bytes as one number in the machine's byte order, which is little-endian here. */
function hexHost(ipv4: string): string {
  const bytes = ipv4.split('.').map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'));
  return bytes.reverse().join('');
}
