import { expect, it } from 'vitest';
import type { Outcome } from '../../../core/cloud.js';
import { Host } from './host.js';

const OK: Outcome = { ok: true, value: null };

it('tells of the requests that were in flight when the workload ended', () => {
  const host = new Host();
  host.serve();
  host.interrupt(20_000);
  let killed = false;
  host.pass(19_000, ({ call }) => {
    const stopping = host.done('stop-workload').length > 0;
    if (!killed) {
      killed = stopping;
      host.health('healthy', 3);
      if (stopping) host.health('stopped');
    }
    return call.op === 'deregisterTarget' || call.op === 'putObject' || call.op === 'tagNode' ? OK : null;
  });
  const bodies = host.calls('putObject').map((call) => (call.op === 'putObject' ? call.body : ''));
  expect(bodies.filter((body) => body.includes('"requestsLost":3')).length).toBeGreaterThan(0);
});
