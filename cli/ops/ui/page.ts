/** The life of `synkti ui`: a first look, a page, and more looks as long as somebody has it open. */
import { type ClusterFlags, colorsOf, shellWord } from '../../aws/flags.js';
import { openPageServer, type PageServer } from '../../ui/server.js';
import { messageOf, UserError } from '../../user-error.js';
import { countText } from '../show.js';
import type { ClusterView } from '../view.js';
import { LookFailed, Looks } from './looks.js';
import { Pace } from './pace.js';
import { pictureOf } from './picture.js';
import { Story } from './story.js';

export interface PageWish {
  readonly flags: ClusterFlags;
  readonly everyMs: number;
  readonly port: number | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly write?: (text: string) => void;
}

/** Resolves when it was ended. @throws UserError when the first look or the port can't be had */
export async function openClusterPage({ flags, everyMs, port, signal, write = print }: PageWish): Promise<void> {
  const looks = new Looks(flags);
  const pace = new Pace(everyMs);
  const wake = new Wake(signal);
  let server: PageServer | null = null;
  try {
    const first = await unlessAborted(looks.look(), signal);
    if (first === null) return;
    const { view, reports } = first;
    let { tasks, traffic } = first;
    const endpoint = looks.session?.endpoint ?? null;
    const around = { endpoint, flags: flagsText(flags, view, endpoint) };
    const story = new Story(view, reports);
    let lookedMs = Date.now();
    let trouble: string | null = null;
    const picture = () =>
      pictureOf({ ...story.scene, ...around, tasks, traffic, everyMs: pace.ms, trouble }, Date.now());
    const tell = teller(flags, write);
    server = await openPageServer({
      first: picture(),
      ...(port === undefined ? {} : { port }),
      opened: () => wake.up(),
    }).catch((error: unknown) => {
      throw portProblem(error, port);
    });
    tell.opened(server.url, view);
    while (!signal.aborted) {
      const inMs = lookedMs + pace.ms - Date.now();
      if (server.watchers() === 0) await wake.sleep(null);
      else if (inMs > 0) await wake.sleep(inMs);
      else {
        try {
          const look = await unlessAborted(looks.look(story.losses.awaitsReport(Date.now())), signal);
          if (look === null) break;
          story.take(look.view, look.reports);
          ({ tasks, traffic } = look);
          if (trouble !== null) story.line('AWS answers again', Date.now());
          if (trouble !== null) tell.well();
          trouble = null;
          pace.after(look.throttled);
        } catch (error) {
          if (!(error instanceof LookFailed)) throw error;
          if (trouble !== error.message) {
            story.line(error.message, Date.now());
            tell.trouble(error.message);
          }
          trouble = error.message;
          pace.after(error.throttled);
        }
        lookedMs = Date.now();
        server.show(picture());
      }
    }
  } finally {
    await server?.close('synkti ui was ended.');
    looks.close();
  }
}

const print = (text: string): void => {
  process.stdout.write(text);
};

function teller(flags: ClusterFlags, write: (text: string) => void) {
  const colors = colorsOf(flags);
  const json = (value: object): void => write(`${JSON.stringify({ format: 1, ...value })}\n`);
  if (flags.json === true) {
    return {
      opened: (url: string, { spec, region }: ClusterView) => json({ url, cluster: spec.cluster, region }),
      trouble: (text: string) => json({ trouble: text }),
      well: () => json({ trouble: null }),
    };
  }
  return {
    opened: (url: string, { spec, region, slots }: ClusterView) => {
      const serving = slots.filter(({ state }) => state === 'serving').length;
      write(`${colors.bold(spec.cluster)} in ${region}: ${serving} of ${countText(spec.desired, 'seat')} serve.\n`);
      write(`Open ${colors.bold(url)}\nIt only reads. Ctrl-C ends it.\n`);
    },
    trouble: (text: string) => write(`${colors.yellow(text)}\n`),
    well: () => write('AWS answers again.\n'),
  };
}

/** The flags that a command needs elsewhere, to mean the same cluster. */
export function flagsText(flags: ClusterFlags, { spec, region }: ClusterView, endpoint: string | null): string {
  const words = ['--cluster', spec.cluster];
  if (flags.profile !== undefined) words.push('--profile', flags.profile);
  if (endpoint !== null) words.push('--endpoint', endpoint);
  else words.push('--region', region);
  return words.map((word) => ` ${shellWord(word)}`).join('');
}

function portProblem(error: unknown, port: number | undefined): Error {
  const { code } = error as { code?: unknown };
  const other = 'give another --port, or none for any free one';
  if (code === 'EADDRINUSE') return new UserError(`Port ${port} of 127.0.0.1 is taken; ${other}.`, { cause: error });
  if (code === 'EACCES') return new UserError(`Port ${port} needs more rights; ${other}.`, { cause: error });
  return new UserError(`The page can't be opened at port ${port ?? 'of its own'}: ${messageOf(error)}.`, {
    cause: error,
  });
}

/** Null: it was ended meanwhile. Calls that are tried again and again needn't be waited for. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(null);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** Sleeps that end early: when it is over, or when a page was opened. */
class Wake {
  readonly #signal: AbortSignal;
  #end: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.up(), { once: true });
  }

  up(): void {
    this.#end?.();
  }

  /** @param ms null: until it is woken */
  sleep(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      if (this.#signal.aborted) return resolve();
      const timer = ms === null ? null : setTimeout(() => this.#end?.(), ms);
      this.#end = () => {
        if (timer !== null) clearTimeout(timer);
        this.#end = null;
        resolve();
      };
    });
  }
}
