/** Agents' logs: the journal of nodes that run, asked for through SSM; the last words of nodes that are gone, from S3. */
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Spec } from '../../../core/spec/spec.js';
import { findCluster } from '../../aws/clusters.js';
import type { ClusterFlags } from '../../aws/flags.js';
import { type Session, withSession } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import { onSignals } from '../../signals.js';
import { UserError } from '../../user-error.js';
import { readAnswers } from '../read.js';
import { type ClusterView, type NodeRow, viewOf } from '../view.js';
import { prefixOf } from './exec.js';
import { pickNode, pickNodes } from './pick.js';
import { pause } from './run-act.js';
import { runOnNode, shellCommand } from './run-command.js';

export interface LogsSettings {
  readonly nodes: readonly string[];
  readonly follow: boolean;
  /** Null: whatever their age. */
  readonly sinceMs: number | null;
  readonly lines: number;
  readonly atOnce: number;
  readonly intervalMs: number;
}

/** One whose log is shown. */
interface Source {
  readonly prefix: string;
  readonly instanceId: string;
  /** Where the journal was read up to; null: not yet. */
  cursor: string | null;
}

const MAX_FOLLOWED = 10;
/** SSM keeps 24,000 characters: the latest lines, not the first. */
const KEEP = 22_000;
const ASK_MS = 60_000;
const MAX_WORDS = 5;

/** @returns the exit code */
export async function logs(settings: LogsSettings, flags: ClusterFlags): Promise<number> {
  const stopper = onSignals();
  try {
    const code = await withSession(flags, (session) => run(settings, flags, session, stopper.signal));
    if (stopper.crash() !== null) throw stopper.crash();
    return code;
  } finally {
    stopper.release();
  }
}

async function run(
  settings: LogsSettings,
  flags: ClusterFlags,
  session: Session,
  signal: AbortSignal,
): Promise<number> {
  const { spec, name } = await findCluster(session, flags);
  const view = viewOf(spec, session.region, await readAnswers(session, spec));
  const rows: NodeRow[] = [];
  const cutoff = settings.sinceMs === null ? null : Date.now() - settings.sinceMs;
  let words = 0;
  for (const node of settings.nodes) {
    const live = view.nodes.some((row) => row.node.instanceId === node && row.condition !== 'ending');
    // A whole id of none that lives: perhaps it left something.
    const texts = !live && /^i-[0-9a-f]{17}$/.test(node) ? await lastWords(session, spec, node) : [];
    for (const text of texts)
      print(
        session,
        { prefix: `- ${node}`, instanceId: node },
        text
          .split('\n')
          .filter((line) => line !== '')
          .slice(-settings.lines),
        cutoff,
      );
    words += texts.length;
    if (texts.length === 0) rows.push(pickLogger(node, view));
  }
  if (settings.nodes.length === 0) rows.push(...pickNodes([], view));
  if (rows.length === 0) {
    if (words === 0) process.stderr.write(`No node of cluster "${name}" runs.\n`);
    return words > 0 ? 0 : 1;
  }
  if (settings.follow && rows.length > MAX_FOLLOWED) {
    throw new UserError(
      `${rows.length} nodes are too many to follow; name at most ${MAX_FOLLOWED}, such as: synkti logs 0 1 --follow`,
    );
  }
  const sources = rows.map((row): Source => ({ prefix: prefixOf(row), instanceId: row.node.instanceId, cursor: null }));
  let well = await round(session, sources, settings, cutoff, signal);
  while (settings.follow && !signal.aborted) {
    await pause(settings.intervalMs, signal);
    if (!signal.aborted) well = await round(session, sources, settings, null, signal);
  }
  if (signal.aborted) return 130;
  return well ? 0 : 1;
}

/** @throws UserError with the way to the words of a node that is gone. Exported for its tests. */
export function pickLogger(text: string, view: ClusterView): NodeRow {
  try {
    return pickNode(text, view);
  } catch (error) {
    if (!(error instanceof UserError) || !/^i-[0-9a-f]{2,17}$/.test(text)) throw error;
    const hint =
      text.length === 19
        ? 'It left no last words, or the bucket keeps them no longer.'
        : 'Of a node that is gone give the whole id; synkti incidents lists them.';
    throw new UserError(`${error.message} ${hint}`, { cause: error });
  }
}

