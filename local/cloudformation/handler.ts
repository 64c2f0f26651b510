import { randomBytes } from 'node:crypto';
import type { LocalCloud } from '../cloud-types.js';
import type { Assets } from './assets.js';
import type { Clients } from './clients.js';
import { DeployError } from './errors.js';
import type { Json, JsonObject } from './json.js';
import { type NameRules, physicalName, resourceId } from './names.js';
import type { Props } from './props.js';
import type { ImportedListener } from './types/imported.js';

export interface StackFacts {
  readonly name: string;
  readonly id: string;
  readonly region: string;
  readonly accountId: string;
}

/** What handlers work with. */
export interface Host {
  readonly cloud: LocalCloud;
  readonly clients: Clients;
  readonly stack: StackFacts;
  readonly assets: Assets;
  /** Where a custom resource's function sends its answer; see responses.ts. */
  readonly responses: ResponseDesk;
  /** Statements of the functions' own policies, by the function's ARN and their logical ids. */
  readonly functionPolicies: Map<string, Map<string, JsonObject>>;
  /** Listeners of other stacks, by their ARN in the template. */
  readonly importedListeners: Map<string, ImportedListener>;
  /** Last word on a value that goes to SSM; what it changed is in the stack's notes. */
  readonly adaptParameter: (name: string, value: string) => Promise<string>;
  /** Ports that this system doesn't let the user bind, and others in their place. */
  readonly portOf: (port: number) => number;
  /** Something is done otherwise than by AWS; repeated ones count once. */
  note(logicalId: string | null, text: string): void;
}

export interface ResponseDesk {
  /** The URL to answer at, and the answer: its JSON, or an error after `withinMs`. */
  expect(withinMs: number): Promise<{ readonly url: string; readonly answer: Promise<unknown>; cancel(): void }>;
}

/** A resource as it stands. */
export interface Standing {
  readonly logicalId: string;
  readonly type: string;
  /** Resolved. */
  readonly properties: JsonObject;
  /** What `Ref` gives. */
  readonly physicalId: string;
  readonly attributes: JsonObject;
  /** Of the handler alone. */
  readonly memo: JsonObject;
}

export interface Call {
  readonly logicalId: string;
  readonly type: string;
  readonly props: Props;
  readonly host: Host;
}

export interface Made {
  readonly physicalId: string;
  readonly attributes?: JsonObject;
  readonly memo?: JsonObject;
}

/** What is done for one resource type. */
export interface Handler {
  /** Properties whose change needs a new resource. */
  readonly immutable?: readonly string[];
  create(call: Call): Made | Promise<Made>;
  /** Absent: every change needs a new resource. */
  readonly update?: (call: Call, before: Standing) => Made | Promise<Made>;
  remove(standing: Standing, host: Host): void | Promise<void>;
}

export type Handlers = Readonly<Record<string, Handler>>;

/** A physical name for a resource whose template gives none. */
export const nameFor = (call: Call, rules: NameRules): string =>
  physicalName(call.host.stack.name, call.logicalId, randomBytes(9).toString('hex').slice(0, 12), rules);

export const newResourceId = (prefix: string): string => resourceId(prefix, randomBytes(9).toString('hex'));

export const arnOf = (host: Host, service: string, rest: string): string =>
  `arn:aws:${service}:${host.stack.region}:${host.stack.accountId}:${rest}`;

/** For an answer of AWS that lacks what it must have. */
export function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DeployError('RESOURCE', `The local cloud gave no ${what}.`);
  return value;
}

export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
