import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * The SDK describes every operation of a service in one file, and writes keys as `{ [_xN]: _It }` with `_xN` a constant
 * text. esbuild keeps whatever has a computed key, since reading one might do something, and with it nearly all of
 * EC2's 500 kB of descriptions, of which a few are used. With the constants written out as plain keys, which means the same,
 * the rest is left out.
 */
export const sdkSchemas: Plugin = {
  name: 'sdk-schemas',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk[\\/].+[\\/]schemas[\\/]schemas_\d+\.js$/ }, async ({ path }) => ({
      contents: withPlainKeys(await readFile(path, 'utf8')),
      loader: 'js',
    }));
  },
};

/** Computed keys that aren't constants of the same file stay as they are. */
export function withPlainKeys(source: string): string {
  const constants = new Map<string, string>();
  for (const [, name, text] of source.matchAll(/^const (\w+) = ("(?:[^"\\\n])*");$/gm)) {
    if (name !== undefined && text !== undefined && text !== '"__proto__"') constants.set(name, text);
  }
  return source.replace(/([{,]\s*)\[(\w+)\]:/g, (whole, before: string, name: string) => {
    const text = constants.get(name);
    return text === undefined ? whole : `${before}${text}:`;
  });
}
