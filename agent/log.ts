import pino from 'pino';
import type { LogFields, LogLevel } from '../core/node/port.js';

/**
 * The agent's log: one JSON object a line on standard output, where the service manager or the rehearsal picks it up.
 * The latest lines are kept in memory too, since a node's last words must not depend on a log shipper.
 */
export interface Log {
  write(level: LogLevel, code: string, fields?: LogFields): void;
  /** Puts fields into every line from now on. */
  name(fields: LogFields): void;
  /** The latest lines, oldest first. */
  recent(): string;
}

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Kept lines, and their length in characters. Raising them gives longer last words and a larger idle agent. */
const KEEP_LINES = 1_000;
const KEEP_CHARACTERS = 256 * 1_024;

export interface LineSink {
  write(line: string): void;
}

export function createLog(level: LogLevel, sink: LineSink = pino.destination({ dest: 1, sync: true })): Log {
  const kept: string[] = [];
  let keptCharacters = 0;
  const destination: LineSink = {
    write(line) {
      kept.push(line);
      keptCharacters += line.length;
      while (kept.length > KEEP_LINES || keptCharacters > KEEP_CHARACTERS) keptCharacters -= kept.shift()?.length ?? 0;
      try {
        sink.write(line);
      } catch {
        // Nobody reads our output any more: no reason to end.
      }
    },
  };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  let logger: pino.Logger = pino(options, destination);
  return {
    write: (at, code, fields = {}) => logger[at]({ ...fields, code }),
    name(fields) {
      logger = logger.child(fields);
    },
    recent: () => kept.join(''),
  };
}
