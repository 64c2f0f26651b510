/** Reads an answer's body with a bound that doesn't rest on what its length header says. */
export async function readBounded(body: unknown, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) {
      (body as { destroy?: () => void }).destroy?.();
      throw new TooLong(maxBytes);
    }
    chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
  }
  return Buffer.concat(chunks, size);
}

/** The object is none of ours: reading it again won't help. */
class TooLong extends Error {
  override readonly name = 'TooLong';
  readonly $metadata = { httpStatusCode: 413 };
  constructor(maxBytes: number) {
    super(`The object is longer than ${maxBytes} bytes`);
  }
}
