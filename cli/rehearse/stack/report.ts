import pc from 'picocolors';
import type { StackFacts } from './facts.js';

const MAX_NOTES = 8;

/** What the verdict says of the stack itself. */
export function stackText({ name, resources, notes, roles }: StackFacts): string {
  const more = notes.length - MAX_NOTES;
  return [
    `Stack ${name}: ${resources} resources. Done otherwise than AWS does:`,
    ...notes.slice(0, MAX_NOTES).map((note) => `  ${note}`),
    ...(more > 0 ? [`  and ${more} more (--json lists all)`] : []),
    'Permissions of its roles, and how often each served:',
    ...roles.flatMap(({ role, used, unused }) => [
      `  ${pc.bold(role)}: ${used.map(({ action, count }) => `${action} ${count}`).join(', ') || 'none'}`,
      ...(unused.length === 0 ? [] : [pc.dim(`    never used: ${unused.join(', ')}`)]),
    ]),
  ].join('\n');
}
