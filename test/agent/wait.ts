/** Waits for something to become true; fails with what was last seen. */
export async function eventually<T>(look: () => Promise<T> | T, wanted: (seen: T) => boolean, ms = 10_000): Promise<T> {
  const until = performance.now() + ms;
  let seen = await look();
  while (!wanted(seen)) {
    if (performance.now() > until) throw new Error(`not within ${ms} ms; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    seen = await look();
  }
  return seen;
}
