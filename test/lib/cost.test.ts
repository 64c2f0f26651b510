import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aws_sns as sns } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { type MonitoringOptions, SynktiCluster } from '../../lib/index.js';
import { monthlyCost, NODES, PRICE, QUIET, STANDING, sumOf, usdText } from './cost.js';
import { newStack, WEB } from './synth.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/cost.md'), 'utf8');

/** Of a cluster of six nodes, without its VPC. */
function resourcesWith(options: MonitoringOptions): Readonly<Record<string, { readonly Type: string }>> {
  const { stack, vpc } = newStack();
  const alarmTopic = sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-west-1:1:t');
  new SynktiCluster(stack, 'Web', {
    vpc,
    workload: WEB,
    clusterName: 'web',
    capacity: { desired: NODES },
    monitoring: { alarmTopic, ...options },
  });
  const all: Record<string, { Type: string }> = Template.fromStack(stack).toJSON().Resources;
  return Object.fromEntries(Object.entries(all).filter(([id]) => id.startsWith('Web')));
}

describe('what watching a cluster of six nodes costs', () => {
  const everything = resourcesWith({ dashboard: true });
  const lines = monthlyCost(everything);
  const saved = (STANDING.length - QUIET.length) * PRICE.metric;

  it('is at most $15 a month, everything on, in a bad month', () => {
    expect(sumOf(lines)).toBeLessThanOrEqual(15);
    expect(sumOf(lines)).toBeGreaterThan(5);
  });

  it('stands in docs/cost.md, line by line', () => {
    const page = PAGE.replaceAll(/[\s]+/g, ' ').replaceAll(/\|( :?-+:? \|)+ /g, '');
    for (const { what, how, usd } of lines) expect(page).toContain(`| ${what} | ${how} | ${usdText(usd)} |`);
    expect(page).toContain(`| **Sum** | | **${usdText(sumOf(lines))}** |`);
    const bare = sumOf(monthlyCost(resourcesWith({ alarms: false })));
    expect(page).toContain(`In a quiet month it is about ${usdText(sumOf(lines) - saved)}`);
    expect(page).toContain(`without alarms and dashboard about ${usdText(bare - saved)}`);
  });

  it('takes 60 resources', () => {
    expect(Object.keys(everything)).toHaveLength(60);
  });

  it("isn't guessed", () => {
    const more = { ...everything, Other: { Type: 'AWS::RDS::DBCluster' } };
    expect(() => monthlyCost(more)).toThrow(/AWS::RDS::DBCluster/);
  });
});
