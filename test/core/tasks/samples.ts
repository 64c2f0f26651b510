import { manifestKey } from '../../../core/tasks/keys.js';
import type { CheckpointRef, Lease, TaskSpec } from '../../../core/tasks/task.js';
import { wallMs } from '../../../core/time.js';

/** A task and a lease in which every field is set; tests change what they are about. */
export const SPEC: TaskSpec = {
  format: 1,
  id: 'train-7',
  run: 1,
  submittedMs: wallMs(1_780_000_000_000),
  work: { kind: 'process', command: ['python', 'train.py'] },
  environment: { SEED: '7' },
  memoryMiB: 1_024,
  gpuMemoryMiB: 0,
  expectedMs: 3_600_000,
  deadline: { atMs: wallMs(1_780_100_000_000), policy: 'adaptive' },
  checkpoint: { folder: 'state', intervalMs: 60_000, notify: { by: 'signal' } },
  retries: 2,
  priority: 5,
  data: ['s3://bucket/set'],
  stopGraceMs: 10_000,
  resume: null,
};

export const CHECKPOINT: CheckpointRef = {
  fence: 3,
  seq: 2,
  manifest: manifestKey(SPEC, 3, 2),
  bytes: 1_000,
  progress: 0.25,
  doneMs: 900_000,
};

export const LEASE: Lease = {
  format: 1,
  id: SPEC.id,
  run: SPEC.run,
  state: 'held',
  fence: 3,
  holder: 'i-0a',
  nonce: 'abc-1',
  checkpoint: CHECKPOINT,
  progress: 0.25,
  attempts: [
    {
      fence: 3,
      instanceId: 'i-0a',
      instanceType: 'm7g.large',
      zone: 'us-east-1a',
      lifecycle: 'spot',
      startedMs: wallMs(1_780_000_001_000),
      endedMs: null,
      end: null,
      exitCode: null,
      share: 0.5,
      redoneMs: 0,
    },
  ],
  failures: 0,
  saveProblem: null,
  tail: 'line\n',
};
