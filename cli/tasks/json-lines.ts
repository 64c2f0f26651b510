/** A log for programs: a JSON object for each of its lines, as it comes. */
import { StringDecoder } from 'node:string_decoder';

/** What has no end of a line for so long is told in parts. */
const MAX_LINE = 65_536;

export interface JsonLines {
  /** Takes the next part of the log. */
  take(chunk: string | Uint8Array): Promise<void>;
  /** The last line needs no newline. */
  end(): Promise<void>;
}

/** @param facts stands in each object before its `text` */
export function jsonLines(facts: object, write: (line: string) => Promise<void>): JsonLines {
  const decoder = new StringDecoder('utf8');
  let open = '';
  const put = (text: string): Promise<void> => write(`${JSON.stringify({ ...facts, text })}\n`);
  const flow = async (text: string): Promise<void> => {
    const lines = (open + text).split('\n');
    open = lines.pop() ?? '';
    for (const line of lines) await put(line);
    while (open.length > MAX_LINE) {
      await put(open.slice(0, MAX_LINE));
      open = open.slice(MAX_LINE);
    }
  };
  return {
    take: (chunk) => flow(typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))),
    async end() {
      await flow(decoder.end());
      if (open !== '') await put(open);
      open = '';
    },
  };
}
