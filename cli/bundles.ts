import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from './user-error.js';

/** The programs that nodes run, as they ship. */
export interface Bundles {
  readonly agent: string;
  readonly exampleService: string;
  /** The task of rehearsals. */
  readonly exampleTask: string;
}

/** Beside this program when it is a bundle itself, in dist/ when it runs from source. @throws UserError */
export function findBundles(): Bundles {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const folder of [here, join(here, '..', 'dist')]) {
    const bundles = {
      agent: join(folder, 'agent.mjs'),
      exampleService: join(folder, 'service.mjs'),
      exampleTask: join(folder, 'chain.mjs'),
    };
    if (Object.values(bundles).every((path) => existsSync(path))) return bundles;
  }
  throw new UserError('agent.mjs, service.mjs and chain.mjs are not built; run: npm run build');
}
