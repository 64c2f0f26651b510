import type { Shortage, UnkindInput } from '../../local/unkind/options.js';
import { UserError } from '../user-error.js';
import { readDuration, readNumber, readShare } from '../values.js';
import type { PlannedAct } from './plan.js';
import type { Ground } from './pools.js';
import { readZone, splitAt } from './script.js';

/** Flags that make the local cloud unkind. */
export interface UnkindFlags {
  readonly throttle: string | undefined;
  readonly describeLag: string | undefined;
  readonly packetLoss: string | undefined;
  readonly loseEvents: string | undefined;
  readonly loseReplies: string | undefined;
  readonly imdsErrors: string | undefined;
  readonly noCapacity: readonly string[];
  readonly doubleEvents?: boolean | undefined;
  readonly uploadRate?: string | undefined;
}

/** @throws UserError */
export function readUnkind(flags: UnkindFlags, ground: Ground): UnkindInput {
  const share = (text: string | undefined, option: string, high: number): number | null =>
    text === undefined ? null : readShare(text, option, high);
  const perSecond = flags.throttle === undefined ? null : readNumber(flags.throttle, '--throttle', 0.1, 1_000);
  const loss = share(flags.packetLoss, '--packet-loss', 0.9);
  const lostEvents = share(flags.loseEvents, '--lose-events', 1);
  const lostReplies = share(flags.loseReplies, '--lose-replies', 0.9);
  const imdsErrors = share(flags.imdsErrors, '--imds-errors', 0.9);
  const always = flags.noCapacity.filter((text) => !text.includes('@'));
  return {
    ...(perSecond === null ? {} : { throttles: [{ burst: Math.max(1, Math.ceil(perSecond)), perSecond }] }),
    ...(flags.describeLag === undefined
      ? {}
      : { describeLagMs: readDuration(flags.describeLag, '--describe-lag', 0, 60_000) }),
    ...(loss === null ? {} : { network: { lossRate: loss } }),
    ...(lostEvents === null && flags.doubleEvents !== true
      ? {}
      : { events: { lossRate: lostEvents ?? 0, duplicateRate: flags.doubleEvents === true ? 1 : 0 } }),
    ...(lostReplies === null ? {} : { lostReplies: [{ rate: lostReplies }] }),
    ...(flags.uploadRate === undefined ? {} : { uploads: { bytesPerSecond: readRate(flags.uploadRate) } }),
    ...(imdsErrors === null ? {} : { imds: { burstRate: imdsErrors, burstMs: 1_000 } }),
    ...(always.length === 0 ? {} : { shortages: always.map((text) => readShortage(text, ground)) }),
  };
}

/** `64KiB`, `10MiB`: a second. */
function readRate(text: string): number {
  const found = /^(\d{1,6})(KiB|MiB|GiB)(?:\/s)?$/.exec(text);
  const unit = { KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 }[found?.[2] ?? ''] ?? Number.NaN;
  const rate = Number(found?.[1]) * unit;
  if (rate >= 1_024) return rate;
  throw new UserError(`--upload-rate must be a size a second such as 64KiB or 10MiB, not "${text}".`);
}

/** `spot@10s+20s`: a shortage that begins and ends. @throws UserError */
export function readShortages(texts: readonly string[], ground: Ground): PlannedAct[] {
  return texts
    .filter((text) => text.includes('@'))
    .flatMap((text): PlannedAct[] => {
      const { what, atMs, lastsMs } = splitAt(text, '--no-capacity', 'spot@10s+20s', true);
      const pool = readShortage(what, ground);
      return [
        { atMs, act: { type: 'shortage', pool, name: what, nodes: 0 } },
        { atMs: atMs + lastsMs, act: { type: 'shortage', pool, name: what, nodes: null } },
      ];
    });
}

/** `b`, `us-east-1b`, `m7g.large`, `m7g.large/us-east-1b` or `spot`. */
function readShortage(text: string, { zones, pools }: Ground): Shortage {
  if (text === 'spot') return { market: 'spot' };
  const types = [...new Set(pools.map((pool) => pool.instanceType))];
  const [first = '', second] = text.split('/');
  if (types.includes(first)) {
    const zone = second === undefined ? {} : { zone: readZone(second, '--no-capacity', zones) };
    return { instanceType: first, market: 'spot', ...zone };
  }
  const zone = zones.find((name) => name === text || (text.length === 1 && name.endsWith(text)));
  if (zone !== undefined) return { zone, market: 'spot' };
  throw new UserError(
    `--no-capacity "${text}" is no pool; name a type (${types.join(', ')}), a zone (${zones.join(', ')}), type/zone, or spot.`,
  );
}
