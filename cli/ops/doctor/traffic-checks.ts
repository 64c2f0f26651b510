/** Target groups, the caller, the clock and the cluster as it lives. Pure functions of facts. */
import { countText, elapsedText } from '../show.js';
import { type Facts, type Finding, fine, type GroupFacts, problem, unknown, warning } from './facts.js';

/** Longer than this doesn't fit the two minutes of a notice with room for the rest of the drain. */
const LONG_DELAY_MS = 60_000;
const NOTICE_MS = 120_000;
/** A target group should find a dead node this soon. */
const SLOW_FIND_MS = 60_000;

export function checkTargetGroups(facts: Facts): Finding[] {
  const { groups, spec } = facts;
  const arns = new Set(spec.workloads.flatMap((workload) => workload.targetGroupArns));
  if (arns.size === 0) return [];
  if (!groups.ok) return [unknown('target groups', groups)];
  const findings = [...arns].flatMap((arn) => {
    const group = groups.value.find((one) => one.arn === arn);
    if (group === undefined)
      return [problem('target groups', `${arn} isn't there.`, 'Deploy the stack again: cdk deploy')];
    return checkGroup(group, facts);
  });
  return findings.length > 0 ? findings : groups.value.map((group) => fine('target groups', summary(group)));
}

const summary = ({ name, intervalMs, unhealthyAfter, deregistrationMs }: GroupFacts): string =>
  `${name}: a dead target is found in ${elapsedText(intervalMs * unhealthyAfter)}, one that leaves is let go after ${elapsedText(deregistrationMs)} at most.`;

function checkGroup(group: GroupFacts, { subnets, region }: Facts): Finding[] {
  const { name, arn, deregistrationMs, intervalMs, unhealthyAfter, slowStartMs } = group;
  const findings: Finding[] = [];
  const attribute = (key: string, value: number): string =>
    `aws elbv2 modify-target-group-attributes --target-group-arn ${arn} --attributes Key=${key},Value=${value} --region ${region}`;
  if (deregistrationMs > LONG_DELAY_MS) {
    const text = `${name} lets a target go only after ${elapsedText(deregistrationMs)}; a notice is ${elapsedText(NOTICE_MS)} long.`;
    findings.push(
      (deregistrationMs >= NOTICE_MS ? problem : warning)(
        'target groups',
        text,
        attribute('deregistration_delay.timeout_seconds', 45),
      ),
    );
  }
  if (slowStartMs > 0)
    findings.push(
      warning(
        'target groups',
        `${name} starts new targets slowly (${elapsedText(slowStartMs)}): a replacement gets little traffic for as long.`,
        attribute('slow_start.duration_seconds', 0),
      ),
    );
  if (intervalMs * unhealthyAfter > SLOW_FIND_MS) {
    findings.push(
      warning(
        'target groups',
        `${name} finds a dead target after ${elapsedText(intervalMs * unhealthyAfter)}.`,
        `aws elbv2 modify-target-group --target-group-arn ${arn} --health-check-interval-seconds 10 --unhealthy-threshold-count 2 --region ${region}`,
      ),
    );
  }
  if (group.targetType !== 'instance')
    findings.push(
      problem('target groups', `${name} takes targets of type ${group.targetType}, and agents register instances.`),
    );
  if (group.balancers === 0)
    findings.push(warning('target groups', `No load balancer sends to ${name}: its targets aren't checked.`));
  if (['TCP', 'UDP', 'TLS', 'TCP_UDP'].includes(group.protocol)) {
    findings.push(
      warning(
        'target groups',
        `${name} is a network load balancer's: it may send to a target for two minutes after its deregistration.`,
      ),
    );
  }
  if (subnets.ok && group.vpcId !== null && subnets.value.some(({ vpcId }) => vpcId !== group.vpcId)) {
    findings.push(problem('target groups', `${name} is in ${group.vpcId}, and the cluster's subnets aren't.`));
  }
  return findings;
}

export function checkCaller({ identity }: Facts): Finding[] {
  if (!identity.ok) return [unknown('credentials', identity)];
  return [fine('credentials', `${identity.value.arn} in account ${identity.value.account}.`)];
}

/** AWS refuses signatures that are five minutes off; leases and notices suffer earlier. */
const SKEW_MS = 5_000;

export function checkClock({ clockAheadMs }: Facts): Finding[] {
  if (clockAheadMs === null) return [];
  // The header has whole seconds.
  const off = Math.abs(clockAheadMs);
  if (off <= SKEW_MS) return [fine('clock', "This machine's clock and AWS's agree, to a few seconds.")];
  return [
    warning(
      'clock',
      `This machine's clock is ${elapsedText(off)} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} AWS's.`,
      'Set the clock, such as with: sudo chronyc makestep',
    ),
  ];
}

/** Agents come with the launch template: one version of it, one version of the agent. */
export function checkNodes({ view }: Facts): Finding[] {
  if (!view.ok) return [unknown('nodes', view)];
  const { nodes, concerns, spec, slots } = view.value;
  const findings = concerns
    // Parted gossip is told of by the check of that name.
    .filter(({ level, kind }) => level !== 'waiting' && kind !== 'parted')
    .map(({ level, text }) =>
      (level === 'down' ? problem : warning)('nodes', text, 'Look at: synkti status and synkti incidents'),
    );
  const serving = slots.filter(({ state }) => state === 'serving').length;
  if (findings.length === 0) findings.push(fine('nodes', `${serving} of ${countText(spec.desired, 'seat')} serve.`));
  const old = nodes.filter((row) => row.old === true);
  const unknownOnes = nodes.filter((row) => row.old === null);
  if (old.length > 0)
    findings.push(
      warning(
        'agent versions',
        `${countText(old.length, 'node')} of ${nodes.length} run an older template version, and its agent; a rolling update replaces them.`,
      ),
    );
  else if (unknownOnes.length > 0)
    findings.push(
      warning(
        'agent versions',
        `${countText(unknownOnes.length, 'node')} don't say which template version they came from.`,
      ),
    );
  else if (nodes.length > 0)
    findings.push(
      fine(
        'agent versions',
        `All nodes came from template version ${spec.launch.templateVersion}, and so run one version of the agent.`,
      ),
    );
  return findings;
}
