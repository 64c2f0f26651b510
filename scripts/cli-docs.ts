/** Writes docs/cli.md from the commands' help. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reference } from '../cli/reference.js';

await writeFile(join(import.meta.dirname, '..', 'docs', 'cli.md'), await reference());
