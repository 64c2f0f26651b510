import { DeployError } from './errors.js';
import type { StackFacts, Standing } from './handler.js';
import { evaluate, NO_VALUE, type Scope } from './intrinsics.js';
import type { Json } from './json.js';
import type { Template } from './template.js';

/** What names mean while a stack is deployed: parameters, pseudo parameters, and the resources that stand so far. */
export function stackScope(options: {
  readonly template: Template;
  readonly parameters: ReadonlyMap<string, Json>;
  readonly stack: StackFacts;
  readonly zones: readonly string[];
  readonly standing: (logicalId: string) => Standing | undefined;
}): Scope {
  const { template, parameters, stack, zones, standing } = options;
  const decided = new Map<string, boolean | 'being decided'>();
  const needed = (id: string): Standing | undefined => {
    const found = standing(id);
    if (found === undefined && template.resources.has(id)) {
      throw new DeployError('TEMPLATE', `${id} is referred to, but its condition doesn't hold.`, id);
    }
    return found;
  };
  const scope: Scope = {
    mappings: template.mappings,
    zones,
    ref: (name) => pseudo(name, stack) ?? parameters.get(name) ?? needed(name)?.physicalId,
    attribute: (id, name) => {
      const found = needed(id);
      if (found === undefined) return undefined;
      const value = attributeIn(found.attributes, name);
      if (value !== undefined) return value;
      throw new DeployError(
        'UNSUPPORTED',
        `The local cloud doesn't know the attribute ${name} of ${id} (${found.type}).`,
        id,
      );
    },
    condition: (name) => {
      const known = decided.get(name);
      if (known === 'being decided') throw new DeployError('TEMPLATE', `The condition ${name} needs itself.`);
      if (known !== undefined) return known;
      const declared = Object.hasOwn(template.conditions, name) ? template.conditions[name] : undefined;
      if (declared === undefined) throw new DeployError('TEMPLATE', `The template has no condition ${name}.`);
      decided.set(name, 'being decided');
      const holds = evaluate(declared, scope);
      decided.set(name, holds);
      return holds;
    },
  };
  return scope;
}

/** `Endpoint.Address` may stand flat, or as objects within each other. */
function attributeIn(attributes: Standing['attributes'], name: string): Json | undefined {
  if (Object.hasOwn(attributes, name)) return attributes[name];
  let at: Json | undefined = attributes;
  for (const part of name.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    const members = at as Standing['attributes'];
    at = Object.hasOwn(members, part) ? members[part] : undefined;
  }
  return at;
}

function pseudo(name: string, stack: StackFacts): Json | typeof NO_VALUE | undefined {
  switch (name) {
    case 'AWS::AccountId':
      return stack.accountId;
    case 'AWS::Region':
      return stack.region;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return stack.name;
    case 'AWS::StackId':
      return stack.id;
    case 'AWS::NotificationARNs':
      return [];
    case 'AWS::NoValue':
      return NO_VALUE;
    default:
      return undefined;
  }
}
