/**
 * A shell on a node, as SSM's agent would open it. The node has no systemd and no power switch of its own: small stand-ins
 * come first in PATH, and tell this process what was asked for.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signal } from './processes.js';

/** What a script asked the node's own system to do. */
export type SystemRequest =
  | { readonly verb: 'stop' | 'restart'; readonly unit: string }
  | { readonly verb: 'kill'; readonly unit: string; readonly signal: NodeJS.Signals }
  | { readonly verb: 'poweroff' };

export interface ShellResult {
  /** Null: killed, or it couldn't be started. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellOptions {
  readonly script: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Of the unit that the node's main process stands for; empty when it doesn't run. */
  readonly mainPid: number | null;
  readonly timeoutMs: number;
  readonly onRequest: (request: SystemRequest) => void;
  readonly onGroup: (pid: number) => void;
}

const SYSTEMCTL = `#!/bin/sh
verb='' unit='' block=yes sig=SIGTERM
while [ $# -gt 0 ]; do
  case "$1" in
    --no-block) block='' ;;
    -s|--signal) shift; sig=$1 ;;
    --signal=*) sig=\${1#*=} ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$1; else unit=\${1%.service}; fi ;;
  esac
  shift
done
case "$verb" in
  poweroff|halt|reboot) echo poweroff >&3; exit 0 ;;
  daemon-reload|reset-failed|status) exit 0 ;;
esac
if [ "$unit" != synkti ]; then echo "Unit $unit.service not loaded: a rehearsed node has synkti.service only." >&2; exit 5; fi
case "$verb" in
  is-active)
    if [ -n "$SYNKTI_MAIN_PID" ] && kill -0 "$SYNKTI_MAIN_PID" 2>/dev/null; then echo active; exit 0; fi
    echo inactive
    exit 3 ;;
  stop|restart) echo "$verb $unit" >&3 ;;
  kill) echo "kill $unit $sig" >&3 ;;
  *) echo "A rehearsed node has no systemctl $verb." >&2; exit 1 ;;
esac
if [ "$verb" = stop ] && [ -n "$block" ] && [ -n "$SYNKTI_MAIN_PID" ]; then
  while kill -0 "$SYNKTI_MAIN_PID" 2>/dev/null; do sleep 0.1 2>/dev/null || sleep 1; done
fi
exit 0
`;

/** The main process's log in the place of a journal; a cursor is a place in the file, and times aren't looked at. */
const JOURNALCTL = `#!/bin/sh
lines='' after='' cursor=''
while [ $# -gt 0 ]; do
  case "$1" in
    -n|--lines) shift; lines=$1 ;;
    --lines=*) lines=\${1#*=} ;;
    --after-cursor) shift; after=$1 ;;
    --after-cursor=*) after=\${1#*=} ;;
    --show-cursor) cursor=yes ;;
    -u|-o|--unit|--output|--since) shift ;;
  esac
  shift
done
size=$(wc -c < agent.log) || exit 1
case "$after" in ''|*[!0-9]*) after=0 ;; esac
if [ "$after" -gt "$size" ]; then after=0; fi
tail -c "+$((after + 1))" agent.log | head -c "$((size - after))" | if [ -n "$lines" ]; then tail -n "$lines"; else cat; fi
if [ -n "$cursor" ]; then echo "-- cursor: $size"; fi
`;

const STAND_INS: Readonly<Record<string, string>> = {
  systemctl: SYSTEMCTL,
  journalctl: JOURNALCTL,
  sudo: '#!/bin/sh\nwhile :; do case "$1" in -*) shift ;; *) break ;; esac; done\nexec "$@"\n',
  shutdown: '#!/bin/sh\necho poweroff >&3\n',
  poweroff: '#!/bin/sh\necho poweroff >&3\n',
  reboot: '#!/bin/sh\necho poweroff >&3\n',
  halt: '#!/bin/sh\necho poweroff >&3\n',
};

/** The real ones, by their full names, are this system's and must not be reached. */
const REAL = /(?:\/usr)?\/s?bin\/(systemctl|journalctl|sudo|shutdown|poweroff|reboot|halt)\b/g;
const MAX_OUTPUT = 48_000;
const MAX_REQUESTS = 100;

/** Runs a script to its end. Never rejects. */
export function runShell(options: ShellOptions): Promise<ShellResult> {
  const { script, directory, environment, mainPid, timeoutMs, onRequest, onGroup } = options;
  return new Promise((resolve) => {
    const standIns = join(directory, '.system');
    mkdirSync(standIns, { recursive: true });
    for (const [name, text] of Object.entries(STAND_INS)) {
      writeFileSync(join(standIns, name), text);
      chmodSync(join(standIns, name), 0o755);
    }
    const child = spawn('/bin/sh', ['-c', script.replaceAll(REAL, '$1')], {
      cwd: directory,
      detached: true,
      env: {
        ...environment,
        PATH: `${standIns}:${environment.PATH ?? '/usr/bin:/bin'}`,
        SYNKTI_MAIN_PID: mainPid === null ? '' : String(mainPid),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    if (child.pid !== undefined) onGroup(child.pid);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.on('data', (data: Buffer) => {
        output[name] = (output[name] + data.toString('utf8')).slice(0, MAX_OUTPUT);
      });
    }
    let asked = '';
    let requests = 0;
    child.stdio[3]?.on('data', (data: Buffer) => {
      const lines = (asked + data.toString('utf8')).split('\n');
      asked = lines.pop() ?? '';
      for (const line of lines) {
        const request = requestOf(line);
        if (request !== null && ++requests <= MAX_REQUESTS) onRequest(request);
      }
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    }, timeoutMs);
    const end = (exitCode: number | null): void => {
      clearTimeout(timer);
      resolve({ exitCode: timedOut ? null : exitCode, timedOut, ...output });
    };
    child.once('error', (error) => {
      output.stderr += error.message;
      end(null);
    });
    child.once('close', (code) => end(code));
  });
}

function requestOf(line: string): SystemRequest | null {
  const [verb, unit = '', name = ''] = line.split(' ');
  switch (verb) {
    case 'poweroff':
      return { verb };
    case 'stop':
    case 'restart':
      return { verb, unit };
    case 'kill': {
      const full = name.startsWith('SIG') ? name : `SIG${name}`;
      const known = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
      const found = known.find((one) => one === full);
      return found === undefined ? null : { verb, unit, signal: found };
    }
    default:
      return null;
  }
}
