import { AwsError, invalidValue, missingParameter, unsupportedParameter } from './error.js';

interface Node {
  value: string | null;
  read: boolean;
  readonly children: Map<string, Node>;
}

/** More pairs than any real request holds: 1,000 resources with 50 tags each come one request at a time. */
const MAX_PAIRS = 100_000;
const MAX_DEPTH = 12;

/**
 * Parameters of the query protocols (`A.1.B=value`). Reading a parameter marks it; {@link refuseUnread} then refuses
 * what nobody read, so that nothing that changes a request's meaning is ignored silently.
 */
export class Params {
  readonly #node: Node;
  readonly #path: string;

  private constructor(node: Node, path: string) {
    this.#node = node;
    this.#path = path;
  }

  static parse(pairs: URLSearchParams): Params {
    const root = newNode();
    let count = 0;
    for (const [key, value] of pairs) {
      if (++count > MAX_PAIRS) throw new AwsError('MalformedQueryString', `More than ${MAX_PAIRS} parameters`);
      const parts = key.split('.');
      if (parts.length > MAX_DEPTH) throw new AwsError('MalformedQueryString', `'${key.slice(0, 100)}' nests too deep`);
      let node = root;
      for (const part of parts) {
        let child = node.children.get(part);
        if (child === undefined) {
          child = newNode();
          node.children.set(part, child);
        }
        node = child;
      }
      node.value = value;
    }
    return new Params(root, '');
  }

  #child(name: string): Node | undefined {
    return this.#node.children.get(name);
  }

  /** Full name of a parameter in here, for messages. */
  name(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  string(name: string): string | undefined {
    const child = this.#child(name);
    if (child === undefined || child.value === null) return undefined;
    child.read = true;
    return child.value;
  }

  required(name: string): string {
    const value = this.string(name);
    if (value === undefined || value === '') throw missingParameter(this.name(name));
    return value;
  }

  integer(name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      throw invalidValue(this.name(name), text, `Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  }

  boolean(name: string): boolean | undefined {
    const text = this.string(name)?.toLowerCase();
    if (text === undefined) return undefined;
    if (text !== 'true' && text !== 'false') throw invalidValue(this.name(name), text, 'Expected true or false.');
    return text === 'true';
  }

  /** Milliseconds since the epoch of an ISO 8601 time. */
  time(name: string): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = Date.parse(text);
    if (Number.isNaN(value)) throw invalidValue(this.name(name), text, 'Expected an ISO 8601 time.');
    return value;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw invalidValue(this.name(name), text, `Expected one of: ${allowed.join(', ')}.`);
    return found;
  }

  has(name: string): boolean {
    return this.#node.children.has(name);
  }

  /** A structure; empty when absent. */
  struct(name: string): Params {
    return new Params(this.#child(name) ?? newNode(), this.name(name));
  }

  /** `Name.1`, `Name.2` (ec2Query) or `Name.member.1` (awsQuery), in order of their numbers. */
  strings(name: string): string[] {
    return this.structs(name).map((member) => member.#own());
  }

  #own(): string {
    this.#node.read = true;
    return this.#node.value ?? '';
  }

  /** Elements of a list of structures. */
  structs(name: string): Params[] {
    let list = this.#child(name);
    let path = this.name(name);
    if (list === undefined) return [];
    const member = list.children.get('member');
    if (member !== undefined) {
      list = member;
      path += '.member';
    } else if (list.children.size === 0 && list.value === '') {
      list.read = true; // An empty list in awsQuery: `Name=`.
    }
    return [...list.children]
      .filter(([index]) => /^\d{1,9}$/.test(index))
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([index, node]) => new Params(node, `${path}.${index}`));
  }

  /** Names of the parameters in here. */
  names(): string[] {
    return [...this.#node.children.keys()];
  }

  /** The parameters in here and below, names relative, sorted: to compare two requests. Marks nothing. */
  entries(): [string, string][] {
    const out: [string, string][] = [];
    const walk = (node: Node, path: string): void => {
      if (node.value !== null) out.push([path, node.value]);
      for (const [name, child] of node.children) walk(child, path === '' ? name : `${path}.${name}`);
    };
    walk(this.#node, '');
    return out.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** Marks everything in here as read: it is kept, or has no effect here. */
  markRead(): void {
    const walk = (node: Node): void => {
      node.read = true;
      for (const child of node.children.values()) walk(child);
    };
    walk(this.#node);
  }

  /** @throws AwsError `InvalidParameterValue` naming the first parameter that nobody read. */
  refuseUnread(): void {
    const walk = (node: Node, path: string): void => {
      if (node.value !== null && !node.read) throw unsupportedParameter(path);
      for (const [name, child] of node.children) walk(child, path === '' ? name : `${path}.${name}`);
    };
    walk(this.#node, this.#path);
  }
}

const newNode = (): Node => ({ value: null, read: false, children: new Map() });
