/** `synkti doctor` as text: what isn't fine comes with the command that mends it. */
import type { Colors } from '../../aws/flags.js';
import { countText, wrap } from '../show.js';
import type { Finding, Level } from './facts.js';

const LEVEL_WIDTH = 9;
/** Narrower than this text stands under its head. */
const LEAST_TEXT = 30;

export function doctorText(findings: readonly Finding[], width: number, colors: Colors): string {
  const tones = { fine: colors.green, warning: colors.yellow, problem: colors.red, unknown: colors.dim };
  const checkWidth = Math.max(0, ...findings.map(({ check }) => check.length)) + 2;
  const lines = findings.flatMap(({ check, level, text, mend }) => {
    const head = `${level.padEnd(LEVEL_WIDTH)}${check.padEnd(checkWidth)}`;
    const [first = '', ...rest] =
      width - head.length < LEAST_TEXT ? [head.trimEnd(), ...wrap(text, width, '  ')] : wrap(text, width, head);
    const told = [tones[level](first.slice(0, LEVEL_WIDTH)) + first.slice(LEVEL_WIDTH), ...rest];
    return mend === null ? told : [...told, ...mendLines(mend, width, colors)];
  });
  return `${lines.join('\n')}\n\n${verdictText(findings, width, colors)}\n`;
}

/** Commands aren't broken: they are there to be copied. Sentences are. */
function mendLines(mend: string, width: number, colors: Colors): string[] {
  const indent = ' '.repeat(LEVEL_WIDTH);
  const lines = /^[A-Z]/.test(mend) ? wrap(mend, width - LEVEL_WIDTH) : [mend];
  return lines.map((line) => indent + colors.cyan(line));
}

function verdictText(findings: readonly Finding[], width: number, colors: Colors): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const [problems, warnings, unknowns] = [count('problem'), count('warning'), count('unknown')];
  const parts = [countText(problems, 'problem'), countText(warnings, 'warning'), `${unknowns} not looked at`];
  const tone = problems > 0 ? colors.red : warnings > 0 ? colors.yellow : colors.green;
  const text = `${parts.join(', ')}, ${count('fine')} fine. Nothing was changed.`;
  return wrap(text, width)
    .map((line) => tone(line))
    .join('\n');
}
