import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The chart library's text, put into each report: beside a bundle it is a file, from source a package. */
export function plotlySource(): string {
  const bundled = fileURLToPath(new URL('./plotly-basic.min.js', import.meta.url));
  const path = existsSync(bundled) ? bundled : createRequire(import.meta.url).resolve('plotly.js-basic-dist-min');
  return readFileSync(path, 'utf8');
}
