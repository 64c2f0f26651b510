/**
 * Reading and writing of the wire format's four shapes: bytes, whole numbers, names and lists. Numbers are unsigned
 * LEB128 of at most 53 bits; names are printable ASCII without spaces, so that one character is one byte and a name is
 * safe to log.
 */

/** Longest name in bytes. */
export const NAME_MAX = 64;
/** Highest whole number on the wire; below 2^53, so that an incarnation can still be raised by refuting. */
export const WHOLE_MAX = 2 ** 52;

/** What a reader found wrong; never leaves the codec. */
export class DecodeError extends Error {}

export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = value;
  }

  whole(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  name(value: string): void {
    this.byte(value.length);
    for (let i = 0; i < value.length; i++) this.byte(value.charCodeAt(i));
  }

  /** A copy of what was written; the writer is empty again. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return written;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new DecodeError('truncated');
    return value;
  }

  whole(max: number = WHOLE_MAX): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const next = this.byte();
      value += (next % 128) * scale;
      if (next < 128) {
        if (next === 0 && i > 0) throw new DecodeError('number is not in its shortest form');
        if (value > max) throw new DecodeError('number is too big');
        return value;
      }
      scale *= 128;
    }
    throw new DecodeError('number is too long');
  }

  name(max: number = NAME_MAX): string {
    const length = this.byte();
    if (length === 0 || length > max) throw new DecodeError('name of an impossible length');
    let text = '';
    for (let i = 0; i < length; i++) {
      const code = this.byte();
      if (code < 0x21 || code > 0x7e) throw new DecodeError('name with an impossible character');
      text += String.fromCharCode(code);
    }
    return text;
  }

  oneOf<T>(choices: readonly T[]): T {
    const choice = choices[this.byte()];
    if (choice === undefined) throw new DecodeError('unknown choice');
    return choice;
  }

  list<T>(max: number, item: () => T): T[] {
    const count = this.whole(max);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new DecodeError('bytes after the end');
  }
}

/** Bytes that a whole number takes. */
export function wholeSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes that a name takes. */
export const nameSize = (value: string): number => 1 + value.length;

/** Whether a name can be sent. */
export const isName = (value: string, max: number = NAME_MAX): boolean =>
  value.length > 0 && value.length <= max && /^[\x21-\x7e]+$/.test(value);
