import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import { change, noSuchInstance } from './state.js';
import type { Ec2Model, Tags } from './types.js';

const MAX_TAGS = 50;

/** EC2's rules for tags that users set. With tags in IMDS, keys must fit into a URL's path. @throws AwsError */
export function checkTags(tags: Tags, inMetadata: boolean): void {
  const keys = Object.keys(tags);
  if (keys.filter((key) => !key.startsWith('aws:')).length > MAX_TAGS) {
    throw new AwsError('TagLimitExceeded', `A resource can have ${MAX_TAGS} tags at most`);
  }
  for (const key of keys) {
    if (key === '' || key.length > 128 || (tags[key] ?? '').length > 256) {
      throw new AwsError(
        'InvalidParameterValue',
        `Tag '${key.slice(0, 40)}': keys have 1 to 128 characters, values at most 256`,
      );
    }
    if (key.toLowerCase().startsWith('aws:')) {
      throw new AwsError('InvalidParameterValue', `Tag keys starting with 'aws:' are reserved for internal use`);
    }
    if (inMetadata && (!/^[\p{L}\p{N}+\-=.,_:@]+$/u.test(key) || key === '.' || key === '..' || key === '_index')) {
      throw new AwsError(
        'InvalidParameterValue',
        `'${key}' can't be a tag key of an instance whose metadata shows its tags: letters, digits and + - = . , _ : @ only`,
      );
    }
  }
}

interface Taggable {
  readonly type: 'instance' | 'fleet' | 'launch-template';
  readonly tags: Tags;
  readonly inMetadata: boolean;
  set(tags: Tags): void;
}

function taggable(model: Ec2Model, id: string, ctx: Context): Taggable {
  const instance = model.instances.get(id);
  if (instance !== undefined) {
    const { tags, metadata } = instance.record;
    return {
      type: 'instance',
      tags,
      inMetadata: metadata.tags,
      set: (to) => change(model, instance, { tags: to }, ctx),
    };
  }
  const owner = model.fleets.get(id) ?? model.templates.get(id);
  if (owner !== undefined) {
    return {
      type: 'fleetId' in owner ? 'fleet' : 'launch-template',
      tags: owner.tags,
      inMetadata: false,
      set: (to) => {
        owner.tags = to;
      },
    };
  }
  if (id.startsWith('i-')) throw noSuchInstance(id);
  if (id.startsWith('fleet-')) throw new AwsError('InvalidFleetId.NotFound', `The fleet ID '${id}' does not exist`);
  if (id.startsWith('lt-')) {
    throw new AwsError('InvalidLaunchTemplateId.NotFound', `The launch template ID '${id}' does not exist`);
  }
  throw new AwsError('InvalidID', `The ID '${id.slice(0, 100)}' is not valid`);
}

/** All or nothing. @throws AwsError */
export function createTags(model: Ec2Model, ids: readonly string[], tags: Tags, ctx: Context): void {
  const owners = ids.map((id) => taggable(model, id, ctx));
  for (const owner of owners) checkTags(tags, owner.inMetadata);
  for (const owner of owners) {
    const merged = { ...owner.tags, ...tags };
    if (Object.keys(merged).filter((key) => !key.startsWith('aws:')).length > MAX_TAGS) {
      throw new AwsError('TagLimitExceeded', `A resource can have ${MAX_TAGS} tags at most`);
    }
  }
  for (const owner of owners) owner.set({ ...owner.tags, ...tags });
}

/** `value` null: whatever it is. No tags at all: all but AWS's own. @throws AwsError */
export function deleteTags(
  model: Ec2Model,
  ids: readonly string[],
  tags: readonly { readonly key: string; readonly value: string | null }[],
  ctx: Context,
): void {
  const owners = ids.map((id) => taggable(model, id, ctx));
  if (tags.some(({ key }) => key.toLowerCase().startsWith('aws:'))) {
    throw new AwsError('InvalidParameterValue', `Tag keys starting with 'aws:' are reserved for internal use`);
  }
  for (const owner of owners) {
    const kept = Object.entries(owner.tags).filter(
      ([key, value]) =>
        key.startsWith('aws:') ||
        (tags.length > 0 && !tags.some((tag) => tag.key === key && (tag.value === null || tag.value === value))),
    );
    owner.set(Object.fromEntries(kept));
  }
}

export interface TagRow {
  readonly resourceId: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}

/** Every tag, sorted by resource and key. `instanceTagsOf` gives what describes may see of instances. */
export function allTags(
  model: Ec2Model,
  instances: readonly { readonly instanceId: string; readonly tags: Tags }[],
): TagRow[] {
  const rows: TagRow[] = [];
  const add = (resourceId: string, resourceType: string, tags: Tags): void => {
    for (const [key, value] of Object.entries(tags)) rows.push({ resourceId, resourceType, key, value });
  };
  for (const { instanceId, tags } of instances) add(instanceId, 'instance', tags);
  for (const { fleetId, tags } of model.fleets.values()) add(fleetId, 'fleet', tags);
  for (const { templateId, tags } of model.templates.values()) add(templateId, 'launch-template', tags);
  const order = (row: TagRow): string => `${row.resourceId}\n${row.key}`;
  return rows.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
