import { hash32 } from '../../core/rng.js';
import type { TrafficSeries } from '../balancer/traffic.js';
import { AwsError } from '../wire/error.js';
import type { DataRequest } from './input.js';
import { type Point, pointsOf } from './metrics.js';

export interface DataResult {
  readonly id: string;
  readonly label: string;
  readonly points: readonly Point[];
  /** False: further points come with the next token. */
  readonly complete: boolean;
}

export interface DataPage {
  readonly results: readonly DataResult[];
  readonly nextToken: string | null;
}

/** Where a page ended: after this point of this query. */
interface Place {
  readonly index: number;
  readonly atMs: number;
}

/**
 * One answer of GetMetricData: the queries in their order, each with its points in the order that was asked for, until
 * there are as many points as one answer may hold. Further answers leave out the queries that were told to their end.
 *
 * @throws AwsError `InvalidNextToken`
 */
export function pageOf(request: DataRequest, series: readonly TrafficSeries[], nowMs: number): DataPage {
  const place = request.nextToken === null ? null : placeIn(request, request.nextToken);
  const results: DataResult[] = [];
  let room = request.maxDatapoints;
  let end: Place | null = null;
  for (const [index, { id, label, wish }] of request.wanted.entries()) {
    if (place !== null && index < place.index) continue;
    const points = pointsOf(wish, series, { startMs: request.startMs, endMs: request.endMs, nowMs });
    if (request.descending) points.reverse();
    const left = points.filter(({ atMs }) => place === null || index > place.index || isAfter(request, atMs, place));
    if (left.length === 0 && index === place?.index) continue;
    const told = left.slice(0, room);
    const last = told.at(-1);
    room -= told.length;
    if (last !== undefined) end = { index, atMs: last.atMs };
    results.push({ id, label, points: told, complete: told.length === left.length });
  }
  const more = results.some(({ complete }) => !complete);
  return { results, nextToken: more && end !== null ? tokenOf(request, end) : null };
}

const isAfter = ({ descending }: DataRequest, atMs: number, place: Place): boolean =>
  descending ? atMs < place.atMs : atMs > place.atMs;

/** A token serves the request that it was given to. */
const hashOf = ({ wanted, startMs, endMs, descending }: DataRequest): string =>
  hash32(JSON.stringify([wanted, startMs, endMs, descending])).toString(16);

const tokenOf = (request: DataRequest, { index, atMs }: Place): string =>
  Buffer.from(`${hashOf(request)} ${index} ${atMs}`).toString('base64url');

function placeIn(request: DataRequest, token: string): Place {
  const parts = /^([0-9a-f]{1,8}) (\d{1,3}) (\d{1,16})$/.exec(Buffer.from(token, 'base64url').toString('latin1'));
  if (parts === null || parts[1] !== hashOf(request)) {
    throw new AwsError('InvalidNextToken', 'The next token is not valid for this request');
  }
  return { index: Number(parts[2]), atMs: Number(parts[3]) };
}
