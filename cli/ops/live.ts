/** A picture that is drawn again and again, as `watch` does it: on the terminal's other screen, so that nothing scrolls. */

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export interface Live {
  draw(text: string): void;
  /** Back to the usual screen, where the last picture stays. Idempotent. */
  end(): void;
}

interface Terminal {
  readonly rows?: number;
  write(text: string): unknown;
}

export function liveScreen(terminal: Terminal): Live {
  let last: string | null = null;
  let ended = false;
  return {
    draw(text) {
      if (last === null) terminal.write(ENTER);
      last = text;
      terminal.write(frame(text, terminal.rows ?? 24));
    },
    end() {
      if (ended || last === null) return;
      ended = true;
      terminal.write(`${LEAVE}${last.trimEnd()}\n`);
    },
  };
}

/** One picture; what doesn't fit is counted in the last line. */
export function frame(text: string, rows: number): string {
  const lines = text.trimEnd().split('\n');
  const room = Math.max(2, rows - 1);
  const fits = lines.length <= room;
  const shown = fits ? lines : [...lines.slice(0, room - 1), `(${lines.length - room + 1} lines more than fit)`];
  return `${HOME}${shown.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`;
}
