/**
 * Creates, changes and deletes a stack's resources, one after the other.
 *
 *     apply:  for each resource in the order of needs:  nothing | create | update | replace
 *             then, backwards:                           what was replaced, and what the template has no more
 *     remove: everything, backwards
 *
 * A failed first deployment is taken back whole; a failed update by applying the former template again. Resources with
 * a Retain policy stay and are told of.
 */
import { changeOf } from './diff.js';
import { type DynamicReference, resolveDynamic } from './dynamic.js';
import { DeployError } from './errors.js';
import { creationOrder, dependencyGraph } from './graph.js';
import type { Handler, Handlers, Host, Standing } from './handler.js';
import { resolveValue } from './intrinsics.js';
import { isObject, type Json } from './json.js';
import { Props } from './props.js';
import { stackScope } from './scope.js';
import type { Policy, Template } from './template.js';

/** A resource that stands, and what is to become of it. */
interface Entry {
  readonly standing: Standing;
  readonly deletionPolicy: Policy;
  readonly updateReplacePolicy: Policy;
}

export interface ResourceEvent {
  readonly what: 'created' | 'updated' | 'replaced' | 'deleted' | 'retained' | 'failed';
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string | null;
  readonly ms: number;
  readonly reason: string | null;
}

export interface EngineOptions {
  readonly host: Host;
  readonly handlers: Handlers;
  readonly zones: readonly string[];
  readonly look: (reference: DynamicReference) => Promise<string>;
  readonly onEvent: (event: ResourceEvent) => void;
}

export interface Wish {
  readonly template: Template;
  readonly parameters: ReadonlyMap<string, Json>;
}

