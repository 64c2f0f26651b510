import { Counter, Gauge, Registry } from 'prom-client';

/**
 * Prometheus text, made from what the agent counts anyway. Loaded at the first scrape, so that an agent that nobody
 * scrapes doesn't carry it. Every label has few values: none holds the id of a peer or an incident.
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

/** Values of one metric, at most. */
const MAX_SERIES = 100;

export async function renderMetrics(samples: readonly Sample[]): Promise<{ contentType: string; text: string }> {
  const registry = new Registry();
  for (const { name, help, label, values } of samples) {
    const options = {
      name: `synkti_${name}`,
      help,
      labelNames: label === null ? [] : [label],
      registers: [registry],
    };
    const labelsOf = (value: string) => (label === null ? {} : { [label]: value });
    const series = Object.entries(values).slice(0, MAX_SERIES);
    if (name.endsWith('_total')) {
      const counter = new Counter(options);
      for (const [of, value] of series) counter.inc(labelsOf(of), value);
    } else {
      const gauge = new Gauge(options);
      for (const [of, value] of series) gauge.set(labelsOf(of), value);
    }
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
