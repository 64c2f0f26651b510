import { Gauge, Registry } from 'prom-client';

/**
 * Prometheus text, made from what the agent counts anyway. Loaded at the first scrape, so that an agent that nobody
 * scrapes doesn't carry it. Every label has few values: no label holds an id of a peer or an incident.
 */
export interface Sample {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Values of one metric, at most. */
const MAX_SERIES = 100;

export async function renderMetrics(samples: readonly Sample[]): Promise<{ contentType: string; text: string }> {
  const registry = new Registry();
  for (const { name, help, labels, values } of samples) {
    const gauge = new Gauge({ name: `synkti_${name}`, help, labelNames: [...labels], registers: [registry] });
    for (const { labels: of, value } of values.slice(0, MAX_SERIES)) gauge.set(of, value);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