export class Engine {
  readonly #options: EngineOptions;
  /** In the order of creation. */
  #entries = new Map<string, Entry>();
  /** Replaced, and still standing. */
  #doomed: Entry[] = [];
  #outputs: ReadonlyMap<string, string> = new Map();
  #applied: Wish | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  get outputs(): ReadonlyMap<string, string> {
    return this.#outputs;
  }

  resources(): Standing[] {
    return [...this.#entries.values()].map(({ standing }) => standing);
  }

  /** @throws DeployError after everything was taken back */
  async apply(wish: Wish, signal?: AbortSignal): Promise<void> {
    const former = this.#applied;
    try {
      await this.#apply(wish, signal);
      this.#applied = wish;
    } catch (error) {
      const failure = asDeployError(error, null, '');
      const leftovers = await this.#takeBack(former);
      throw leftovers === null
        ? failure
        : new DeployError(
            failure.code,
            `${failure.message} Taking it back failed, too: ${leftovers}`,
            failure.logicalId,
            error,
          );
    }
  }

  /** Deletes everything. What stays by its policy is in the answer. @throws DeployError for what couldn't be deleted */
  async remove(): Promise<Standing[]> {
    const retained: Standing[] = [];
    let failure: unknown = null;
    await this.#removeDoomed().catch((error) => {
      failure = error;
    });
    for (const { standing, deletionPolicy } of [...this.#entries.values()].reverse()) {
      try {
        if (!(await this.#remove(standing, deletionPolicy))) retained.push(standing);
        this.#entries.delete(standing.logicalId);
      } catch (error) {
        // The rest goes all the same, as far as it can.
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    this.#applied = null;
    this.#outputs = new Map();
    return retained;
  }

  async #apply({ template, parameters }: Wish, signal?: AbortSignal): Promise<void> {
    const { host, zones } = this.#options;
    const scope = stackScope({
      template,
      parameters,
      stack: host.stack,
      zones,
      standing: (id) => (after.has(id) ? this.#entries.get(id)?.standing : undefined),
    });
    const after = new Set<string>();
    const resources = new Map(
      [...template.resources].filter(([, { condition }]) => condition === null || scope.condition(condition)),
    );
    const order = creationOrder(dependencyGraph(resources, (condition) => scope.condition(condition)));
    for (const [id, { type }] of resources) this.#handlerOf(type, id);
    for (const id of order) {
      const resource = resources.get(id);
      if (resource === undefined) continue;
      if (signal?.aborted === true) throw new DeployError('RESOURCE', `${id}: Resource creation cancelled`, id);
      const { type, deletionPolicy, updateReplacePolicy } = resource;
      const started = performance.now();
      const before = this.#entries.get(id);
      try {
        const resolved = await resolveDynamic(resolveValue(resource.properties, scope), this.#options.look);
        const properties = isObject(resolved) ? resolved : {};
        const made = await this.#settle(id, { type, properties }, before, started);
        // Those that were there stay in their place; a replacement may need what came later.
        if (made.fresh) this.#entries.delete(id);
        this.#entries.set(id, { standing: made.standing, deletionPolicy, updateReplacePolicy });
        after.add(id);
      } catch (error) {
        const failure = asDeployError(error, id, type);
        this.#tell('failed', { logicalId: id, type, physicalId: null }, started, failure.message);
        throw failure;
      }
    }
    await this.#removeDoomed();
    for (const [id, { standing, deletionPolicy }] of [...this.#entries].reverse()) {
      if (after.has(id)) continue;
      await this.#remove(standing, deletionPolicy);
      this.#entries.delete(id);
    }
    // In the order of needs, which an update may have changed.
    this.#entries = new Map(order.flatMap((id) => entryOf(id, this.#entries.get(id))));
    this.#outputs = new Map(
      [...template.outputs].flatMap(([name, { value, condition }]): [string, string][] =>
        condition === null || scope.condition(condition) ? [[name, String(resolveValue(value, scope))]] : [],
      ),
    );
  }

  async #settle(
    id: string,
    wish: Pick<Standing, 'type' | 'properties'>,
    before: Entry | undefined,
    started: number,
  ): Promise<{ readonly standing: Standing; readonly fresh: boolean }> {
    const { host } = this.#options;
    const { type, properties } = wish;
    const handler = this.#handlerOf(type, id);
    const call = { logicalId: id, type, host, props: new Props(properties, `${id} (${type})`, id) };
    const stands = (made: Awaited<ReturnType<Handler['create']>>): Standing => ({
      logicalId: id,
      type,
      properties,
      physicalId: made.physicalId,
      attributes: made.attributes ?? {},
      memo: made.memo ?? {},
    });
    if (before !== undefined) {
      const change = changeOf(before.standing, wish, {
        immutable: handler.immutable ?? [],
        changeable: handler.update !== undefined,
      });
      if (change.kind === 'none') return { standing: before.standing, fresh: false };
      if (change.kind === 'update' && handler.update !== undefined) {
        const standing = stands(await handler.update(call, before.standing));
        // A custom resource may answer with another id, which means that it made another thing.
        if (standing.physicalId !== before.standing.physicalId) this.#doomed.push(before);
        this.#tell('updated', standing, started, change.properties.join(', '));
        return { standing, fresh: false };
      }
      const standing = stands(await handler.create(call));
      this.#doomed.push(before);
      this.#tell('replaced', standing, started, change.kind === 'replace' ? change.because : null);
      return { standing, fresh: true };
    }
    const standing = stands(await handler.create(call));
    this.#tell('created', standing, started, null);
    return { standing, fresh: true };
  }

  async #removeDoomed(): Promise<void> {
    for (let entry = this.#doomed.at(-1); entry !== undefined; entry = this.#doomed.at(-1)) {
      await this.#remove(entry.standing, entry.updateReplacePolicy);
      this.#doomed.pop();
    }
  }

  /** False: it stays, by its policy. @throws DeployError */
  async #remove(standing: Standing, policy: Policy): Promise<boolean> {
    const started = performance.now();
    if (policy === 'Retain' || policy === 'RetainExceptOnCreate') {
      this.#tell('retained', standing, started, `${policy} is its policy`);
      return false;
    }
    try {
      await this.#handlerOf(standing.type, standing.logicalId).remove(standing, this.#options.host);
    } catch (error) {
      const failure = asDeployError(error, standing.logicalId, standing.type, 'deleted');
      this.#tell('failed', standing, started, failure.message);
      throw failure;
    }
    this.#tell('deleted', standing, started, null);
    return true;
  }

  /** What couldn't be taken back, or null. */
  async #takeBack(former: Wish | null): Promise<string | null> {
    try {
      if (former !== null) await this.#apply(former);
      else {
        // A first deployment that fails leaves nothing, whatever the policies say of what it made.
        for (const [id, entry] of this.#entries) this.#entries.set(id, { ...entry, deletionPolicy: 'Delete' });
        await this.remove();
      }
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** @throws DeployError `UNSUPPORTED` */
  #handlerOf(type: string, logicalId: string): Handler {
    const { handlers } = this.#options;
    const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
    if (handler !== undefined) return handler;
    if (/^(Custom::|AWS::CloudFormation::CustomResource$)/.test(type)) {
      const custom = handlers['AWS::CloudFormation::CustomResource'];
      if (custom !== undefined) return custom;
    }
    throw new DeployError(
      'UNSUPPORTED',
      `The local cloud doesn't emulate ${type}, which ${logicalId} is: leave it out of the rehearsal by a condition, or put it into another stack.`,
      logicalId,
    );
  }

  #tell(
    what: ResourceEvent['what'],
    resource: Pick<ResourceEvent, 'logicalId' | 'type' | 'physicalId'>,
    started: number,
    reason: string | null,
  ): void {
    const { logicalId, type, physicalId } = resource;
    this.#options.onEvent({ what, logicalId, type, physicalId, ms: performance.now() - started, reason });
  }
}

const entryOf = (id: string, entry: Entry | undefined): [string, Entry][] => (entry === undefined ? [] : [[id, entry]]);

function asDeployError(error: unknown, logicalId: string | null, type: string, done = 'deployed'): DeployError {
  if (error instanceof DeployError) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const code = name === '' || name === 'Error' ? '' : `${name}: `;
  return new DeployError(
    'RESOURCE',
    `${logicalId ?? 'The stack'} (${type}) couldn't be ${done}: ${code}${message}`,
    logicalId,
    error,
  );
}
