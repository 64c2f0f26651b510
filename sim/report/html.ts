import type { SimulationReport } from '../campaign/simulate.js';
export function reportHtml(report: SimulationReport, plotly: string): string {
  return `${plotly.length}${report.baseline}`;
}
