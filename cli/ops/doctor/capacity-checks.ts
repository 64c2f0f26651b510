/** Whether what the spec wishes can be launched: quotas, subnets, pools, placement scores. Pure functions of facts. */
import { countText } from '../show.js';
import { type Facts, type Finding, fine, problem, type QuotaFacts, type TypeFacts, unknown, warning } from './facts.js';

/** Quotas count vCPUs by groups of families, as their names say. */
export function quotaGroup(instanceType: string): string {
  const letters = /^[a-z]+/.exec(instanceType)?.[0] ?? '';
  if (letters === 'inf') return 'Inf';
  if (letters === 'trn') return 'Trn';
  if (letters === 'dl') return 'DL';
  if (letters === 'hpc') return 'HPC';
  if (letters === 'vt') return 'G and VT';
  const first = letters.charAt(0);
  if (first === 'g') return 'G and VT';
  if ('acdhimrtz'.includes(first)) return 'Standard';
  return first.toUpperCase();
}

function quotaOf(group: string, market: 'spot' | 'on-demand', quotas: readonly QuotaFacts[]): QuotaFacts | null {
  const head = market === 'spot' ? `All ${group}` : `Running On-Demand ${group}`;
  return quotas.find(({ name }) => name.startsWith(`${head} `) || name.startsWith(`${head}4`)) ?? null;
}

/** Beyond the nodes themselves, a replacement stands beside the node that goes. */
const SPARE_NODES = 1;

export function checkQuotas({ quotas, types, spec, region }: Facts): Finding[] {
  if (!quotas.ok) return [unknown('quotas', quotas)];
  if (!types.ok) return [unknown('quotas', types)];
  const findings: Finding[] = [];
  const markets = [
    ...((spec.launch.onDemandBase ?? 0) < spec.desired ? (['spot'] as const) : []),
    ...(spec.launch.onDemandAfter !== null || (spec.launch.onDemandBase ?? 0) > 0 ? (['on-demand'] as const) : []),
  ];
  for (const market of markets) {
    for (const [group, members] of groupsOf(types.value)) {
      const quota = quotaOf(group, market, quotas.value);
      const largest = Math.max(...members.map(({ vCpus }) => vCpus));
      const need = (spec.desired + SPARE_NODES) * largest;
      const what = `${market} vCPUs of ${group} types`;
      if (quota === null) {
        findings.push(warning('quotas', `The account's quota for ${what} isn't listed.`));
        continue;
      }
      const mend = `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${quota.code} --desired-value ${need} --region ${region}`;
      const sum = `${quota.value} ${what}, and ${countText(spec.desired, 'node')} and a replacement need ${need}`;
      if (quota.value >= need) findings.push(fine('quotas', `${sum}, at most.`));
      else if (quota.value < largest) findings.push(problem('quotas', `${sum}: not one can be launched.`, mend));
      else findings.push((market === 'spot' ? problem : warning)('quotas', `${sum}.`, mend));
    }
  }
  return findings;
}

function groupsOf(types: readonly TypeFacts[]): Map<string, TypeFacts[]> {
  const groups = new Map<string, TypeFacts[]>();
  for (const type of types) {
    const name = quotaGroup(type.instanceType);
    groups.set(name, [...(groups.get(name) ?? []), type]);
  }
  return groups;
}

export function checkSubnets({ subnets, spec }: Facts): Finding[] {
  if (!subnets.ok) return [unknown('subnets', subnets)];
  const findings: Finding[] = [];
  const wanted = new Map(spec.launch.pools.map(({ subnetId, zone }) => [subnetId, zone]));
  const need = spec.desired + SPARE_NODES;
  for (const [subnetId, zone] of wanted) {
    const subnet = subnets.value.find((one) => one.subnetId === subnetId);
    if (subnet === undefined) {
      findings.push(
        problem(
          'subnets',
          `Subnet ${subnetId} of the spec isn't there.`,
          'Deploy the stack again with subnets that exist.',
        ),
      );
    } else if (subnet.zone !== zone) {
      findings.push(
        problem(
          'subnets',
          `Subnet ${subnetId} is in ${subnet.zone}, and the spec says ${zone}.`,
          'Deploy the stack again.',
        ),
      );
    } else if (subnet.freeAddresses < need) {
      const text = `Subnet ${subnetId} (${zone}) has ${countText(subnet.freeAddresses, 'free address', 'free addresses')}; were all nodes there, they would need ${need}.`;
      findings.push(
        (subnet.freeAddresses === 0 ? problem : warning)(
          'subnets',
          text,
          'Give the cluster a larger subnet in this zone.',
        ),
      );
    }
  }
  const vpcs = new Set(subnets.value.map(({ vpcId }) => vpcId));
  if (vpcs.size > 1)
    findings.push(problem('subnets', `The subnets are in ${vpcs.size} VPCs: gossip can't cross them.`));
  if (findings.length > 0) return findings;
  const least = Math.min(...subnets.value.map(({ freeAddresses }) => freeAddresses));
  return [fine('subnets', `${countText(wanted.size, 'subnet')}, with ${least} free addresses or more each.`)];
}

/** aws's own advice is to be flexible over ten types and all zones. */
const MANY_TYPES = 10;

export function checkPools({ spec }: Facts): Finding[] {
  const { pools } = spec.launch;
  const zones = new Set(pools.map(({ zone }) => zone)).size;
  const types = new Set(pools.map(({ instanceType }) => instanceType)).size;
  const text = `${countText(pools.length, 'pool')}: ${countText(types, 'type')} in ${countText(zones, 'zone')}`;
  const mend = "Widen the construct's capacity (instanceTypes, or requirements) and deploy.";
  if (zones < 2) return [warning('pools', `${text}. One zone's shortage takes every seat.`, mend)];
  if (types < 3) return [warning('pools', `${text}. Few types are reclaimed together.`, mend)];
  return [fine('pools', `${text}${types < MANY_TYPES ? `; ${MANY_TYPES} types or more are better still` : ''}.`)];
}

/** GetSpotPlacementScores: 10 is "very likely to succeed", for this very request at this time. */
const LOW_SCORE = 4;

export function checkScores({ scores, subnets, spec }: Facts): Finding[] {
  if (!scores.ok) return [unknown('spot placement', scores)];
  const zoneIds = subnets.ok ? new Map(subnets.value.map(({ zoneId, zone }) => [zoneId, zone])) : new Map();
  const known = scores.value.filter(({ zoneId }) => zoneIds.size === 0 || zoneIds.has(zoneId));
  if (known.length === 0) return [warning('spot placement', 'EC2 gives no placement score for the cluster’s zones.')];
  const listed = [...known]
    .sort((a, b) => b.score - a.score || (a.zoneId < b.zoneId ? -1 : 1))
    .map(({ zoneId, score }) => `${zoneIds.get(zoneId) ?? zoneId} ${score}`)
    .join(', ');
  const best = Math.max(...known.map(({ score }) => score));
  const text = `Scores of 10 for ${countText(spec.desired, 'node')} at once: ${listed}.`;
  if (best >= LOW_SCORE) return [fine('spot placement', text)];
  return [
    warning(
      'spot placement',
      `${text} Spot capacity for these types is short now.`,
      'More instance types, other sizes, or onDemandAfter in the policy.',
    ),
  ];
}
