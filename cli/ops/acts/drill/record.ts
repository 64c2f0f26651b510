/** A drill's record: JSON for programs and archives, HTML for people. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Colors } from '../../../aws/flags.js';
import { messageOf, UserError } from '../../../user-error.js';
import { writeWhole } from '../../files.js';
import { escapeHtml } from '../../incident/html.js';
import { type Hit, hitText, type PromiseKept } from './judge.js';

export interface DrillRecord {
  readonly format: 1;
  readonly kind: 'fis' | 'rehearsal';
  readonly cluster: string;
  readonly region: string | null;
  readonly what: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly kept: boolean;
  readonly promises: readonly (Omit<PromiseKept, 'kept'> & { readonly kept: boolean | null })[];
  readonly hits: readonly Hit[];
  readonly signedOff: { readonly by: string; readonly account: string | null };
}

/** With the digest of all the rest, so that a change of a record shows. */
export function sealed(record: DrillRecord): DrillRecord & { readonly sha256: string } {
  return { ...record, sha256: createHash('sha256').update(JSON.stringify(record)).digest('hex') };
}

/** @returns the files' paths. @throws UserError */
export function writeRecord(folder: string, record: DrillRecord): readonly string[] {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`--output ${folder} can't be made: ${messageOf(error)}.`);
  }
  const name = `drill-${record.startedAt.replace(/[-:]/g, '').replace(/\..*$/, 'Z')}`;
  const paths = ['json', 'html'].map((ending) => join(folder, `${name}.${ending}`));
  const whole = sealed(record);
  writeWhole(paths[0] ?? '', `${JSON.stringify(whole, null, 2)}\n`, '--output');
  writeWhole(paths[1] ?? '', recordHtml(whole), '--output');
  return paths;
}

const word = (kept: boolean | null): 'pass' | 'fail' | 'untested' =>
  kept === null ? 'untested' : kept ? 'pass' : 'fail';

export function promiseLines(promises: DrillRecord['promises'], colors: Colors): string {
  const paint = { pass: colors.green, fail: colors.red, untested: colors.dim };
  return promises
    .map(({ promise, kept, told }) => `${paint[word(kept)](word(kept).padEnd(8))} ${promise}: ${told}`)
    .join('\n');
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #fff; --faint: #60646c; --line: #dfe1e6; --pass: #2a7e3b; --fail: #c62a2f; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --paper: #111214; --faint: #a5a9b1; --line: #34373e; --pass: #4cc38a; --fail: #ff6369; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p, li { overflow-wrap: anywhere; } p { margin: 0 0 .5rem; }
.promise { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0 1rem; padding: .5rem 0; border-top: 1px solid var(--line); }
.promise small { grid-column: 2; color: var(--faint); font-size: .875rem; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .untested { color: var(--faint); } b { font-weight: 600; }
ul { margin: 0; padding-left: 1.25rem; } footer { margin-top: 2.5rem; color: var(--faint); font-size: .8125rem; overflow-wrap: anywhere; }
`;

export function recordHtml(record: DrillRecord & { readonly sha256: string }): string {
  const { cluster, kept, promises, hits, signedOff } = record;
  const rows = promises.map(({ promise, kept: one, told }) => {
    const verdict = word(one);
    return `<div class="promise"><b class="${verdict}">${verdict}</b><span>${escapeHtml(promise)}</span><small>${escapeHtml(told)}</small></div>`;
  });
  const verdict = kept ? 'Every promise was kept.' : 'A promise was broken.';
  const nodes = hits.map((hit) => `<li>${escapeHtml(hitText(hit))}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Drill of ${escapeHtml(cluster)}</title>
<style>${STYLE}</style>
<h1>Drill of ${escapeHtml(cluster)}</h1>
<p class="${kept ? 'pass' : 'fail'}"><b>${verdict}</b></p>
<p>${escapeHtml(record.what)}</p>
<p>${escapeHtml(record.startedAt)} to ${escapeHtml(record.endedAt)}</p>
<h2>Promises</h2>
${rows.join('\n')}
${nodes.length === 0 ? '' : `<h2>Nodes that were interrupted</h2>\n<ul>${nodes.join('\n')}</ul>`}
<footer>Signed off by ${escapeHtml(signedOff.by)}. SHA-256 of the record without this line: ${record.sha256}</footer>
</html>
`;
}
