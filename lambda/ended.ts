/** Started by a queue of state changes; see core/fallback/ended.ts. */
import { tendEnd } from '../core/fallback/errands.js';
import { host } from './host.js';
import type { Parts } from './parts.js';
import { createQueueHandler } from './queue.js';

export const createEndedHandler = (parts: Parts) =>
  createQueueHandler(parts, (event, instanceId, seen, means, ctx) =>
    event.kind === 'ended'
      ? tendEnd(instanceId, event.atMs, seen, { ...means, launcher: 'ended' }, ctx, event.over)
      : null,
  );

export const handler = host('ended', createEndedHandler);
