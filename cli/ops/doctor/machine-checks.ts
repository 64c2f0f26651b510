/** Whether a node can boot and be told apart: launch template, image, files, rights, gossip. Pure functions of facts. */
import { countText } from '../show.js';
import { type Facts, type Finding, fine, problem, unknown, warning } from './facts.js';

const DEPLOY = 'Deploy the stack again: cdk deploy';

export function checkTemplate({ template, spec, region }: Facts): Finding[] {
  if (!template.ok) return [unknown('launch template', template)];
  const { templateId, templateVersion } = spec.launch;
  const name = `Launch template ${templateId}, version ${templateVersion},`;
  if (template.value === null) return [problem('launch template', `${name} isn't there.`, DEPLOY)];
  const { instanceProfile, tokensRequired, tagsInMetadata, newestVersion } = template.value;
  const findings: Finding[] = [];
  if (!tagsInMetadata)
    findings.push(
      problem('launch template', `${name} doesn't show tags in the metadata: agents can't read their seat.`, DEPLOY),
    );
  if (!tokensRequired) findings.push(warning('launch template', `${name} doesn't require IMDSv2.`, DEPLOY));
  if (instanceProfile === null)
    findings.push(problem('launch template', `${name} has no instance profile: agents have no credentials.`, DEPLOY));
  if (newestVersion !== null && newestVersion > templateVersion) {
    findings.push(
      warning(
        'launch template',
        `${name} is what the spec wishes for, and there is a version ${newestVersion}.`,
        `synkti update --dry-run --cluster ${spec.cluster} --region ${region}`,
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [fine('launch template', `${name} is there, requires IMDSv2 and shows tags.`)];
}

/** EC2's words for architectures of types and of images are the same. */
export function checkImage({ image, types, template }: Facts): Finding[] {
  if (!template.ok) return [unknown('image', template)];
  if (template.value !== null && template.value.imageId === null) {
    return [problem('image', 'The launch template names no image.', DEPLOY)];
  }
  if (!image.ok) return [unknown('image', image)];
  if (image.value === null)
    return [
      problem(
        'image',
        `Image ${template.value?.imageId ?? ''} isn't there, or isn't shared with this account.`,
        DEPLOY,
      ),
    ];
  const { imageId, state, architecture } = image.value;
  if (state !== 'available') return [problem('image', `Image ${imageId} is ${state}.`, DEPLOY)];
  if (!types.ok) return [fine('image', `${imageId} is available (${architecture}).`), unknown('architecture', types)];
  const wrong = types.value.filter(({ architectures }) => !architectures.includes(architecture));
  if (wrong.length > 0) {
    const names = wrong
      .map(({ instanceType }) => instanceType)
      .slice(0, 8)
      .join(', ');
    return [
      problem(
        'image',
        `Image ${imageId} is for ${architecture}, which ${names} can't run: launches there fail.`,
        "Take these types out of the construct's capacity, or use an image of their architecture.",
      ),
    ];
  }
  return [fine('image', `${imageId} is available, and every type runs ${architecture}.`)];
}

export function checkFiles({ files, bucket, spec }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (!bucket.ok) findings.push(unknown('bucket', bucket));
  else findings.push(fine('bucket', `${spec.bucket} can be read.`));
  if (!files.ok) return [...findings, unknown('files', files)];
  const missing = files.value.filter(({ there }) => !there);
  for (const { url } of missing)
    findings.push(problem('files', `${url}, which nodes fetch when they boot, isn't there.`, DEPLOY));
  if (missing.length === 0 && files.value.length > 0)
    findings.push(
      fine('files', `${countText(files.value.length, 'file')} that nodes fetch when they boot: all there.`),
    );
  return findings;
}

/** Registries aren't asked: what would be needed differs from one to the next. */
export function checkContainers({ spec, region }: Facts): Finding[] {
  return spec.workloads.flatMap((workload): Finding[] => {
    if (workload.kind !== 'container') return [];
    const { image, name } = workload;
    const ecr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(
      image,
    );
    const text = `Not looked at: whether the image of ${name}, ${image}, is there.`;
    if (ecr === null)
      return [{ check: 'container image', level: 'unknown', text, mend: `docker manifest inspect ${image}` }];
    const [, account, its, repository, tag, digest] = ecr;
    const id = digest === undefined ? `imageTag=${tag ?? 'latest'}` : `imageDigest=${digest}`;
    const mend = `aws ecr describe-images --registry-id ${account} --repository-name ${repository} --image-ids ${id} --region ${its ?? region}`;
    return [{ check: 'container image', level: 'unknown', text, mend }];
  });
}

export function checkRights({ rights }: Facts): Finding[] {
  if (!rights.ok) return [unknown('rights', rights)];
  const denied = rights.value.filter(({ allowed }) => !allowed);
  if (denied.length === 0)
    return [
      fine('rights', `The node's role may do all ${rights.value.length} things that agents do, by IAM's simulation.`),
    ];
  return denied.map(({ action, resource }) =>
    problem(
      'rights',
      `The node's role may not call ${action} on ${resource}.`,
      `${DEPLOY}; if it stays, look for a boundary or a service control policy.`,
    ),
  );
}

export function checkRoles({ roles }: Facts): Finding[] {
  if (!roles.ok) return [unknown('service-linked roles', roles)];
  const missing = roles.value.filter(({ there }) => !there);
  if (missing.length === 0)
    return [fine('service-linked roles', `${roles.value.map(({ name }) => name).join(' and ')} are there.`)];
  return missing.map(({ name }) =>
    problem(
      'service-linked roles',
      `${name} isn't there: the first launch that needs it fails unless the caller may make it.`,
      `aws iam create-service-linked-role --aws-service-name ${name === SPOT_ROLE ? 'spot' : 'ec2fleet'}.amazonaws.com`,
    ),
  );
}

export const SPOT_ROLE = 'AWSServiceRoleForEC2Spot';
export const FLEET_ROLE = 'AWSServiceRoleForEC2Fleet';

export const checkGossip = (facts: Facts): Finding[] => [...checkPorts(facts), ...checkHearing(facts)];

/** What the nodes say themselves: rules may be right and a network ACL or a clock wrong. */
function checkHearing({ view, region }: Facts): Finding[] {
  const parted = view.ok ? view.value.concerns.find(({ kind }) => kind === 'parted') : undefined;
  if (!view.ok || parted === undefined) return [];
  const subnets = [...new Set(view.value.nodes.flatMap(({ node }) => node.subnetId ?? []))].join(',');
  const acls = `aws ec2 describe-network-acls --filters Name=association.subnet-id,Values=${subnets} --region ${region}`;
  return [problem('gossip', parted.text, acls)];
}

function checkPorts({ rules, template, spec, region }: Facts): Finding[] {
  if (!template.ok) return [unknown('gossip', template)];
  const groups = template.value?.securityGroupIds ?? [];
  if (groups.length === 0)
    return [
      warning(
        'gossip',
        "The launch template names no security group: the VPC's default one must let nodes reach each other.",
      ),
    ];
  if (!rules.ok) return [unknown('gossip', rules)];
  const { port } = spec.gossip;
  const closed = (['udp', 'tcp'] as const).filter(
    (protocol) =>
      !rules.value.some(
        (rule) =>
          groups.includes(rule.groupId) &&
          (rule.protocol === '-1' || rule.protocol === protocol) &&
          (rule.protocol === '-1' || ((rule.fromPort ?? 0) <= port && port <= (rule.toPort ?? 65_535))) &&
          (rule.groups.some((id) => groups.includes(id)) || rule.cidrs.length > 0),
      ),
  );
  if (closed.length === 0)
    return [fine('gossip', `Nodes reach each other on port ${port}, UDP and TCP, as far as the security groups go.`)];
  const [group = ''] = groups;
  return closed.map((protocol) =>
    problem(
      'gossip',
      `No rule of ${groups.join(', ')} lets nodes reach each other on ${protocol.toUpperCase()} port ${port}.`,
      `aws ec2 authorize-security-group-ingress --group-id ${group} --protocol ${protocol} --port ${port} --source-group ${group} --region ${region}`,
    ),
  );
}
