/** Looks into the agents' own pages, a few at a time: whom they hold for alive, and how far a drain has come. */
import type { Ledger } from '../../../core/drain/ledger.js';
import type { NodeCard } from '../../ui/picture.js';
import { isLedger } from '../stage.js';

type SeenBy = NonNullable<NodeCard['seenBy']>;

/** The agents' default. */
const PAGES_PORT = 7947;
const TIMEOUT_MS = 800;
const EVERY_MS = 2_000;
/** Asked in one round; a large cluster is gone through in turns. */
const WIDTH = 6;
const MAX_BYTES = 1024 * 1024;

export interface Asked {
  readonly instanceId: string;
  readonly address: string;
  readonly draining: boolean;
}

export class Peek {
  readonly #targets: () => readonly Asked[];
  readonly #views = new Map<string, ReadonlyMap<string, string>>();
  readonly #timer: NodeJS.Timeout;
  /** Of nodes that are draining, as they last told. */
  readonly ledgers = new Map<string, Ledger>();
  #turn = 0;
  #busy = false;

  /** @param targets live nodes */
  constructor(targets: () => readonly Asked[]) {
    this.#targets = targets;
    this.#timer = setInterval(() => void this.#round(), EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  seenBy(): Map<string, SeenBy> {
    return tally(this.#views);
  }

  async #round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const all = this.#targets();
    const live = new Set(all.map(({ instanceId }) => instanceId));
    for (const map of [this.#views, this.ledgers]) for (const id of map.keys()) if (!live.has(id)) map.delete(id);
    const turn = Array.from({ length: Math.min(WIDTH, all.length) }, (_, i) => all[(this.#turn + i) % all.length]);
    this.#turn = (this.#turn + WIDTH) % Math.max(1, all.length);
    const draining = all.filter((one) => one.draining).slice(0, WIDTH);
    await Promise.all([
      ...turn.map(async (one) => one !== undefined && this.#members(one)),
      ...draining.map((one) => this.#ledger(one)),
    ]);
    this.#busy = false;
  }

  async #members({ instanceId, address }: Asked): Promise<void> {
    const found = readMembers(await ask(address, '/members'));
    if (found === null) this.#views.delete(instanceId);
    else this.#views.set(instanceId, found);
  }

  async #ledger({ instanceId, address }: Asked): Promise<void> {
    const answer = await ask(address, '/incidents');
    const ledger: unknown = Array.isArray(answer) ? answer[0] : null;
    if (isLedger(ledger) && ledger.instanceId === instanceId) this.ledgers.set(instanceId, ledger);
  }
}

/** Null: nobody answers, or not this. */
async function ask(address: string, path: string): Promise<unknown> {
  try {
    const answer = await fetch(`http://${address}:${PAGES_PORT}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    return answer.ok && text.length <= MAX_BYTES ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** Status by member; null: it is no list of members. */
export function readMembers(answer: unknown): Map<string, string> | null {
  if (!Array.isArray(answer)) return null;
  const found = new Map<string, string>();
  for (const member of answer.slice(0, 2_000)) {
    const { id, status } = (member ?? {}) as Record<string, unknown>;
    if (typeof id === 'string' && typeof status === 'string') found.set(id, status);
  }
  return found;
}

/** What peers say of each other; a node's word on itself doesn't count. */
export function tally(views: ReadonlyMap<string, ReadonlyMap<string, string>>): Map<string, SeenBy> {
  const counts = new Map<string, { alive: number; suspect: number; asked: number }>();
  const ids = new Set([...views.keys(), ...[...views.values()].flatMap((view) => [...view.keys()])]);
  for (const id of ids) {
    const count = { alive: 0, suspect: 0, asked: 0 };
    for (const [peer, view] of views) {
      if (peer === id) continue;
      count.asked++;
      if (view.get(id) === 'alive') count.alive++;
      if (view.get(id) === 'suspect') count.suspect++;
    }
    if (count.asked > 0) counts.set(id, count);
  }
  return counts;
}
