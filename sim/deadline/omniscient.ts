import type { DeadlineJob, DeadlineResult, Window } from './run.js';
import { onDemandCost } from './run.js';

/**
 * The least cost with full knowledge of the recorded capacity: the bound that no policy can beat ("Can't Be Late",
 * section 5.3, there an integer program; here a dynamic program over time, work done and state). Decisions fall on the
 * trace's ticks, as a policy's do. Work is counted in units of which tick and changeover are whole multiples, so
 * nothing is rounded as long as such a unit of a second or more exists; else the changeover is rounded down, which
 * keeps the result a bound.
 */
export function omniscient(job: DeadlineJob, window: Window): DeadlineResult {
  const unitMs = unitOf(window.tickMs, job.changeoverMs);
  const perTick = Math.round(window.tickMs / unitMs);
  const changeover = Math.floor(job.changeoverMs / unitMs);
  const work = Math.ceil(job.workMs / unitMs);
  const ticks = window.zones[0]?.length ?? 0;
  const deadline = Math.floor(job.deadlineMs / unitMs);

  // Sub-states of an instance: phase p < phases has p ticks of changeover behind it; the last phase computes fully.
  const phases = Math.ceil(changeover / perTick) + 1;
  const gains = Array.from({ length: phases }, (_, p) =>
    Math.min(perTick, Math.max(0, (p + 1) * perTick - changeover)),
  );
  const zones = window.zones.length;
  const kinds = zones + 1;
  // A job that is behind by more than the slack can't make it any more, one that is ahead of the clock can't be: so
  // only the band of work = done + debt with debt in [0, slack] is kept, where debt = time passed - work done.
  const slack = deadline - work;
  if (slack < changeover) return infeasible(job);
  const band = slack + perTick + 1;
  const states = kinds * phases;
  let idle = new Float64Array(band).fill(Number.POSITIVE_INFINITY);
  let run = Array.from({ length: states }, () => new Float64Array(band).fill(Number.POSITIVE_INFINITY));
  let nextIdle = new Float64Array(band);
  let nextRun = Array.from({ length: states }, () => new Float64Array(band));
  const best = new Float64Array(band);
  idle[0] = 0;
  let least = Number.POSITIVE_INFINITY;

  for (let tick = 0; tick < ticks; tick++) {
    const time = tick * perTick;
    nextIdle.fill(Number.POSITIVE_INFINITY);
    for (const row of nextRun) row.fill(Number.POSITIVE_INFINITY);
    // From any state one may stop for free, and from idle start anything.
    best.set(idle);
    for (const row of run)
      for (let debt = 0; debt < band; debt++)
        if ((row[debt] as number) < (best[debt] as number)) best[debt] = row[debt] as number;
    for (let debt = 0; debt + perTick < band; debt++) nextIdle[debt + perTick] = best[debt] as number;
    for (let kind = 0; kind < kinds; kind++) {
      const onDemand = kind === zones;
      if (!onDemand && window.zones[kind]?.[tick] !== 1) continue;
      const price = onDemand ? job.priceRatio : 1;
      for (let phase = 0; phase < phases; phase++) {
        const gain = gains[phase] as number;
        const from = run[kind * phases + phase] as Float64Array;
        const to = nextRun[kind * phases + Math.min(phase + 1, phases - 1)] as Float64Array;
        // A fresh instance enters phase 0 from `best`; `run[.][0]` itself holds nothing before its first tick.
        const source = phase === 0 ? best : from;
        const cost = price * perTick;
        for (let debt = 0; debt + perTick - gain < band; debt++) {
          const before = source[debt] as number;
          if (before === Number.POSITIVE_INFINITY) continue;
          const done = time - debt;
          if (gain > 0 && done + gain >= work) {
            // Ends within this tick: changeover's part of the tick, then what is left.
            const used = perTick - gain + (work - done);
            if (time + used <= deadline) least = Math.min(least, before + price * used);
            continue;
          }
          const at = debt + perTick - gain;
          const after = before + cost;
          if (after < (to[at] as number)) to[at] = after;
        }
      }
    }
    [idle, nextIdle] = [nextIdle, idle];
    [run, nextRun] = [nextRun, run];
  }
  const cost = (least * unitMs) / 3_600_000;
  const saved = 1 - cost / onDemandCost(job);
  return { ...infeasible(job), cost, saved, missed: !Number.isFinite(least) };
}

function infeasible(job: DeadlineJob): DeadlineResult {
  return {
    cost: Number.POSITIVE_INFINITY,
    saved: Number.NEGATIVE_INFINITY,
    missed: true,
    finishedMs: job.deadlineMs,
    spotMs: 0,
    onDemandMs: 0,
    changeovers: 0,
    interruptions: 0,
  };
}

function unitOf(tickMs: number, changeoverMs: number): number {
  let [a, b] = [tickMs, changeoverMs];
  while (b > 0) [a, b] = [b, a % b];
  const finest = 1000;
  return a >= finest ? a : tickMs / Math.max(1, Math.round(tickMs / 15_000));
}
