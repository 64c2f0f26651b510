import { isIPv4 } from 'node:net';
import type { HeldSeat } from '../core/seats/seat.js';
import { seatFromTags, TAG } from '../core/seats/tags.js';
import type { Imds } from './imds.js';

/** Who this node is: all of it from IMDS, so that one and the same launch template serves every seat. */
export interface Identity {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly region: string;
  readonly zone: string;
  readonly lifecycle: 'spot' | 'on-demand';
  readonly privateIp: string;
  readonly cluster: string;
  readonly epoch: string;
  readonly seat: HeldSeat;
  /** Version of the launch template; 0 when its tag isn't there. */
  readonly templateVersion: number;
}

export type IdentityResult =
  | { readonly ok: true; readonly identity: Identity }
  /** One sentence for the log. */
  | { readonly ok: false; readonly problem: string };

const PATHS = {
  instanceId: 'instance-id',
  instanceType: 'instance-type',
  region: 'placement/region',
  zone: 'placement/availability-zone',
  lifecycle: 'instance-life-cycle',
  privateIp: 'local-ipv4',
} as const;

/** Reads everything anew; to be repeated with back-off until it succeeds. */
export async function readIdentity(imds: Imds): Promise<IdentityResult> {
  const values: Record<string, string> = {};
  for (const [name, path] of Object.entries(PATHS)) {
    const { status, body } = await imds.get(`meta-data/${path}`);
    if (status !== 200) return problem(`IMDS has no ${path} (status ${status})`);
    values[name] = body.trim();
  }
  const tags: Record<string, string> = {};
  for (const key of [TAG.cluster, TAG.epoch, TAG.slot, TAG.generation, TAG.rung]) {
    const { status, body } = await imds.get(`meta-data/tags/instance/${key}`);
    if (status === 404) {
      return problem(
        `IMDS shows no tag ${key}: is the instance launched by Synkti, with InstanceMetadataTags enabled in its template?`,
      );
    }
    if (status !== 200) return problem(`IMDS doesn't answer for tag ${key} (status ${status})`);
    tags[key] = body.trim();
  }
  const template = await imds.get(`meta-data/tags/instance/${TAG.template}`);
  if (template.status !== 200 && template.status !== 404) {
    return problem(`IMDS doesn't answer for tag ${TAG.template} (status ${template.status})`);
  }
  if (template.status === 200) tags[TAG.template] = template.body.trim();
  return identityOf(values, tags);
}

/** Checks what IMDS said. */
export function identityOf(
  values: Readonly<Record<string, string | undefined>>,
  tags: Readonly<Record<string, string | undefined>>,
): IdentityResult {
  const { instanceId = '', instanceType = '', region = '', zone = '', lifecycle = '', privateIp = '' } = values;
  if (!/^i-[0-9a-f]{8,32}$/.test(instanceId)) return problem(`IMDS gives a strange instance id: ${show(instanceId)}`);
  if (!isIPv4(privateIp)) return problem(`IMDS gives a strange local-ipv4: ${show(privateIp)}`);
  if (!/^[a-z]{2}[a-z0-9-]{2,30}$/.test(region)) return problem(`IMDS gives a strange region: ${show(region)}`);
  if (zone === '' || instanceType === '') return problem('IMDS gives no zone or no instance type');
  const cluster = tags[TAG.cluster] ?? '';
  const epoch = tags[TAG.epoch] ?? '';
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(cluster))
    return problem(`tag ${TAG.cluster} is no cluster name: ${show(cluster)}`);
  if (!/^[A-Za-z0-9]{1,12}$/.test(epoch)) return problem(`tag ${TAG.epoch} is no epoch: ${show(epoch)}`);
  const seat = seatFromTags(tags);
  if (seat === null) return problem(`tags ${TAG.slot}, ${TAG.generation} and ${TAG.rung} name no seat`);
  return {
    ok: true,
    identity: {
      instanceId,
      instanceType,
      region,
      zone,
      lifecycle: lifecycle === 'spot' ? 'spot' : 'on-demand',
      privateIp,
      cluster,
      epoch,
      seat,
      templateVersion: /^\d{1,9}$/.test(tags[TAG.template] ?? '') ? Number(tags[TAG.template]) : 0,
    },
  };
}

const problem = (text: string): IdentityResult => ({ ok: false, problem: text });
const show = (text: string): string => JSON.stringify(text.slice(0, 60));