/** One question to each; whether all answered. */
async function round(
  session: Session,
  sources: readonly Source[],
  settings: LogsSettings,
  cutoff: number | null,
  signal: AbortSignal,
): Promise<boolean> {
  const answers = await inParallel(
    sources,
    async (source) => {
      if (signal.aborted) return true;
      const line = journalLine(source.cursor, settings, cutoff);
      const end = await runOnNode(session, source.instanceId, shellCommand(line, ASK_MS), signal);
      if (end.type === 'left') return true;
      if (end.type === 'failed' || end.exitCode !== 0) {
        const why = end.type === 'failed' ? end.why : `journalctl ended with ${end.exitCode}: ${end.stderr.trim()}`;
        process.stderr.write(`${source.prefix} | ${session.colors.red(why.slice(0, 400))}\n`);
        return false;
      }
      const { lines, cursor } = readJournal(end.stdout);
      source.cursor = cursor ?? source.cursor;
      print(session, source, lines, cutoff);
      return true;
    },
    { atOnce: settings.atOnce },
  );
  return answers.every((well) => well);
}

/** What is asked on the node. */
export function journalLine(
  cursor: string | null,
  { lines }: Pick<LogsSettings, 'lines'>,
  cutoff: number | null,
): string {
  const from = cursor === null ? '' : ` --after-cursor '${cursor.replaceAll("'", '')}'`;
  const since = cutoff === null ? '' : ` --since @${Math.floor(cutoff / 1_000)}`;
  const most = cursor === null ? ` -n ${lines}` : '';
  // Not in a pipe, whose exit code would be that of tail.
  const journal = `journalctl -u synkti.service --no-pager -o cat --show-cursor${from}${since}${most}`;
  return `out=$(${journal}) || exit $?; printf '%s\\n' "$out" | tail -c ${KEEP}`;
}

/** Lines and the cursor at the end. */
export function readJournal(text: string): { readonly lines: readonly string[]; readonly cursor: string | null } {
  const lines = text.split('\n').filter((line) => line !== '' && line !== '-- No entries --');
  const last = /^-- cursor: (.+)$/.exec(lines.at(-1) ?? '');
  const own = last === null ? lines : lines.slice(0, -1);
  // Its beginning may have been cut off.
  const whole = text.length >= KEEP - 1 ? own.slice(1) : own;
  return { lines: whole, cursor: last?.[1] ?? null };
}

function print(
  session: Session,
  { prefix, instanceId }: Pick<Source, 'prefix' | 'instanceId'>,
  lines: readonly string[],
  cutoff: number | null,
): void {
  const shown = lines.filter((line) => line !== '' && (cutoff === null || !isOlder(line, cutoff)));
  for (const line of shown) {
    process.stdout.write(
      session.json ? `${jsonLine(line, instanceId)}\n` : `${session.colors.dim(`${prefix} |`)} ${readable(line)}\n`,
    );
  }
}

function isOlder(line: string, cutoff: number): boolean {
  const time = /"time":"([^"]+)"/.exec(line)?.[1];
  return time !== undefined && Date.parse(time) < cutoff;
}

/** An agent's line for people; whatever else is there stays as it is. */
export function readable(line: string): string {
  const value = objectIn(line);
  if (value === null || typeof value.time !== 'string' || typeof value.code !== 'string') return line;
  const { time, level, code, node: _node, ...rest } = value;
  // Its own seat is in the prefix; of others both are told.
  const fields = Object.entries(rest).filter(
    ([key, one]) => one !== null && (rest.member !== undefined || (key !== 'slot' && key !== 'generation')),
  );
  const told = fields.map(([key, one]) => `${key}=${typeof one === 'string' ? one : JSON.stringify(one)}`);
  return [time.slice(11, 23), String(level).padEnd(5), code, ...told].join(' ');
}

/** An agent's line is JSON already; whatever else is there gets into a field. */
export function jsonLine(line: string, instanceId: string): string {
  return JSON.stringify({ instanceId, ...(objectIn(line) ?? { text: line }) });
}

function objectIn(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Newest last; a node that was hurried may have written twice. */
async function lastWords(session: Session, { bucket }: Spec, instanceId: string): Promise<readonly string[]> {
  const s3 = await session.client('s3');
  const { Contents } = await s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `last-words/${instanceId}`, MaxKeys: MAX_WORDS }),
  );
  const keys = (Contents ?? []).flatMap(({ Key }) => Key ?? []);
  return inParallel(keys, async (Key) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  });
}
