import { AwsError, invalidValue } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { Filter } from './model/filter.js';
import { DEFAULT_METADATA } from './model/templates.js';
import type { MetadataOptions, TagSpecification, Tags } from './model/types.js';

/** Parts of requests that several actions share. */

export function filtersIn(params: Params): Filter[] {
  return params.structs('Filter').map((one) => ({ name: one.required('Name'), values: one.strings('Value') }));
}

export function pagingIn(params: Params): { readonly maxResults: number | null; readonly nextToken: string | null } {
  return { maxResults: params.integer('MaxResults') ?? null, nextToken: params.string('NextToken') ?? null };
}

/** `DryRun` asks whether the caller may: here everybody may. Call it once everything else is checked. */
export function refuseDryRun(params: Params): void {
  if (params.boolean('DryRun') === true) {
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  }
}

export function tagsIn(params: Params): Tags {
  const tags: Record<string, string> = {};
  for (const tag of params.structs('Tag')) {
    const key = tag.required('Key');
    if (Object.hasOwn(tags, key)) throw invalidValue(tag.name('Key'), key, 'A tag key can be given once.');
    tags[key] = tag.string('Value') ?? '';
  }
  return tags;
}

export function tagSpecificationsIn(params: Params): TagSpecification[] {
  return params
    .structs('TagSpecification')
    .map((one) => ({ resourceType: one.required('ResourceType'), tags: tagsIn(one) }));
}

/** Null when the request says nothing of them. */
export function metadataOptionsIn(params: Params): MetadataOptions | null {
  if (!params.has('MetadataOptions')) return null;
  const options = params.struct('MetadataOptions');
  options.oneOf('HttpProtocolIpv6', ['disabled']);
  return {
    httpTokens: options.oneOf('HttpTokens', ['optional', 'required']) ?? DEFAULT_METADATA.httpTokens,
    hopLimit: options.integer('HttpPutResponseHopLimit', 1, 64) ?? DEFAULT_METADATA.hopLimit,
    enabled: (options.oneOf('HttpEndpoint', ['enabled', 'disabled']) ?? 'enabled') === 'enabled',
    tags: options.oneOf('InstanceMetadataTags', ['enabled', 'disabled']) === 'enabled',
  };
}

export function instanceProfileIn(params: Params): string | null {
  const profile = params.struct('IamInstanceProfile');
  return profile.string('Arn') ?? profile.string('Name') ?? null;
}
