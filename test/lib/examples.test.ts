import { CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { EXAMPLES } from './examples.js';
import { complaints, newApp } from './synth.js';

describe.each(Object.entries(EXAMPLES))('example %s', (_name, make) => {
  it('synthesizes without a warning and with at most 60 resources', () => {
    const stack = Stack.of(make(newApp()));
    const template = Template.fromStack(stack).toJSON();
    expect(Object.keys(template.Resources).length).toBeLessThanOrEqual(60);
    expect(complaints(stack)).toEqual([]);
  });

  it('passes cdk-nag', () => {
    const app = newApp();
    make(app);
    const report = new AwsSolutionsChecks(app).validateScope(app);
    expect(report.violations).toEqual([]);
  });
});

it('cdk-nag is heard when a rule is broken', () => {
  const app = newApp();
  const cluster = EXAMPLES['web-service']?.(app);
  cluster?.bucket.grantReadWrite(cluster);
  const report = new AwsSolutionsChecks(app).validateScope(app);
  expect(report.violations.map((violation) => violation.ruleName)).toContain(
    'AwsSolutions-IAM5[Action::s3:GetObject*]',
  );
});

describe('the strict validation of templates', () => {
  const strict = {
    builtinCloudFormationValidation: true,
    context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
  };

  it('passes every example', () => {
    const app = newApp(strict);
    for (const make of Object.values(EXAMPLES)) make(app);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });

  it('fails a template with a mistake', () => {
    const app = newApp(strict);
    const stack = Stack.of(EXAMPLES['web-service']?.(app) ?? app);
    new CfnResource(stack, 'Mistake', { type: 'AWS::S3::Bucket', properties: { Nonsense: true } });
    expect(() => app.synth()).toThrow(/Nonsense/);
  });
});
