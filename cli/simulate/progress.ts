import { stderr } from 'node:process';

/** A bar on a terminal's last line; silent elsewhere, so that logs stay readable. */
export interface Progress {
  update(done: number, all: number): void;
  end(): void;
}

const WIDTH = 30;
const REDRAW_MS = 100;

export function progressBar(label: string): Progress {
  if (!stderr.isTTY) return { update: () => {}, end: () => {} };
  const startMs = performance.now();
  let lastMs = 0;
  return {
    update: (done, all) => {
      const nowMs = performance.now();
      if (nowMs - lastMs < REDRAW_MS && done < all) return;
      lastMs = nowMs;
      const filled = Math.round((WIDTH * done) / all);
      const leftS = Math.ceil((((nowMs - startMs) / Math.max(1, done)) * (all - done)) / 1000);
      const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
      stderr.write(`\r\x1b[2K${label} ${bar} ${done}/${all}, ${leftS} s left`);
    },
    end: () => {
      stderr.write('\r\x1b[2K');
    },
  };
}
