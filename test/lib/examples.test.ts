import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { EXAMPLES } from './examples.js';
import { complaints, newApp } from './synth.js';

const ROOT = join(import.meta.dirname, '../..');

describe.each(Object.entries(EXAMPLES))('example %s', (_name, make) => {
  const app = newApp();
  const stack = Stack.of(make(app));

  it('synthesizes without a complaint, with at most 60 resources', () => {
    expect(Object.keys(Template.fromStack(stack).toJSON().Resources).length).toBeLessThanOrEqual(60);
    expect(complaints(stack)).toEqual([]);
  });

  it('passes cdk-nag', () => {
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  });
});

it('cdk-nag is heard when a rule is broken', () => {
  const app = newApp();
  const cluster = EXAMPLES['web-service']?.(app);
  cluster?.bucket.grantReadWrite(cluster);
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  expect(violations.map(({ ruleName }) => ruleName)).toContain('AwsSolutions-IAM5[Action::s3:GetObject*]');
});

const STRICT = { '@aws-cdk/core:validateAgainstDefaultRules': true };

describe('the strict validation of templates', () => {
  const strict = { builtinCloudFormationValidation: true, context: STRICT };

  it('passes every example', () => {
    const app = newApp(strict);
    for (const make of Object.values(EXAMPLES)) make(app);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
    // All examples at once take their time on a busy machine.
  }, 120_000);

  it('fails a template with a mistake', () => {
    const app = newApp(strict);
    const stack = Stack.of(EXAMPLES['web-service']?.(app) ?? app);
    new CfnResource(stack, 'Mistake', { type: 'AWS::S3::Bucket', properties: { Nonsense: true } });
    expect(() => app.synth()).toThrow(/Nonsense/);
  });
});

it('the app that cdk.json names synthesizes', () => {
  const out = mkdtempSync(join(tmpdir(), 'synkti-app-'));
  try {
    const context = { ...STRICT, 'synkti:bundles': join(import.meta.dirname, 'bundles') };
    const { app } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
    const run = spawnSync(app, {
      shell: true,
      cwd: ROOT,
      env: { ...process.env, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) },
      encoding: 'utf8',
    });
    expect(run.stderr).not.toMatch(/ERROR/);
    expect(run.status).toBe(0);
    expect(existsSync(join(out, 'SynktiExample.template.json'))).toBe(true);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  // A process of its own loads the whole library, which takes its time on a busy machine.
}, 120_000);
