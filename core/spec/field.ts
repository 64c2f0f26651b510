/** Reads JSON that was written by people or other programs: every complaint is one sentence that names the field. */
import { show } from '../show.js';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** What is wrong with a text; `read` turns it into its answer. */
export class Problem extends Error {}

/** @param name what the text is called in a problem, such as `spec` */
export function read<T>(name: string, text: string, from: (field: Field) => T): Parsed<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200);
    return { ok: false, problem: `The ${name} isn't JSON: ${why}.` };
  }
  try {
    return { ok: true, value: from(new Field(name, json)) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

/** A value with its path, so that every complaint says where. */
export class Field {
  readonly name: string;
  readonly #value: unknown;

  constructor(name: string, value: unknown) {
    this.name = name;
    this.#value = value;
  }

  get absent(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  at(key: string): Field {
    return new Field(`${this.name}.${key}`, this.#object()[key]);
  }

  onlyKeys(...keys: readonly string[]): void {
    for (const key of Object.keys(this.#object())) {
      if (!keys.includes(key)) {
        throw new Problem(`${this.name} has a field that isn't known, ${show(key)}; known are: ${keys.join(', ')}.`);
      }
    }
  }

  integer(low: number, high: number, fallback?: number): number {
    if (this.absent && fallback !== undefined) return fallback;
    const value = this.#value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high) return value;
    const range = low === high ? `${low}` : `a whole number from ${low} to ${high}`;
    throw new Problem(`${this.name} must be ${range}, not ${show(value)}.`);
  }

  /** A finite number, whole or not. */
  number(low: number, high: number): number {
    const value = this.#value;
    if (typeof value === 'number' && value >= low && value <= high) return value;
    throw new Problem(`${this.name} must be a number from ${low} to ${high}, not ${show(value)}.`);
  }

  text(pattern: RegExp, meaning: string): string {
    if (typeof this.#value === 'string' && pattern.test(this.#value)) return this.#value;
    throw new Problem(`${this.name} must be ${meaning}, not ${show(this.#value)}.`);
  }

  boolean(fallback: boolean): boolean {
    if (this.absent) return fallback;
    if (typeof this.#value === 'boolean') return this.#value;
    throw new Problem(`${this.name} must be true or false, not ${show(this.#value)}.`);
  }

  oneOf<T extends string>(...choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.#value);
    if (found !== undefined) return found;
    throw new Problem(`${this.name} must be one of ${choices.join(', ')}, not ${show(this.#value)}.`);
  }

  /** An absent list is empty. */
  list(low: number, high: number): Field[] {
    const value = this.absent ? [] : this.#value;
    if (!Array.isArray(value) || value.length < low || value.length > high) {
      throw new Problem(`${this.name} must be a list of ${low} to ${high} entries, not ${show(this.#value)}.`);
    }
    return value.map((entry, i) => new Field(`${this.name}[${i}]`, entry));
  }

  textMap(): Readonly<Record<string, string>> {
    if (this.absent) return {};
    const entries = Object.entries(this.#object());
    for (const [key, value] of entries) {
      if (typeof value !== 'string')
        throw new Problem(`${this.name}, field ${show(key)}, must be text, not ${show(value)}.`);
    }
    return Object.fromEntries(entries) as Record<string, string>;
  }

  #object(): Readonly<Record<string, unknown>> {
    if (typeof this.#value === 'object' && this.#value !== null && !Array.isArray(this.#value)) {
      return this.#value as Record<string, unknown>;
    }
    throw new Problem(`${this.name} must be an object, not ${show(this.#value)}.`);
  }
}
