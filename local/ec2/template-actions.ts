import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import type { QueryAction } from '../wire/query-service.js';
import type { XmlObject } from '../wire/xml.js';
import type { Ec2Host } from './host.js';
import { filtersIn, pagingIn, refuseDryRun, tagSpecificationsIn } from './inputs.js';
import { page } from './model/describe.js';
import { matcher } from './model/filter.js';
import { createTemplate, createTemplateVersion, deleteTemplate, templateOf, versionOf } from './model/templates.js';
import type { LaunchTemplate, Tags, TemplateVersion } from './model/types.js';
import { tagSet } from './output.js';
import { templateDataIn } from './template-data.js';

export function templateActions(host: Ec2Host): [string, QueryAction][] {
  const { model, context } = host;
  const creator = `arn:aws:iam::${model.options.accountId}:root`;
  const find = (params: Params): LaunchTemplate =>
    templateOf(model, params.string('LaunchTemplateId'), params.string('LaunchTemplateName'));
  const templateXml = (template: LaunchTemplate): XmlObject => ({
    launchTemplateId: template.templateId,
    launchTemplateName: template.name,
    createTime: new Date(template.createTimeMs),
    createdBy: creator,
    defaultVersionNumber: template.defaultVersion,
    latestVersionNumber: template.versions.at(-1)?.version,
    tagSet: tagSet(template.tags),
  });
  const versionXml = (template: LaunchTemplate, version: TemplateVersion): XmlObject => ({
    launchTemplateId: template.templateId,
    launchTemplateName: template.name,
    versionNumber: version.version,
    versionDescription: version.description,
    createTime: new Date(version.createTimeMs),
    createdBy: creator,
    defaultVersion: version.version === template.defaultVersion,
    launchTemplateData: version.echo,
  });
  return [
    [
      'CreateLaunchTemplate',
      (params) => {
        // Names are unique, which is all that a token would do here; the SDK sends one by itself.
        params.string('ClientToken');
        const tags: Record<string, string> = {};
        for (const specification of tagSpecificationsIn(params)) {
          if (specification.resourceType !== 'launch-template') {
            throw new AwsError('InvalidParameterValue', `'${specification.resourceType}' is not launch-template`);
          }
          Object.assign(tags, specification.tags);
        }
        const input = {
          name: params.required('LaunchTemplateName'),
          description: params.string('VersionDescription') ?? null,
          ...templateDataIn(params.struct('LaunchTemplateData')),
          tags: tags as Tags,
        };
        params.refuseUnread();
        refuseDryRun(params);
        return { launchTemplate: templateXml(createTemplate(model, input, context())) };
      },
    ],
    [
      'CreateLaunchTemplateVersion',
      (params) => {
        params.string('ClientToken');
        const template = find(params);
        const input = {
          description: params.string('VersionDescription') ?? null,
          ...dataOfVersion(template, params),
        };
        params.refuseUnread();
        refuseDryRun(params);
        return { launchTemplateVersion: versionXml(template, createTemplateVersion(template, input, context())) };
      },
    ],
    [
      'DeleteLaunchTemplate',
      (params) => {
        const template = find(params);
        params.refuseUnread();
        refuseDryRun(params);
        deleteTemplate(model, template);
        return { launchTemplate: templateXml(template) };
      },
    ],
    [
      'DescribeLaunchTemplates',
      (params) => {
        const ids = params.strings('LaunchTemplateId');
        const names = params.strings('LaunchTemplateName');
        const matches = matcher<LaunchTemplate>(filtersIn(params), {
          'launch-template-name': ({ name }) => [name],
        });
        const paging = pagingIn(params);
        params.boolean('IncludeManagedResources');
        refuseDryRun(params);
        params.refuseUnread();
        const wanted =
          ids.length + names.length === 0
            ? [...model.templates.values()]
            : [
                ...ids.map((id) => templateOf(model, id, undefined)),
                ...names.map((name) => templateOf(model, undefined, name)),
              ];
        const found = wanted.map((template, i) => ({ ...template, seq: i + 1 })).filter(matches);
        const { items, nextToken } = page(found, paging, 1);
        return { launchTemplates: { item: items.map(templateXml) }, nextToken };
      },
    ],
    [
      'DescribeLaunchTemplateVersions',
      (params) => {
        const id = params.string('LaunchTemplateId');
        const name = params.string('LaunchTemplateName');
        const wanted = params.strings('LaunchTemplateVersion');
        const min = params.integer('MinVersion', 1) ?? 1;
        const max = params.integer('MaxVersion', 1) ?? Number.MAX_SAFE_INTEGER;
        const paging = pagingIn(params);
        params.boolean('ResolveAlias');
        params.boolean('IncludeManagedResources');
        refuseDryRun(params);
        params.refuseUnread();
        // Without a template only the latest and default versions of all may be asked for.
        const templates =
          id === undefined && name === undefined ? [...model.templates.values()] : [templateOf(model, id, name)];
        if (id === undefined && name === undefined && !wanted.every((one) => one.startsWith('$'))) {
          throw new AwsError('InvalidParameterCombination', 'A version number needs a launch template');
        }
        const rows: { seq: number; template: LaunchTemplate; version: TemplateVersion }[] = [];
        for (const template of templates) {
          const versions =
            wanted.length > 0
              ? new Set(wanted.map((one) => versionOf(template, one)))
              : [...template.versions].reverse().filter(({ version }) => version >= min && version <= max);
          for (const version of versions) rows.push({ seq: rows.length + 1, template, version });
        }
        const { items, nextToken } = page(rows, paging, 1);
        return {
          launchTemplateVersionSet: { item: items.map(({ template, version }) => versionXml(template, version)) },
          nextToken,
        };
      },
    ],
  ];
}

/** What is given, or what the source version has. EC2 also mixes the two. */
function dataOfVersion(template: LaunchTemplate, params: Params): Pick<TemplateVersion, 'data' | 'echo'> {
  const source = params.string('SourceVersion');
  const given = params.struct('LaunchTemplateData');
  if (source === undefined) return templateDataIn(given);
  if (given.names().length > 0) {
    throw new AwsError('InvalidParameterCombination', "The local cloud doesn't mix a SourceVersion with other data");
  }
  const { data, echo } = versionOf(template, source);
  return { data, echo };
}
