import { type ChildProcess, spawn } from 'node:child_process';
import { RUN_MARKER } from './run-dir.js';

/**
 * Cleans up after a rehearsal that was killed and couldn't do it itself: a shell that does nothing but wait for the end
 * of a pipe whose other end this process holds. When the pipe ends without the word "done", it kills every process
 * whose environment carries the run's mark, and removes the run's directory if the run made it.
 *
 * Where there is no /proc, it kills the process groups that it was told of.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
groups=''
while read -r word arg; do
  case "$word" in
    done) exit 0 ;;
    group) groups="$groups $arg" ;;
  esac
done
round=0
empty=0
while [ "$round" -lt 50 ]; do
  round=$((round + 1))
  found=''
  if [ -r /proc/self/environ ]; then
    for file in $(grep -l "$SYNKTI_REAPER_MARK" /proc/[0-9]*/environ 2>/dev/null); do
      pid=\${file#/proc/}
      pid=\${pid%/environ}
      if [ "$pid" != "$$" ] && kill -9 "$pid" 2>/dev/null; then found=yes; fi
    done
  else
    for group in $groups; do kill -9 "-$group" 2>/dev/null && found=yes; done
  fi
  # Twice, since a process that is just being started shows no environment yet.
  if [ -z "$found" ]; then empty=$((empty + 1)); else empty=0; fi
  [ "$empty" -ge 2 ] && break
  sleep 0.1 2>/dev/null || sleep 1
done
if [ "$(cat "$1/${RUN_MARKER}" 2>/dev/null)" = "$2" ]; then rm -rf "$1"; fi
`;

export interface Reaper {
  readonly pid: number;
  /** Tells it of a process group to kill. */
  watchGroup(pid: number): void;
  /** Everything was cleaned up: the reaper ends and touches nothing. */
  dismiss(): Promise<void>;
}

/** `markName`: the variable that carries `<runId>/<instance>` in the environment of the run's processes. */
export function startReaper(options: {
  readonly markName: string;
  readonly runId: string;
  readonly runDir: string;
}): Reaper {
  const child: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'synkti-reaper', options.runDir, options.runId], {
    // Own session: a Ctrl-C at the terminal must not end it.
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', SYNKTI_REAPER_MARK: `${options.markName}=${options.runId}/` },
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin?.on('error', () => {});
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return {
    pid: child.pid ?? -1,
    watchGroup: (pid) => void child.stdin?.write(`group ${pid}\n`),
    dismiss: async () => {
      child.ref();
      child.stdin?.end('done\n');
      await ended;
    },
  };
}
