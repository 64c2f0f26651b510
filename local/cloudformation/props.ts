import { DeployError } from './errors.js';
import { isList, isObject, type Json, type JsonObject } from './json.js';

/**
 * A resource's properties, with functions resolved. What a handler doesn't read or call harmless is refused: to ignore
 * it would change what the template means. CloudFormation takes "80" for 80 and "true" for true, so this does, too.
 */
export class Props {
  readonly all: JsonObject;
  readonly #where: string;
  readonly #logicalId: string;
  readonly #read = new Set<string>();
  readonly #inner: Props[] = [];

  constructor(all: JsonObject, where: string, logicalId: string) {
    this.all = all;
    this.#where = where;
    this.#logicalId = logicalId;
  }

  has(name: string): boolean {
    return this.all[name] !== undefined;
  }

  json(name: string): Json | undefined {
    this.#read.add(name);
    return this.all[name];
  }

  text(name: string): string | undefined {
    const value = this.json(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw this.#bad(name, 'must be a text');
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw this.#bad(name, 'must be given');
    return value;
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw this.#bad(name, 'must be a number');
    return value;
  }

  boolean(name: string): boolean | undefined {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return undefined;
    if (text !== 'true' && text !== 'false') throw this.#bad(name, 'must be true or false');
    return text === 'true';
  }

  texts(name: string): string[] {
    const value = this.json(name) ?? [];
    if (isList(value) && value.every((item) => typeof item === 'string')) return [...value];
    throw this.#bad(name, 'must be a list of texts');
  }

  /** An empty one when it isn't given. */
  struct(name: string): Props {
    const value = this.json(name) ?? {};
    if (!isObject(value)) throw this.#bad(name, 'must be an object');
    return this.#within(value, name);
  }

  structs(name: string): Props[] {
    const value = this.json(name) ?? [];
    if (!isList(value)) throw this.#bad(name, 'must be a list');
    return value.map((item, i) => {
      if (!isObject(item)) throw this.#bad(`${name}[${i}]`, 'must be an object');
      return this.#within(item, `${name}[${i}]`);
    });
  }

  /** `Tags`, as a list or as an object. */
  tags(name = 'Tags'): Record<string, string> {
    const value = this.json(name);
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
    return Object.fromEntries(this.structs(name).map((one) => [one.required('Key'), one.text('Value') ?? '']));
  }

  /** Properties without an effect here. */
  harmless(...names: readonly string[]): this {
    for (const name of names) this.#read.add(name);
    return this;
  }

  /** Call it when everything is read. @throws DeployError that names the first property nobody knows */
  refuseUnread(): void {
    const left = Object.keys(this.all).find((name) => !this.#read.has(name));
    if (left !== undefined) throw this.unsupported(left, "isn't emulated by the local cloud");
    for (const inner of this.#inner) inner.refuseUnread();
  }

  unsupported(name: string, why: string): DeployError {
    return new DeployError('UNSUPPORTED', `${this.#where}: ${name} ${why}.`, this.#logicalId);
  }

  #within(value: JsonObject, name: string): Props {
    const inner = new Props(value, `${this.#where}, ${name}`, this.#logicalId);
    this.#inner.push(inner);
    return inner;
  }

  #bad(name: string, why: string): DeployError {
    return new DeployError('TEMPLATE', `${this.#where}: ${name} ${why}.`, this.#logicalId);
  }
}
