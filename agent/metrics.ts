/**
 * Prometheus text (exposition format 0.0.4), made from what the agent counts anyway. Every label has few values: none
 * holds the id of a peer or an incident. Written here since a client library takes 4 MB of the idle agent's 64.
 */
export interface Sample {
  /** Without the `synkti_` before it; one that only grows ends in `_total`. */
  readonly name: string;
  readonly help: string;
  /** Name of the one label; null when there is a single value. */
  readonly label: string | null;
  /** By label value. */
  readonly values: Readonly<Record<string, number>>;
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Values of one metric, at most. */
const MAX_SERIES = 100;

export function renderMetrics(samples: readonly Sample[]): string {
  const lines: string[] = [];
  for (const { name, help, label, values } of samples) {
    const metric = `synkti_${name}`;
    lines.push(`# HELP ${metric} ${escapeHelp(help)}`);
    lines.push(`# TYPE ${metric} ${name.endsWith('_total') ? 'counter' : 'gauge'}`);
    for (const [of, value] of Object.entries(values).slice(0, MAX_SERIES)) {
      lines.push(`${metric}${label === null ? '' : `{${label}="${escapeLabel(of)}"}`} ${numberText(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
