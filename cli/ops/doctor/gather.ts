/** Reads all that the doctor judges, at once. Nothing here changes anything. */
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { classify } from '../../../aws/errors.js';
import { deniedAction } from '../../../aws/failure.js';
import type { Spec } from '../../../core/spec/spec.js';
import type { Session } from '../../aws/session.js';
import { readAnswers } from '../read.js';
import { viewOf } from '../view.js';
import type { Fact, Facts } from './facts.js';
import { readImage, readRules, readScores, readSubnets, readTemplate, readTypes } from './gather-ec2.js';
import { readRights, readRoles } from './gather-iam.js';
import { readBucket, readFiles, readGroups, readQuotas } from './gather-places.js';

/** What the local cloud answers to what it doesn't have. */
const NOT_EMULATED: ReadonlySet<string> = new Set([
  'UnknownService',
  'InvalidAction',
  'UnknownOperation',
  'UnknownOperationException',
  'NotImplemented',
  'UnsupportedOperation',
]);

export async function gather(session: Session, spec: Spec): Promise<Facts> {
  const fact = async <T>(work: Promise<T>): Promise<Fact<T>> => {
    try {
      return { ok: true, value: await work };
    } catch (error) {
      return { ok: false, why: whyOf(session, error), text: session.explain(error).message };
    }
  };
  const template = fact(readTemplate(session, spec));
  const templateOr = async <T>(
    work: (value: NonNullable<Awaited<ReturnType<typeof readTemplate>>>) => Promise<T>,
    none: T,
  ): Promise<Fact<T>> => {
    const read = await template;
    if (!read.ok) return read;
    return read.value === null ? { ok: true, value: none } : fact(work(read.value));
  };
  const identity = fact(
    session
      .client('sts')
      .then((sts) => sts.send(new GetCallerIdentityCommand({})))
      .then(({ Account, Arn }) => ({ account: Account ?? '', arn: Arn ?? '' })),
  );
  const view = fact(readAnswers(session, spec).then((answers) => viewOf(spec, session.region, answers)));
  const [types, subnets, quotas, roles, groups, scores, bucket, image, files, rules, rights] = await Promise.all([
    fact(readTypes(session, spec)),
    fact(readSubnets(session, spec)),
    fact(readQuotas(session)),
    fact(readRoles(session)),
    fact(readGroups(session, spec)),
    fact(readScores(session, spec)),
    fact(readBucket(session, spec)),
    templateOr((value) => readImage(session, value.imageId), null),
    templateOr((value) => readFiles(session, value.files), []),
    templateOr((value) => readRules(session, value.securityGroupIds), []),
    templateOr((value) => readRights(session, spec, value.instanceProfile, identity), []),
  ]);
  return {
    spec,
    region: session.region,
    view: await view,
    identity: await identity,
    clockAheadMs: session.clockAheadMs(),
    template: await template,
    types,
    subnets,
    quotas,
    roles,
    groups,
    scores,
    bucket,
    image,
    files,
    rules,
    rights,
  };
}

function whyOf(session: Session, error: unknown): 'denied' | 'not-emulated' | 'failed' {
  if (session.endpoint !== null && NOT_EMULATED.has(classify(error).code)) return 'not-emulated';
  return deniedAction(error) === null ? 'failed' : 'denied';
}
