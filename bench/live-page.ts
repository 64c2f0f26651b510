/**
 * The live page with 200 nodes in Chromium: time to the first picture, and what it takes of a core while nothing happens
 * but traffic; the same of the page of a cluster in AWS, with a look each 10 s. Must: first picture within 1 s on 2 cores,
 * at most 5% of a core while idle.
 */
import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Browser, chromium } from 'playwright-core';
import { Story } from '../cli/ops/ui/story.js';
import type { Picture } from '../cli/ui/picture.js';
import { openPageServer, type PageServer } from '../cli/ui/server.js';
import { clusterOf, pictureIn } from '../test/cli/ops/ui-scene.js';
import { madeUp } from '../test/cli/ui/made-up.js';

const CHROMIUM = '/usr/bin/chromium';
const NODES = 200;
const OPENINGS = 5;
const IDLE_MS = 15_000;
const TICK_MS = 250;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function firstPictures(browser: Browser, url: string, of = ''): Promise<void> {
  for (let opening = 1; opening <= OPENINGS; opening++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.waitForSelector('html[data-drawn]');
    // The second frame begins when the first one, with all nodes in it, was drawn.
    const drawnMs = await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
    );
    process.stdout.write(`first picture${of}, opening ${opening}: ${Math.round(Number(drawnMs))} ms\n`);
    await page.close();
  }
}

/** Processor time of all of the browser's processes, s. */
async function browserSeconds(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

/** What changes in a second of a calm cluster: traffic, and each node's count of requests. */
function withTraffic(calm: Picture, second: number): Picture {
  const { traffic } = calm.parts;
  if (traffic === null) return calm;
  const p99 = traffic.p99.map((_, i) => ((i + second) * 7) % 23);
  const nodes = calm.nodes.map((node) => ({ ...node, requests: second * 3 }));
  return { ...calm, nodes, parts: { ...calm.parts, traffic: { ...traffic, sent: second * 500, p99 } } };
}

async function idle(
  browser: Browser,
  server: PageServer,
  name: string,
  at: (second: number) => Picture,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(server.url);
  await page.waitForSelector('html[data-drawn]');
  server.show(at(0));
  await sleep(2_000);
  const [before, own, startedAt] = [await browserSeconds(browser), process.cpuUsage(), performance.now()];
  for (let tick = 0; performance.now() - startedAt < IDLE_MS; tick++) {
    server.show(at(Math.floor((tick * TICK_MS) / 1_000)));
    await sleep(TICK_MS);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(own);
  const share = (spent: number): string => `${((spent * 100) / seconds).toFixed(1)}%`;
  const browserShare = share((await browserSeconds(browser)) - before);
  process.stdout.write(`${name}: browser ${browserShare} of a core, server ${share((user + system) / 1e6)}\n`);
  await page.close();
}

/** Each look makes a view and a picture of all nodes; the server sends what changed. */
async function clusterInAws(browser: Browser): Promise<void> {
  const startMs = Date.now();
  const story = new Story(clusterOf(NODES, startMs), new Map());
  const server = await openPageServer({ first: pictureIn(story) });
  let looks = 0;
  try {
    await firstPictures(browser, server.url, ' of a cluster in AWS');
    await idle(browser, server, 'a cluster in AWS, idle, a look each 10 s', (second) => {
      for (; looks < second / 10; looks++) story.take(clusterOf(NODES, startMs + second * 1_000), new Map());
      return pictureIn(story);
    });
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      story.take(clusterOf(NODES, startMs + i), new Map());
      server.show(pictureIn(story));
    }
    process.stdout.write(
      `one look at ${NODES} nodes without AWS's own time: ${Math.round((performance.now() - began) / 20)} ms\n`,
    );
  } finally {
    await server.close();
  }
}

if (existsSync(CHROMIUM)) {
  const troubled = madeUp(NODES, Date.now());
  const nodes = troubled.nodes.map((node) => ({ ...node, deadlineMs: null }));
  const calm: Picture = { ...troubled, nodes, parts: { ...troubled.parts, incidents: [] } };
  const server = await openPageServer({ act: () => 'done', first: troubled });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    await firstPictures(browser, server.url);
    await idle(browser, server, 'idle without traffic', () => calm);
    await idle(browser, server, 'idle with traffic', (second) => withTraffic(calm, second));
    await clusterInAws(browser);
  } finally {
    await browser.close();
    await server.close();
  }
} else {
  process.stdout.write(`skipped: it needs ${CHROMIUM} (apt-get install chromium)\n`);
}
