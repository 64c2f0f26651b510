import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checked, exited, STARTING } from '../../agent/drivers/health.js';
import { countEstablished, parseInFlight } from '../../agent/drivers/in-flight.js';
import { openLogFile, rotate } from '../../agent/drivers/log-file.js';
import { afterExit, MAX_PAUSE_MS, NO_RESTARTS } from '../../agent/drivers/restart.js';

const SPEC = { healthyAfter: 2, unhealthyAfter: 3 };
const following = (results: readonly boolean[], from = STARTING) =>
  results.reduce((state, ok) => checked(state, ok, SPEC), from);

describe('health thresholds', () => {
  it.each([
    ['too few successes', [true], 'starting'],
    ['enough', [true, true], 'healthy'],
    ['successes must be in a row', [true, false, true], 'starting'],
    ['slow starters stay starting', Array(50).fill(false), 'starting'],
    ['a short failure is borne', [true, true, false, false], 'healthy'],
    ['a long one is not', [true, true, false, false, false], 'unhealthy'],
    ['and is mended', [true, true, false, false, false, true, true], 'healthy'],
  ])('%s', (_name, results, health) => {
    expect(following(results).health).toBe(health);
  });

  it('after an exit it takes as many successes as at the start', () => {
    expect(following([true], exited()).health).toBe('unhealthy');
    expect(following([true, true], exited()).health).toBe('healthy');
  });

  it('health never changes but after a full streak', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (results) => {
        let state = STARTING;
        for (const ok of results) {
          const next = checked(state, ok, SPEC);
          if (next.health !== state.health) expect(next.streak).toBeGreaterThanOrEqual(ok ? 2 : 3);
          state = next;
        }
      }),
    );
  });
});

describe('restarts', () => {
  it('pause longer with every short run, up to a bound, and forget after a long one', () => {
    let state = NO_RESTARTS;
    const pauses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const next = afterExit(state, 10);
      pauses.push(next.pauseMs);
      state = next.state;
    }
    expect(pauses.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(Math.max(...pauses)).toBe(MAX_PAUSE_MS);
    expect(afterExit(state, 60_000).pauseMs).toBe(500);
  });
});

describe('requests in flight', () => {
  it.each([
    ['7', 7],
    ['{"inFlight": 3}', 3],
    ['-1', null],
    ['1.5', null],
    ['"7"', null],
    ['{}', null],
    ['null', null],
    ['', null],
  ])('%s is %s', (body, count) => {
    expect(parseInFlight(body)).toBe(count);
  });

  const row = (local: string, state: string) =>
    `   0: ${local} 0100007F:D431 ${state} 00000000:00000000 00:00000000 00000000     0        0 1`;
  const table = [
    '  sl  local_address rem_address st',
    row('0100007F:1F90', '01'),
    row('0200007F:1F90', '01'),
    row('0100007F:1F90', '0A'),
    row('0100007F:1F91', '01'),
  ].join('\n');

  it('are established connections to the port and the address', () => {
    expect(countEstablished(table, 8080, '0.0.0.0')).toBe(2);
    expect(countEstablished(table, 8080, '127.0.0.1')).toBe(1);
    expect(countEstablished(table, 9090, '0.0.0.0')).toBe(0);
    const mapped = ['h', row('0000000000000000FFFF00000100007F:1F90', '01')].join('\n');
    expect(countEstablished(mapped, 8080, '127.0.0.1')).toBe(1);
  });

  it('nonsense counts nothing', () => {
    fc.assert(fc.property(fc.string(), (text) => countEstablished(text, 8080, '0.0.0.0') === 0 || text.includes('01')));
  });
});

describe('log file', () => {
  it('is cut when it has grown too long, with a copy kept', () => {
    const dir = mkdtempSync(join(tmpdir(), 'synkti-log-'));
    const path = join(dir, 'deep', 'web.log');
    const file = openLogFile(path, 10, 1_000_000);
    writeSync(file.fd, 'short\n');
    expect(rotate(file.fd, path, 10)).toBe(false);
    writeSync(file.fd, 'now it is too long\n');
    expect(rotate(file.fd, path, 10)).toBe(true);
    writeSync(file.fd, 'next\n');
    expect(readFileSync(path, 'utf8')).toBe('next\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('short\nnow it is too long\n');
    file.close();
    writeFileSync(path, '');
    rmSync(dir, { recursive: true });
  });
});
