/** Scenes of `synkti ui` for its tests and its bench. */
import type { Report } from '../../../cli/ops/incident/record.js';
import { pictureOf, type Scene } from '../../../cli/ops/ui/picture.js';
import type { Story } from '../../../cli/ops/ui/story.js';
import type { ClusterView } from '../../../cli/ops/view.js';
import type { Picture } from '../../../cli/ui/picture.js';
import { beginStep, endStep, openLedger } from '../../../core/drain/ledger.js';
import { wallMs } from '../../../core/time.js';
import { seatOf } from '../../core/fixtures.js';
import { idOf, NOW_MS, opsNode, view } from './scene.js';

export const around: Omit<Scene, 'view' | 'farewells' | 'losses' | 'lines'> = {
  tasks: null,
  traffic: null,
  everyMs: 10_000,
  trouble: null,
  endpoint: null,
  flags: ' --cluster web --region us-east-1',
};

export const pictureIn = (story: Story, change: Partial<Scene> = {}): Picture =>
  pictureOf({ ...story.scene, ...around, ...change }, NOW_MS);

/** The report of the first node of a slot: stopped three seconds after it knew. */
export function reportOf(slot: number, detectedMs: number, change: Partial<Report> = {}): Report {
  const at = wallMs(detectedMs);
  const empty = openLedger(idOf(slot), seatOf(slot), 'interruption', at, wallMs(detectedMs + 120_000));
  const stopping = beginStep(empty, 'stop', wallMs(detectedMs + 1_000), 12_000);
  const ledger = endStep(stopping, 'stop', wallMs(detectedMs + 3_000), 'done');
  const node = { zone: 'us-east-1a', instanceType: 'm7g.large', lifecycle: 'spot' } as const;
  return { ...ledger, ...node, writtenBy: 'node', ...change };
}

/** A cluster of so many in two zones, with a node that drains and one that isn't healthy. */
export function clusterOf(size: number, atMs = NOW_MS): ClusterView {
  const nodes = Array.from({ length: size }, (_, slot) =>
    opsNode(slot, 1, {
      zone: slot % 2 === 0 ? 'us-east-1a' : 'us-east-1b',
      ...(slot === 3 ? { phase: 'draining' } : {}),
    }),
  );
  return view(nodes, { atMs }, { desired: size });
}
