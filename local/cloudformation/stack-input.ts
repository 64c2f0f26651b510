/** What CreateStack and UpdateStack ask for, checked as CloudFormation does before it begins. */
import { DEPLOYER_KEY, type LocalCloud } from '../cloud-types.js';
import { AwsError } from '../wire/error.js';
import type { Params } from '../wire/form.js';
import { isObject, type Json, type JsonObject } from './json.js';
import type { StackWish } from './stack-record.js';
import { parseTemplate, type Template } from './template.js';

const MAX_BODY_BYTES = 51_200;
const MAX_OBJECT_BYTES = 1_048_576;
const NAME = /^[a-zA-Z][-a-zA-Z0-9]*$/;

/** `former`: the stack that is to be changed. @throws AwsError in CloudFormation's words */
export async function wishOf(params: Params, cloud: LocalCloud, former: StackWish | null): Promise<StackWish> {
  const name = params.required('StackName');
  if (former === null) checkName(name);
  const previous = params.boolean('UsePreviousTemplate') === true ? former?.templateText : undefined;
  const body = params.string('TemplateBody');
  const url = params.string('TemplateURL');
  if (body !== undefined && Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw invalid(
      `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${MAX_BODY_BYTES}`,
    );
  }
  const given = params.structs('Parameters').map((one) => ({
    key: one.required('ParameterKey'),
    value: one.string('ParameterValue'),
    previous: one.boolean('UsePreviousValue') === true,
  }));
  const capabilities = params.strings('Capabilities');
  const tags = params.has('Tags')
    ? params.structs('Tags').map((tag) => ({ key: tag.required('Key'), value: tag.required('Value') }))
    : (former?.tags ?? []);
  const disabled = params.boolean('DisableRollback') === true;
  const onFailure = params.oneOf('OnFailure', ['ROLLBACK', 'DELETE', 'DO_NOTHING']);
  const roleArn = params.string('RoleARN') ?? null;
  const timeoutMinutes = params.integer('TimeoutInMinutes', 1, 43_200) ?? null;
  const token = params.string('ClientRequestToken') ?? null;
  params.refuseUnread();
  if (disabled || onFailure === 'DO_NOTHING') {
    throw invalid('The local cloud takes back whatever fails: OnFailure can be ROLLBACK or DELETE.');
  }
  if ([previous, body, url].filter((one) => one !== undefined).length !== 1) {
    throw invalid('Either Template URL or Template Body must be specified.');
  }
  const templateText = previous ?? body ?? (await download(url ?? '', cloud));
  const template = jsonOf(templateText);
  const parsed = parsedTemplate(template);
  const parameters: Record<string, string> = {};
  for (const { key, value, previous: kept } of given) {
    const text = kept ? former?.parameters[key] : value;
    if (text !== undefined) parameters[key] = text;
  }
  checkParameters(parsed, parameters);
  checkCapabilities(parsed, capabilities);
  return {
    name,
    templateText,
    template,
    parameters,
    capabilities,
    tags,
    roleArn,
    onFailure: onFailure ?? 'ROLLBACK',
    timeoutMinutes,
    token,
  };
}

function checkName(name: string): void {
  if (name.length <= 128 && NAME.test(name)) return;
  throw invalid(
    `1 validation error detected: Value '${name.slice(0, 150)}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
  );
}

function jsonOf(text: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw invalid('Template format error: JSON not well-formed. (The local cloud reads no YAML.)');
  }
  if (!isObject(value)) throw invalid('Template format error: unsupported structure.');
  return value;
}

function parsedTemplate(template: JsonObject): Template {
  try {
    return parseTemplate(template);
  } catch (error) {
    throw invalid(`Template format error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkParameters(template: Template, given: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(given).filter((name) => !template.parameters.has(name));
  if (unknown.length > 0) throw invalid(`Parameters: [${unknown.join(', ')}] do not exist in the template`);
  const missing = [...template.parameters].flatMap(([name, { initial }]) =>
    initial === undefined && !Object.hasOwn(given, name) ? [name] : [],
  );
  if (missing.length > 0) throw invalid(`Parameters: [${missing.join(', ')}] must have values`);
}

/** Property that names a resource of IAM, by its type. */
const IAM_NAMES: Readonly<Record<string, string>> = {
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::User': 'UserName',
  'AWS::IAM::Group': 'GroupName',
  'AWS::IAM::Policy': '',
};

function checkCapabilities({ resources }: Template, capabilities: readonly string[]): void {
  const ofIam = [...resources.values()].filter(({ type }) => Object.hasOwn(IAM_NAMES, type));
  if (ofIam.length === 0 || capabilities.includes('CAPABILITY_NAMED_IAM')) return;
  const named = ofIam.some(({ type, properties }) => Object.hasOwn(properties, IAM_NAMES[type] ?? ''));
  const needed = named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM';
  if (capabilities.includes(needed)) return;
  throw new AwsError('InsufficientCapabilitiesException', `Requires capabilities : [${needed}]`);
}

/** From the local S3, whatever the host of the URL. */
async function download(url: string, cloud: LocalCloud): Promise<string> {
  const place = placeIn(url);
  if (place === null) throw invalid('TemplateURL must be a supported URL.');
  // Loaded when it is needed: few clouds are asked for stacks.
  const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const s3 = new S3Client({
    region: cloud.region,
    endpoint: cloud.endpoint,
    credentials: { accessKeyId: DEPLOYER_KEY, secretAccessKey: DEPLOYER_KEY },
    forcePathStyle: true,
  });
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: place.bucket, Key: place.key }));
    const text = (await Body?.transformToString()) ?? '';
    if (Buffer.byteLength(text) > MAX_OBJECT_BYTES) {
      throw invalid(`Template may not exceed ${MAX_OBJECT_BYTES} bytes in size.`);
    }
    return text;
  } catch (error) {
    if (error instanceof AwsError) throw error;
    throw invalid(`S3 error: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    s3.destroy();
  }
}

/** `https://bucket.s3.region.amazonaws.com/key`, `https://s3.region.amazonaws.com/bucket/key` or `<endpoint>/bucket/key`. */
export function placeIn(url: string): { readonly bucket: string; readonly key: string } | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  const path = decodeURIComponent(parsed.pathname.slice(1));
  const virtual = /^(.+)\.s3(?:[.-][\w-]+)?\.amazonaws\.com(?:\.cn)?$/.exec(parsed.hostname)?.[1];
  if (virtual !== undefined) return path === '' ? null : { bucket: virtual, key: path };
  const [bucket, ...rest] = path.split('/');
  const key = rest.join('/');
  return bucket === undefined || bucket === '' || key === '' ? null : { bucket, key };
}

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);
