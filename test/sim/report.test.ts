import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrace, type SimulateOptions, simulate } from '../../sim/index.js';
import { chartsOf } from '../../sim/report/charts.js';
import { reportHtml } from '../../sim/report/html.js';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const plotly = readFileSync(createRequire(import.meta.url).resolve('plotly.js-basic-dist-min'), 'utf8');

const data = Array.from({ length: 400 }, (_, i) => (Math.floor(i / 23) % 2 === 0 ? 1 : 0));
const trace = (name: string) => parseTrace(name, JSON.stringify({ metadata: { gap_seconds: 600 }, data }));
const kinds: readonly Partial<SimulateOptions>[] = [
  { workload: 'tasks', tasks: 30, duration: 24, preemptionRate: 0.3 },
  { workload: 'job', traces: [trace('one'), trace('two')], workHours: 8, deadlineHours: 10 },
  { workload: 'service', duration: 12, zones: 3 },
];
const render = async (options: Partial<SimulateOptions>) => {
  const report = await simulate({ ...options, runs: 3, withTimeline: true });
  return { report, html: reportHtml(report, plotly) };
};

describe('the report', () => {
  it('states seed, version and parameters, and asks nothing of the network', async () => {
    const { html } = await render({ ...kinds[0], seed: 4711 });
    const own = html.replace(plotly.replaceAll('</script', '<\\/script'), '');
    expect(own).toContain('Seed 4711');
    expect(own).toContain('Synkti 0.1.0');
    expect(own).toContain('&quot;preemptionRate&quot;: 0.3');
    expect(own).not.toMatch(/(src|href)="(?!data:)/);
    expect(own).not.toContain('http');
  });

  it('never relies on colour alone: series differ in symbol, pattern or dash too', async () => {
    const { report } = await render(kinds[0] ?? {});
    const scatter = chartsOf(report).find((chart) => chart.id === 'reliability');
    const symbols = (scatter?.data ?? []).map((series) => Reflect.get(Reflect.get(series, 'marker'), 'symbol'));
    expect(new Set(symbols).size).toBe(symbols.length);
    const money = chartsOf(report).find((chart) => chart.id === 'money');
    const patterns = (money?.data ?? []).map((series) => JSON.stringify(Reflect.get(series, 'marker').pattern));
    expect(new Set(patterns).size).toBe(patterns.length);
  });

  it('escapes what comes from outside', async () => {
    const evil = parseTrace('</script><b>', JSON.stringify({ metadata: { gap_seconds: 600 }, data }));
    const { html } = await render({ ...kinds[1], traces: [evil, trace('two')] });
    expect(html.replaceAll(plotly, '')).not.toContain('</script><b>');
  });
});

const hasChromium = existsSync(CHROMIUM);
if (hasChromium) inBrowser();
else process.stdout.write(`skipped: tests of the report in a browser need ${CHROMIUM} (apt-get install chromium)\n`);

function inBrowser(): void {
  describe('the report in a browser', () => {
    const folder = mkdtempSync(join(tmpdir(), 'synkti-report-'));
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    });
    afterAll(async () => {
      await browser.close();
      rmSync(folder, { recursive: true });
    });

    it.each([
      ['tasks', 0],
      ['job', 1],
      ['service', 2],
    ] as const)(
      'draws all charts of %s, on a phone and a desk, in dark and light, without an error',
      async (name, kind) => {
        const { report, html } = await render(kinds[kind] ?? {});
        const file = join(folder, `${name}.html`);
        writeFileSync(file, html);
        for (const [width, colorScheme] of [
          [390, 'dark'],
          [1200, 'light'],
        ] as const) {
          const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
          const errors: string[] = [];
          page.on('pageerror', (error) => errors.push(String(error)));
          page.on('request', (request) => {
            if (!/^(file|data|blob):/.test(request.url())) errors.push(`asked for ${request.url()}`);
          });
          await page.goto(`file://${file}`);
          await page.waitForSelector('html[data-drawn]');
          expect(await page.locator('.js-plotly-plot .main-svg').count()).toBeGreaterThanOrEqual(
            chartsOf(report).length,
          );
          expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
          const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
          expect(background).toBe(colorScheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
          expect(errors).toEqual([]);
          await page.close();
        }
      },
    );
  });
}
