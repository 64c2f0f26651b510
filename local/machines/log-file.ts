import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** A log that keeps its last `maxBytes` to `2 * maxBytes`: a full file is renamed to `<path>.1`, over the former one. */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #fd: number | null;
  #size = 0;

  /** @throws the system's error when the file can't be opened. */
  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#fd = openSync(path, 'a');
  }

  /** Never throws: a full disk must not end a rehearsal. */
  write(data: Buffer | string): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    for (let at = 0; at < bytes.length; at += this.#maxBytes) this.#append(bytes.subarray(at, at + this.#maxBytes));
  }

  #append(piece: Buffer): void {
    try {
      if (this.#size > 0 && this.#size + piece.length > this.#maxBytes) this.#turn();
      if (this.#fd === null) return;
      writeSync(this.#fd, piece);
      this.#size += piece.length;
    } catch {
      // Nowhere to tell.
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #turn(): void {
    if (this.#fd === null) return;
    closeSync(this.#fd);
    this.#fd = null;
    renameSync(this.#path, `${this.#path}.1`);
    this.#fd = openSync(this.#path, 'a');
    this.#size = 0;
  }
}
