/** Gossip under virtual time: bytes a node sends, how fast a silent death is confirmed, how rarely a live node is wronged. */
import { GOSSIP_PRESETS } from '../core/gossip/config.js';
import { World } from '../test/core/gossip/world.js';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const idle = new World({ seed: 1 });
idle.addMany(100);
idle.runUntil(() => idle.agreed(), 60_000, 100);
idle.run(idle.nowMs + 30_000);
for (const node of idle.nodes.values()) node.sentBytes = 0;
idle.run(idle.nowMs + 180_000);
const sent = [...idle.nodes.values()].map((node) => node.sentBytes / 180);
const mean = sent.reduce((sum, n) => sum + n, 0) / sent.length;
say(
  `100 idle nodes, lan: ${mean.toFixed(0)} B/s a node on average, ${Math.max(...sent).toFixed(0)} at most (limit 2000)`,
);

const DEATHS = 300;
for (const preset of ['lan', 'local'] as const) {
  const took: number[] = [];
  let late = 0;
  for (let seed = 1; seed <= DEATHS; seed++) {
    const world = new World({ seed, config: GOSSIP_PRESETS[preset] });
    world.addMany(10);
    world.run(20_000 + seed * 37);
    world.kill('n3');
    const ms = world.runUntil(() => world.agreed(), 20_000, 10);
    if (ms === null) late++;
    else took.push(ms);
  }
  took.sort((a, b) => a - b);
  const at = (share: number): string => ((took[Math.floor((took.length - 1) * share)] ?? 0) / 1000).toFixed(2);
  say(
    `silent death among 10, ${preset}, all 9 agree, ${DEATHS} seeds: median ${at(0.5)} s, p99 ${at(0.99)} s, ` +
      `worst ${at(1)} s, ${late} over 20 s (limit 8 s in lan)`,
  );
}

const HOURS = 20;
for (const preset of ['lan', 'local'] as const) {
  let wronged = 0;
  for (let seed = 1; seed <= HOURS; seed++) {
    const world = new World({ seed, loss: 0.1, config: GOSSIP_PRESETS[preset] });
    world.addMany(6);
    world.run(600_000);
    wronged += world.news.filter((n) => n.change === 'died' || n.change === 'left').length;
  }
  say(
    `6 nodes, 10% of datagrams lost, 10 minutes, ${preset}, ${HOURS} seeds: ${wronged} live nodes called dead (limit 0)`,
  );
}
