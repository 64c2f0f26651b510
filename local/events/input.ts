import type { BusEvent, Rule, Target } from './bus.js';

/** What a target gets of an event: all of it, a part, a constant, or a text with parts filled in. */
export function payloadOf(target: Target, event: BusEvent, rule: Pick<Rule, 'name'>, ruleArn: string): string {
  if (target.input !== null) return target.input;
  if (target.inputPath !== null) return JSON.stringify(at(event, target.inputPath)) ?? '{}';
  if (target.inputTransformer !== null) return transformed(target.inputTransformer, event, rule, ruleArn);
  return JSON.stringify(event);
}

/** `$`, `$.detail.instance-id`, `$.resources[0]`; undefined where there is nothing. */
function at(event: BusEvent, path: string): unknown {
  let value: unknown = event;
  for (const [, key, index] of path.matchAll(/\.([\w-]+)|\[(\d{1,6})\]/g)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key ?? index ?? ''];
  }
  return value;
}

/**
 * Strings are put in as they are, other values as JSON; `<aws.events.event.json>` is the whole event.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
function transformed(
  { paths, template }: NonNullable<Target['inputTransformer']>,
  event: BusEvent,
  rule: Pick<Rule, 'name'>,
  ruleArn: string,
): string {
  const known: Readonly<Record<string, unknown>> = {
    'aws.events.rule-arn': ruleArn,
    'aws.events.rule-name': rule.name,
    'aws.events.event.ingestion-time': event.time,
    'aws.events.event': event,
    'aws.events.event.json': event,
  };
  return template.replaceAll(/<([\w.-]{1,256})>/g, (whole, name: string, offset: number) => {
    const path = paths[name];
    if (path === undefined && !Object.hasOwn(known, name)) return whole;
    const value = path === undefined ? known[name] : at(event, path);
    if (value === undefined) return '';
    if (typeof value !== 'string') return JSON.stringify(value);
    // A string on its own in JSON needs quotation marks; within a text it has those of the text.
    return insideString(template, offset) ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
  });
}

function insideString(template: string, offset: number): boolean {
  let inside = false;
  for (let i = 0; i < offset; i++) {
    if (template[i] === '\\') i++;
    else if (template[i] === '"') inside = !inside;
  }
  return inside;
}
