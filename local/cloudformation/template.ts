import { z } from 'zod';
import { DeployError } from './errors.js';
import type { Json, JsonObject } from './json.js';

export interface Template {
  readonly parameters: ReadonlyMap<string, ParameterDeclaration>;
  readonly mappings: JsonObject;
  readonly conditions: JsonObject;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly outputs: ReadonlyMap<string, Output>;
  /** Whether it has rules, which aren't looked at. */
  readonly hasRules: boolean;
}

export interface ParameterDeclaration {
  readonly type: string;
  readonly initial: Json | undefined;
  readonly allowedValues: readonly Json[] | undefined;
  readonly allowedPattern: string | undefined;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly minValue: number | undefined;
  readonly maxValue: number | undefined;
  readonly constraint: string | undefined;
}

export type Policy = 'Delete' | 'Retain' | 'RetainExceptOnCreate' | 'Snapshot';

export interface Resource {
  readonly type: string;
  readonly properties: JsonObject;
  readonly dependsOn: readonly string[];
  readonly condition: string | null;
  readonly deletionPolicy: Policy;
  readonly updateReplacePolicy: Policy;
}

export interface Output {
  readonly value: Json;
  readonly exportName: Json | undefined;
  readonly condition: string | null;
}

const json: z.ZodType<Json> = z.json();
const members = z.record(z.string(), json);
const policy = z.enum(['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot']);
const numeric = z.coerce.number().optional();
const logicalId = z.string().regex(/^[A-Za-z0-9]{1,255}$/, 'a logical id has letters and digits only');

const parameter = z.looseObject({
  Type: z.string(),
  Default: json.optional(),
  AllowedValues: z.array(json).optional(),
  AllowedPattern: z.string().optional(),
  MinLength: numeric,
  MaxLength: numeric,
  MinValue: numeric,
  MaxValue: numeric,
  ConstraintDescription: z.string().optional(),
});

const resource = z.strictObject({
  Type: z.string(),
  Properties: members.default({}),
  DependsOn: z.union([z.string(), z.array(z.string())]).default([]),
  Condition: z.string().optional(),
  DeletionPolicy: policy.optional(),
  UpdateReplacePolicy: policy.optional(),
  Metadata: json.optional(),
  // Of Auto Scaling groups and a few others, which aren't emulated anyway.
  CreationPolicy: json.optional(),
  UpdatePolicy: json.optional(),
});

const output = z.looseObject({
  Value: json,
  Export: z.strictObject({ Name: json }).optional(),
  Condition: z.string().optional(),
});

const template = z.strictObject({
  AWSTemplateFormatVersion: z.string().optional(),
  Description: z.string().optional(),
  Metadata: json.optional(),
  Parameters: z.record(logicalId, parameter).default({}),
  Mappings: members.default({}),
  Conditions: members.default({}),
  Rules: members.default({}),
  Hooks: z.never().optional(),
  Transform: z.never().optional(),
  Resources: z.record(logicalId, resource),
  Outputs: z.record(logicalId, output).default({}),
});

/** @throws DeployError */
export function parseTemplate(input: unknown): Template {
  const checked = template.safeParse(input);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const where = issue?.path.join('.') ?? '';
    const what =
      where === 'Transform'
        ? 'macros and transforms run in AWS only; rehearse the template that they produce'
        : (issue?.message ?? 'unknown');
    throw new DeployError('TEMPLATE', `The template isn't right at ${where === '' ? 'its top' : where}: ${what}.`);
  }
  const { data } = checked;
  const resources = new Map(
    Object.entries(data.Resources).map(([id, one]): [string, Resource] => [
      id,
      {
        type: one.Type,
        properties: one.Properties,
        dependsOn: typeof one.DependsOn === 'string' ? [one.DependsOn] : one.DependsOn,
        condition: one.Condition ?? null,
        deletionPolicy: one.DeletionPolicy ?? 'Delete',
        updateReplacePolicy: one.UpdateReplacePolicy ?? 'Delete',
      },
    ]),
  );
  return {
    parameters: new Map(
      Object.entries(data.Parameters).map(([name, one]): [string, ParameterDeclaration] => [
        name,
        {
          type: one.Type,
          initial: one.Default,
          allowedValues: one.AllowedValues,
          allowedPattern: one.AllowedPattern,
          minLength: one.MinLength,
          maxLength: one.MaxLength,
          minValue: one.MinValue,
          maxValue: one.MaxValue,
          constraint: one.ConstraintDescription,
        },
      ]),
    ),
    mappings: data.Mappings,
    conditions: data.Conditions,
    resources,
    outputs: new Map(
      Object.entries(data.Outputs).map(([name, one]): [string, Output] => [
        name,
        { value: one.Value, exportName: one.Export?.Name, condition: one.Condition ?? null },
      ]),
    ),
    hasRules: Object.keys(data.Rules).length > 0,
  };
}
