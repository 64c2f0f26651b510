/** What the doctor looks at. Everything is read before anything is judged; what can't be read says why. */
import type { Spec } from '../../../core/spec/spec.js';
import type { ClusterView } from '../view.js';

export type Fact<T> =
  | { readonly ok: true; readonly value: T }
  /** `not-emulated`: the local cloud has no such thing. */
  | { readonly ok: false; readonly why: 'denied' | 'not-emulated' | 'failed'; readonly text: string };

export interface TypeFacts {
  readonly instanceType: string;
  readonly vCpus: number;
  readonly architectures: readonly string[];
}

export interface SubnetFacts {
  readonly subnetId: string;
  readonly zone: string;
  readonly zoneId: string | null;
  readonly vpcId: string;
  readonly freeAddresses: number;
}

export interface TemplateFacts {
  readonly imageId: string | null;
  readonly instanceProfile: string | null;
  readonly securityGroupIds: readonly string[];
  readonly tokensRequired: boolean;
  readonly tagsInMetadata: boolean;
  /** `s3://bucket/key` of what its user data fetches. */
  readonly files: readonly string[];
  readonly newestVersion: number | null;
}

export interface ImageFacts {
  readonly imageId: string;
  readonly state: string;
  readonly architecture: string;
}

export interface QuotaFacts {
  readonly code: string;
  readonly name: string;
  readonly value: number;
}

export interface GroupFacts {
  readonly arn: string;
  readonly name: string;
  readonly vpcId: string | null;
  readonly protocol: string;
  readonly targetType: string;
  readonly healthPath: string | null;
  readonly intervalMs: number;
  readonly unhealthyAfter: number;
  readonly deregistrationMs: number;
  readonly slowStartMs: number;
  /** Of load balancers that send to it. */
  readonly balancers: number;
}

export interface RuleFacts {
  readonly groupId: string;
  /** `-1`: all. */
  readonly protocol: string;
  readonly fromPort: number | null;
  readonly toPort: number | null;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
}

export interface Simulated {
  readonly action: string;
  readonly resource: string;
  readonly allowed: boolean;
}

export interface ScoreFacts {
  readonly zoneId: string;
  /** 1 to 10. */
  readonly score: number;
}

export interface Facts {
  readonly spec: Spec;
  readonly region: string;
  /** Null where the nodes can't be read. */
  readonly view: Fact<ClusterView>;
  readonly identity: Fact<{ readonly account: string; readonly arn: string }>;
  /** Null: no answer carried a date. */
  readonly clockAheadMs: number | null;
  readonly types: Fact<readonly TypeFacts[]>;
  readonly subnets: Fact<readonly SubnetFacts[]>;
  /** Null: no such template or version. */
  readonly template: Fact<TemplateFacts | null>;
  /** Null: no such image, or none that the account sees. */
  readonly image: Fact<ImageFacts | null>;
  /** Files that nodes fetch at boot, and whether they are there. */
  readonly files: Fact<readonly { readonly url: string; readonly there: boolean }[]>;
  readonly quotas: Fact<readonly QuotaFacts[]>;
  readonly roles: Fact<readonly { readonly name: string; readonly there: boolean }[]>;
  readonly groups: Fact<readonly GroupFacts[]>;
  readonly rules: Fact<readonly RuleFacts[]>;
  readonly rights: Fact<readonly Simulated[]>;
  readonly scores: Fact<readonly ScoreFacts[]>;
  readonly bucket: Fact<null>;
}

export type Level = 'fine' | 'warning' | 'problem' | 'unknown';

export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly text: string;
  /** The command, or the act, that mends it; null: nothing to mend, or no one command does. */
  readonly mend: string | null;
}

export const fine = (check: string, text: string): Finding => ({ check, level: 'fine', text, mend: null });
export const warning = (check: string, text: string, mend: string | null = null): Finding => ({
  check,
  level: 'warning',
  text,
  mend,
});
export const problem = (check: string, text: string, mend: string | null = null): Finding => ({
  check,
  level: 'problem',
  text,
  mend,
});

/** A check whose facts couldn't be read. */
export function unknown(check: string, fact: Fact<unknown> & { readonly ok: false }): Finding {
  const text =
    fact.why === 'not-emulated' ? 'Not looked at: the local cloud has no such thing.' : `Not looked at: ${fact.text}`;
  return { check, level: 'unknown', text, mend: null };
}
