/** Changes of a template, as its author would make them in the app. Pure. */
import { UserError } from '../../user-error.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Members = { readonly [name: string]: Json };

/** The same template with another number of nodes in one cluster. @throws UserError */
export function withDesired(template: unknown, cluster: string, desired: number): unknown {
  let found = 0;
  const changed = mapResources(template, (resource) => {
    const text = JSON.stringify(resource);
    if (!text.includes(quoted(`"cluster":"${cluster}"`))) return resource;
    return mapTexts(resource, (one) =>
      one.replaceAll(/("desired":)\d+/g, (_all, key: string) => {
        found++;
        return `${key}${desired}`;
      }),
    );
  });
  if (found > 0) return changed;
  throw new UserError(
    `The template doesn't show how many nodes the cluster ${cluster} has, so --scale can't change it.`,
  );
}

/** The same template with a launch template that differs: its nodes have a larger disk, or else detailed monitoring. */
export function withNewLaunchTemplate(template: unknown, cluster: string): unknown {
  let found = 0;
  const changed = mapResources(template, (resource) => {
    if (resource.Type !== 'AWS::EC2::LaunchTemplate') return resource;
    const properties = members(resource.Properties);
    const data = members(properties.LaunchTemplateData);
    if (!JSON.stringify(data).includes(`"Key":"synkti:cluster","Value":${JSON.stringify(cluster)}`)) return resource;
    found++;
    return { ...resource, Properties: { ...properties, LaunchTemplateData: { ...data, ...another(data) } } };
  });
  if (found > 0) return changed;
  throw new UserError(`The template holds no launch template of the cluster ${cluster}, so --update can't change it.`);
}

function another(data: Members): Members {
  const [first, ...rest] = Array.isArray(data.BlockDeviceMappings) ? (data.BlockDeviceMappings as Json[]) : [];
  const { VolumeSize, ...ebs } = members(members(first).Ebs);
  if (typeof VolumeSize === 'number') {
    return { BlockDeviceMappings: [{ ...members(first), Ebs: { ...ebs, VolumeSize: VolumeSize + 1 } }, ...rest] };
  }
  return { Monitoring: { Enabled: members(data.Monitoring).Enabled !== true } };
}

const members = (value: Json | undefined): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};

/** As text within text. */
const quoted = (text: string): string => JSON.stringify(text).slice(1, -1);

function mapResources(template: unknown, change: (resource: Members) => Json): unknown {
  const all = members(template as Json);
  const resources = Object.entries(members(all.Resources)).map(([id, one]) => [id, change(members(one))]);
  return { ...all, Resources: Object.fromEntries(resources) };
}

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one: Json) => mapTexts(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mapTexts(one as Json, change)]));
}
