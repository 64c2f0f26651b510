/** One command on many nodes, a few at a time; each node's output comes whole, when it has ended there. */
import { findCluster } from '../../aws/clusters.js';
import { type ClusterFlags, shellWord } from '../../aws/flags.js';
import { type Session, withSession } from '../../aws/session.js';
import { inParallel } from '../../parallel.js';
import { onSignals } from '../../signals.js';
import { readAnswers } from '../read.js';
import { countText, wrap } from '../show.js';
import { terminalWidth } from '../table.js';
import { type NodeRow, viewOf } from '../view.js';
import { nodeText, pickNodes } from './pick.js';
import { type CommandEnd, runOnNode, shellCommand } from './run-command.js';

export interface ExecSettings {
  readonly words: readonly string[];
  readonly nodes: readonly string[];
  readonly atOnce: number;
  readonly timeoutMs: number;
}

interface Ran {
  readonly row: NodeRow;
  readonly end: CommandEnd;
}

/** @returns the exit code */
export async function exec(settings: ExecSettings, flags: ClusterFlags): Promise<number> {
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
  settings: ExecSettings,
  flags: ClusterFlags,
  session: Session,
  signal: AbortSignal,
): Promise<number> {
  const { spec, name } = await findCluster(session, flags);
  const view = viewOf(spec, session.region, await readAnswers(session, spec));
  const rows = pickNodes(settings.nodes, view);
  const line = shellLine(settings.words);
  if (rows.length === 0) process.stderr.write(`No node of cluster "${name}" runs.\n`);
  const ran = await inParallel(
    rows,
    async (row): Promise<Ran> => {
      const end: CommandEnd = signal.aborted
        ? { type: 'left', commandId: null }
        : await runOnNode(session, row.node.instanceId, shellCommand(line, settings.timeoutMs), signal);
      if (!session.json) show(session, { row, end });
      return { row, end };
    },
    { atOnce: settings.atOnce },
  );
  const failed = ran.filter(({ end }) => !isWell(end));
  if (session.json) {
    process.stdout.write(`${JSON.stringify(execJson(name, line, ran), null, 2)}\n`);
  } else if (signal.aborted) process.stderr.write(`${interruptedText(ran)}\n`);
  else if (failed.length > 0) {
    const names = failed.slice(0, 8).map(({ row }) => nodeText(row));
    const more = failed.length - names.length;
    const told = `It failed on ${failed.length} of ${countText(ran.length, 'node')}: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
    process.stderr.write(`${wrap(told, terminalWidth()).join('\n')}\n`);
  }
  if (signal.aborted) return 130;
  return failed.length === 0 && rows.length > 0 ? 0 : 1;
}

const isWell = (end: CommandEnd): boolean => end.type === 'ended' && end.exitCode === 0;

/** A single word is for the shell; several are one command with its arguments, whatever they hold. */
export const shellLine = (words: readonly string[]): string =>
  words.length === 1 ? (words[0] ?? '') : words.map(shellWord).join(' ');

/** `3.17 i-0123...`. */
export const prefixOf = ({ node }: NodeRow): string =>
  `${node.seat === null ? '-' : String(node.seat.slot)} ${node.instanceId}`;

function show(session: Session, { row, end }: Ran): void {
  const { colors } = session;
  const prefix = `${colors.dim(`${prefixOf(row)} |`)} `;
  const lines = (text: string): string =>
    text === ''
      ? ''
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => `${prefix}${line}\n`)
          .join('');
  switch (end.type) {
    case 'ended': {
      process.stdout.write(lines(end.stdout));
      process.stderr.write(lines(end.stderr));
      const { exitCode, cut } = end;
      if (cut) process.stderr.write(lines(colors.yellow('(SSM keeps no more of the output)')));
      if (exitCode !== 0) process.stderr.write(lines(colors.red(`exit code ${exitCode}`)));
      else if (end.stdout === '' && end.stderr === '') process.stdout.write(lines(colors.dim('(no output)')));
      return;
    }
    case 'failed':
      process.stderr.write(lines(colors.red(end.why)));
      return;
    case 'left':
      return;
  }
}

/** What was done when it was stopped, and how to go on. Exported for its tests. */
export function interruptedText(ran: readonly Ran[]): string {
  const ended = ran.filter(({ end }) => end.type !== 'left').length;
  const running = ran.flatMap(({ row, end }) => (end.type === 'left' && end.commandId !== null ? [{ row, end }] : []));
  const fresh = ran.filter(({ end }) => end.type === 'left' && end.commandId === null);
  const parts = [`Stopped: it ended on ${ended} of ${countText(ran.length, 'node')}.`];
  for (const { row, end } of running.slice(0, 5)) {
    parts.push(
      `It may still run on ${nodeText(row)}; to cancel it: aws ssm cancel-command --command-id ${end.commandId}`,
    );
  }
  if (fresh.length > 0) {
    const named = fresh.slice(0, 20).map(({ row }) => row.node.instanceId);
    const more = fresh.length - named.length;
    parts.push(`Not begun; to go on: --node ${named.join(',')}${more > 0 ? ` and ${more} more` : ''}`);
  }
  return parts.join('\n');
}

function execJson(cluster: string, command: string, ran: readonly Ran[]): object {
  return {
    format: 1,
    cluster,
    command,
    nodes: ran.map(({ row, end }) => ({
      instanceId: row.node.instanceId,
      slot: row.node.seat?.slot ?? null,
      ...(end.type === 'ended'
        ? { exitCode: end.exitCode, stdout: end.stdout, stderr: end.stderr, cut: end.cut, problem: null }
        : {
            exitCode: null,
            stdout: '',
            stderr: '',
            cut: false,
            problem: end.type === 'failed' ? end.why : `Stopped; ${end.commandId ?? 'it was not begun'}.`,
          }),
    })),
  };
}
