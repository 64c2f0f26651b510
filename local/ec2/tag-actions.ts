import { AwsError } from '../wire/error.js';
import type { QueryAction } from '../wire/query-service.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun, tagsIn } from './inputs.js';
import { page, visibleInstances } from './model/describe.js';
import { matcher } from './model/filter.js';
import { allTags, createTags, deleteTags, type TagRow } from './model/tags.js';

export function tagActions(host: Ec2Host): [string, QueryAction][] {
  const { model } = host;
  const resourcesIn = (ids: string[]): string[] => {
    if (ids.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter ResourceId');
    return ids;
  };
  return [
    [
      'CreateTags',
      (params) => {
        const ids = resourcesIn(params.strings('ResourceId'));
        const tags = tagsIn(params);
        if (Object.keys(tags).length === 0) {
          throw new AwsError('MissingParameter', 'The request must contain the parameter Tag');
        }
        params.refuseUnread();
        refuseDryRun(params);
        createTags(model, ids, tags, host.context());
        host.changed();
        return { return: true };
      },
    ],
    [
      'DeleteTags',
      (params) => {
        const ids = resourcesIn(params.strings('ResourceId'));
        const tags = params
          .structs('Tag')
          .map((tag) => ({ key: tag.required('Key'), value: tag.string('Value') ?? null }));
        params.refuseUnread();
        refuseDryRun(params);
        deleteTags(model, ids, tags, host.context());
        host.changed();
        return { return: true };
      },
    ],
    [
      'DescribeTags',
      (params) => {
        const matches = matcher<TagRow & { seq: number; tags: Record<string, string> }>(filtersIn(params), {
          key: (row) => [row.key],
          value: (row) => [row.value],
          'resource-id': (row) => [row.resourceId],
          'resource-type': (row) => [row.resourceType],
        });
        const paging = pagingIn(params);
        refuseDryRun(params);
        params.refuseUnread();
        // What an instance's tags are is as old as what describes say of it.
        const seen = visibleInstances(model, host.context());
        const rows = allTags(model, seen).map((row, i) => ({ ...row, seq: i + 1, tags: { [row.key]: row.value } }));
        const { items, nextToken } = page(rows.filter(matches), paging, 5);
        return {
          tagSet: {
            item: items.map(({ resourceId, resourceType, key, value }) => ({ resourceId, resourceType, key, value })),
          },
          nextToken,
        };
      },
    ],
  ];
}
