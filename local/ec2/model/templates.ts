import type { Context } from '../../../core/time.js';
import { AwsError } from '../../wire/error.js';
import type { XmlObject } from '../../wire/xml.js';
import { newId } from './state.js';
import { checkTags } from './tags.js';
import type { Ec2Model, LaunchTemplate, MetadataOptions, Tags, TemplateData, TemplateVersion } from './types.js';

/** EC2's own when nothing is said. */
export const DEFAULT_METADATA: MetadataOptions = { httpTokens: 'required', hopLimit: 1, enabled: true, tags: false };

const MAX_TEMPLATES = 5_000;
const MAX_VERSIONS = 10_000;

export interface ResolvedTemplate {
  readonly id: string;
  readonly name: string;
  readonly version: TemplateVersion;
}

export function createTemplate(
  model: Ec2Model,
  input: {
    readonly name: string;
    readonly description: string | null;
    readonly data: TemplateData;
    readonly echo: XmlObject;
    readonly tags: Tags;
  },
  ctx: Context,
): LaunchTemplate {
  if (!/^[a-zA-Z0-9().\-/_]{3,128}$/.test(input.name)) {
    throw new AwsError(
      'InvalidLaunchTemplateName.MalformedException',
      'A launch template name has 3 to 128 letters, digits and ( ) . - / _',
    );
  }
  for (const { name } of model.templates.values()) {
    if (name === input.name) {
      throw new AwsError('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.');
    }
  }
  if (model.templates.size >= MAX_TEMPLATES)
    throw new AwsError('LaunchTemplateLimitExceeded', 'Too many launch templates');
  checkTags(input.tags, false);
  for (const { tags } of input.data.tagSpecifications) checkTags(tags, false);
  const template: LaunchTemplate = {
    templateId: newId('lt', ctx.rng),
    name: input.name,
    createTimeMs: ctx.wallMs,
    defaultVersion: 1,
    tags: input.tags,
    versions: [
      { version: 1, description: input.description, createTimeMs: ctx.wallMs, data: input.data, echo: input.echo },
    ],
  };
  model.templates.set(template.templateId, template);
  return template;
}

export function createTemplateVersion(
  template: LaunchTemplate,
  input: { readonly description: string | null; readonly data: TemplateData; readonly echo: XmlObject },
  ctx: Context,
): TemplateVersion {
  const latest = template.versions.at(-1)?.version ?? 0;
  if (latest >= MAX_VERSIONS) throw new AwsError('LaunchTemplateVersionLimitExceeded', 'Too many versions');
  for (const { tags } of input.data.tagSpecifications) checkTags(tags, false);
  const version: TemplateVersion = { version: latest + 1, createTimeMs: ctx.wallMs, ...input };
  template.versions.push(version);
  return version;
}

export function deleteTemplate(model: Ec2Model, template: LaunchTemplate): void {
  model.templates.delete(template.templateId);
}

/** By id or by name, one of the two. @throws AwsError */
export function templateOf(model: Ec2Model, id: string | undefined, name: string | undefined): LaunchTemplate {
  if ((id === undefined) === (name === undefined)) {
    throw new AwsError('InvalidParameterCombination', 'Give either LaunchTemplateId or LaunchTemplateName');
  }
  if (id !== undefined) {
    const template = model.templates.get(id);
    if (template !== undefined) return template;
    if (!/^lt-[0-9a-f]{8,17}$/.test(id)) {
      throw new AwsError('InvalidLaunchTemplateId.Malformed', `Invalid launch template ID: '${id.slice(0, 100)}'`);
    }
    throw new AwsError('InvalidLaunchTemplateId.NotFound', `The launch template ID '${id}' does not exist`);
  }
  for (const template of model.templates.values()) if (template.name === name) return template;
  throw new AwsError(
    'InvalidLaunchTemplateName.NotFoundException',
    `No launch template is named '${name?.slice(0, 128)}'`,
  );
}

/** A version by number, `$Latest` or `$Default`. @throws AwsError `InvalidLaunchTemplateId.VersionNotFound` */
export function versionOf(template: LaunchTemplate, version: string): TemplateVersion {
  const wanted =
    version === '$Latest'
      ? template.versions.at(-1)?.version
      : version === '$Default'
        ? template.defaultVersion
        : Number(version);
  const found = template.versions.find((one) => one.version === wanted);
  if (found !== undefined) return found;
  throw new AwsError(
    'InvalidLaunchTemplateId.VersionNotFound',
    `Could not find the launch template version ${version.slice(0, 20)} of ${template.templateId}`,
  );
}

export function resolveTemplate(model: Ec2Model, id: string, version: string): ResolvedTemplate {
  const template = templateOf(model, id, undefined);
  return { id: template.templateId, name: template.name, version: versionOf(template, version) };
}
