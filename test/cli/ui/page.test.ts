import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Story } from '../../../cli/ops/ui/story.js';
import { trafficCard } from '../../../cli/ops/ui/traffic-card.js';
import type { Picture } from '../../../cli/ui/picture.js';
import { openPageServer, type PageServer } from '../../../cli/ui/server.js';
import { NOW_MS, opsNode, view } from '../ops/scene.js';
import { clusterOf, pictureIn } from '../ops/ui-scene.js';
import { madeUp } from './made-up.js';

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

if (existsSync(CHROMIUM)) inBrowser();
else process.stdout.write(`skipped: tests of the live page need ${CHROMIUM} (apt-get install chromium)\n`);

function inBrowser(): void {
  describe('the live page', () => {
    let browser: Browser;
    let server: PageServer | null = null;
    const acts: unknown[] = [];
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    });
    afterAll(async () => {
      await browser.close();
    });
    afterEach(async () => {
      await server?.close();
      server = null;
      acts.length = 0;
    });

    /** A rehearsal's page. */
    async function open(options: Parameters<Browser['newPage']>[0], size = 200) {
      const first = madeUp(size, Date.now());
      return visit(options, first, await openPageServer({ act: (body) => `done ${acts.push(body)}`, first }));
    }
    /** That of a cluster in AWS. */
    async function openCluster(options: Parameters<Browser['newPage']>[0], size = 200) {
      const first = pictureIn(new Story(clusterOf(size), new Map()));
      return visit(options, first, await openPageServer({ first }));
    }
    async function visit(options: Parameters<Browser['newPage']>[0], first: Picture, opened: PageServer) {
      server = opened;
      const page = await browser.newPage(options);
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(message.text());
      });
      const own = new URL(server.url).origin;
      page.on('request', (request) => {
        if (!request.url().startsWith(own) && !request.url().startsWith('data:')) faults.push(request.url());
      });
      await page.goto(server.url);
      await page.waitForSelector('html[data-drawn]');
      return { page, faults, first, server };
    }
    const overflow = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth');

    it.each([
      [360, 740, 'dark'],
      [360, 740, 'light'],
      [1280, 800, 'dark'],
      [3840, 2160, 'light'],
    ] as const)('draws 200 nodes at %i x %i, %s, and asks no other host', async (width, height, colorScheme) => {
      const { page, faults } = await open({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
      expect(await page.locator('.node').count()).toBe(200);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(colorScheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(247, 248, 250)');
      const moving = await page.evaluate('getComputedStyle(document.querySelector(".node")).transitionDuration');
      expect(moving).toBe('0s');
      await page.locator('.node').nth(3).click();
      expect(await page.locator('#detail').isVisible()).toBe(true);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(page.url()).not.toContain('#');
      expect(faults).toEqual([]);
      await page.close();
    });

    it('tells of tasks at 360 px, with a + where not all are counted, and takes the card away with them', async () => {
      const { page, faults, first, server: here } = await openCluster({ viewport: { width: 360, height: 740 } }, 9);
      expect(await page.locator('#tasks-box').isVisible()).toBe(false);
      const tasks = { submitted: 7_250, waiting: 4_749, running: 251, done: 2_150, ended: 100 };
      const atLeast = ['submitted', 'waiting', 'running'] as const;
      here.show({ ...first, parts: { ...first.parts, tasks: { ...tasks, atLeast } } });
      await expect.poll(() => page.locator('#tasks').textContent()).toBe('2,150 / 7,250+');
      expect(await page.locator('#tasks-rest').textContent()).toBe(
        '251+ running, 4,749+ waiting, 100 failed or cancelled',
      );
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      here.show(first);
      await expect.poll(() => page.locator('#tasks-box').isVisible()).toBe(false);
      expect(faults).toEqual([]);
      await page.close();
    });

    it('tells of traffic by minute at 360 px, and takes the boxes away with it; a rehearsal’s is by second', async () => {
      const { page, faults, first, server: here } = await openCluster({ viewport: { width: 360, height: 740 } }, 9);
      const boxes = ['rate', 'failed', 'p99'].map((name) => page.locator(`#${name}-box`));
      for (const box of boxes) expect(await box.isVisible()).toBe(false);
      const minutes = [1, 2, 3, 60].map((before) => NOW_MS - before * 60_000);
      const told = (id: string, ...values: number[]) => ({ id, atMs: minutes, values });
      const traffic = trafficCard(
        [told('requests0', 0, 74_040, 66_000, 54_000), told('refused0', 0, 0, 1_203, 0), told('time0', 0.01, 0.0412)],
        NOW_MS,
      );
      here.show({ ...first, parts: { ...first.parts, traffic } });
      await expect.poll(() => boxes[0]?.textContent()).toBe('requests/s at 10:59 UTC0');
      here.show({ ...first, parts: { ...first.parts, traffic: { ...traffic, rate: 1_234, p99Ms: 41.2 } } });
      await expect.poll(() => page.locator('#rate').textContent()).toBe('1,234');
      expect(await boxes[1]?.textContent()).toBe('failed, last hour1,203 of 194,040');
      expect(await boxes[2]?.textContent()).toBe('p99 by minute, last hour41.2 msCloudWatch is some minutes behind');
      expect(await page.locator('#late').isVisible()).toBe(true);
      expect(await page.locator('#spark').getAttribute('aria-label')).toBe(
        'p99 by minute, highest 41 ms, failures in 1 of the last 60 minutes',
      );
      expect(await page.locator('#spark path').getAttribute('d')).toBe('M174 2.0h0L177 23.2');
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      here.show(first);
      for (const box of boxes) await expect.poll(() => box.isVisible()).toBe(false);
      expect(faults).toEqual([]);
      await page.close();
      await here.close();
      const rehearsal = await open({ viewport: { width: 360, height: 740 } }, 9);
      expect(await rehearsal.page.locator('#p99-name').textContent()).toBe('p99, last 90 s');
      expect(await rehearsal.page.locator('#failed-name').textContent()).toBe('failed');
      expect(await rehearsal.page.locator('#late').isVisible()).toBe(false);
      await rehearsal.page.close();
    });

    it('a node that hears few of the others stands out, in words too', async () => {
      const { page, first, server: here } = await openCluster({ viewport: { width: 360, height: 740 } }, 9);
      const apart = [opsNode(0, 1, { hears: 2 }), ...[1, 2, 3, 4, 5].map((slot) => opsNode(slot))];
      const { nodes } = pictureIn(new Story(view(apart, {}, { desired: 6 }), new Map()));
      here.show({ ...first, nodes });
      await expect.poll(() => page.locator('.node[data-x~=cut]').count()).toBe(1);
      expect(await page.locator('.node[data-x~=cut] small').textContent()).toBe('cut off');
      await page.getByRole('button', { name: /Slot 0: serving, cut off from most of its peers/ }).click();
      expect(await page.locator('#facts dd.bad').textContent()).toBe('hears 1 of 5 others');
      await page.locator('.node').nth(1).click();
      expect(await page.locator('#facts').textContent()).toContain('gossiphears most of the others');
      expect(await page.locator('#facts dd.bad').count()).toBe(0);
      await page.close();
    });

    it('is worked by keyboard alone', async () => {
      const { page, first } = await open({ viewport: { width: 1280, height: 800 } }, 9);
      // The skip link, then the two buttons of the head, then the nodes: one stop for all of a cluster.
      const focused = () => page.evaluate('document.activeElement.dataset.id ?? document.activeElement.id');
      for (let presses = 0; presses < 8 && !String(await focused()).startsWith('i-'); presses++) {
        await page.keyboard.press('Tab');
      }
      expect(await focused()).toBe(first.nodes[0]?.id);
      await page.keyboard.press('ArrowRight');
      expect(await focused()).toBe(first.nodes[3]?.id);
      for (const key of ['i', 'k', 'c', 'h', 'z']) await page.keyboard.press(key);
      await expect.poll(() => acts.length).toBe(5);
      const node = first.nodes[3]?.id;
      expect(acts).toEqual(
        expect.arrayContaining([
          { act: 'interrupt', node },
          { act: 'kill', node },
          { act: 'cut-off', node },
          { act: 'hang', node },
          { act: 'reclaim-zone', zone: first.nodes[3]?.zone },
        ]),
      );
      await page.keyboard.press('Enter');
      expect(await page.locator('#detail').isVisible()).toBe(true);
      await page.keyboard.press('Escape');
      expect(await page.locator('#detail').isVisible()).toBe(false);
      expect(await focused()).toBe(node);
      await page.close();
    });

    it('follows what changes, keeps the focus, and says when the rehearsal is over', async () => {
      const { page, first, server: here } = await open({ viewport: { width: 1280, height: 800 } }, 9);
      await page.locator('.node').first().focus();
      const [gone, ...rest] = first.nodes;
      here.show({ ...first, nodes: rest.map((node) => ({ ...node, condition: 'dead', seat: 'x' })) });
      await expect.poll(() => page.locator('.node').count()).toBe(8);
      expect(await page.locator('.node[data-c=dead]').count()).toBe(8);
      expect(await page.locator(`.node[data-id="${gone?.id}"]`).count()).toBe(0);
      expect(await page.evaluate('document.activeElement.className')).toBe('node');
      await here.close();
      await expect.poll(() => page.locator('#stage').textContent()).toContain('over');
      await page.close();
    });

    it('shows text as text', async () => {
      const { page, first, server: here, faults } = await open({}, 9);
      const evil = '<img src=x onerror=alert(1)>';
      here.show({ ...first, parts: { ...first.parts, lines: [{ n: 99, stamp: '1 s', text: evil, act: false }] } });
      await expect.poll(() => page.locator('#log').textContent()).toContain(evil);
      expect(await page.locator('#log img').count()).toBe(0);
      expect(faults).toEqual([]);
      await page.close();
    });

    it('names itself and its parts to screen readers, every state in words', async () => {
      const { page } = await open({}, 9);
      const nameless = await page.evaluate(
        `[...document.querySelectorAll('button')].filter((b) => !(b.getAttribute('aria-label') ?? b.textContent).trim()).length`,
      );
      expect(nameless).toBe(0);
      expect(await page.getByRole('button', { name: /Slot 3: got its interruption notice/ }).count()).toBe(1);
      expect(await page.getByRole('status').count()).toBe(1);
      expect(await page.getByRole('region', { name: 'Nodes' }).count()).toBe(1);
      await page.close();
    });

    it.each([
      [360, 740, 'dark'],
      [1920, 1080, 'light'],
    ] as const)('of a cluster in AWS only reads, at %i x %i, %s', async (width, height, colorScheme) => {
      const { page, faults, server: here, first } = await openCluster({ viewport: { width, height }, colorScheme });
      expect(await page.locator('.node').count()).toBe(200);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      for (const gone of ['#end', '#heal', '.reclaim', '#keys-act', '#acts']) {
        expect(await page.locator(gone).first().isVisible(), gone).toBe(false);
      }
      expect(await page.locator('.node[data-c=draining]').count()).toBe(1);
      expect(await page.locator('#concerns li').count()).toBeGreaterThan(0);
      expect(await page.locator('#incidents').textContent()).toContain('Slot 3: leaves');
      const sent: string[] = [];
      page.on('request', (request) => sent.push(request.url()));
      await page.locator('.node').nth(3).focus();
      for (const key of ['i', 'k', 'c', 'h', 'z', 'Enter']) await page.keyboard.press(key);
      const id = await page.evaluate('document.activeElement.dataset.id');
      expect(await page.locator('#commands code').first().textContent()).toBe(
        `synkti drain ${id} --cluster web --region us-east-1`,
      );
      expect(await page.locator('#facts').textContent()).not.toContain('requests');
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      const trouble = { stage: 'trouble', stageText: 'The AWS credentials have expired.' } as const;
      here.show({ ...first, parts: { ...first.parts, head: { ...first.parts.head, ...trouble } } });
      await expect.poll(() => page.locator('#stage.bad').textContent()).toContain('have expired');
      await here.close('synkti ui was ended.');
      await expect.poll(() => page.locator('#stage').textContent()).toContain('was ended');
      expect(sent).toEqual([]);
      expect(faults).toEqual([]);
      await page.close();
    });

    it('without the token it shows nothing, and says what to do', async () => {
      const { server: here } = await open({}, 9);
      const page = await browser.newPage();
      await page.goto(new URL(here.url).origin);
      await expect.poll(() => page.locator('#stage').textContent()).toContain('open the whole address');
      expect(await page.locator('.node').count()).toBe(0);
      await page.close();
    });
  });
}
