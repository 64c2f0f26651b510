/** Waits until `probe` returns something truthy; bounded, for real processes and sockets. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<NonNullable<T>> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > endMs) throw new Error(`${what}: didn't happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
