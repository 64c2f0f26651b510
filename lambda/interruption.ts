/** Started by a queue of warnings, rebalance recommendations and scheduled changes; see core/fallback/interruption.ts. */
import { tendAnnouncement } from '../core/fallback/errands.js';
import { host } from './host.js';
import type { Parts } from './parts.js';
import { createQueueHandler } from './queue.js';

export const createInterruptionHandler = (parts: Parts) =>
  createQueueHandler(parts, (event, instanceId, seen, means, ctx) =>
    event.kind === 'ended'
      ? null
      : tendAnnouncement(event.kind, instanceId, seen, { ...means, launcher: 'interruption' }, ctx),
  );

export const handler = host('interruption', createInterruptionHandler);
