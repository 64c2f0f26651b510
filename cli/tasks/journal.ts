import { parseRecordLine } from '../../core/tasks/parse.js';
import { endedView, type TaskView } from './view.js';

/** The records of a journal, or the one of a poison task; a line that isn't one is a problem, in a sentence each. */
export function readJournal(body: string): {
  readonly views: readonly TaskView[];
  readonly problems: readonly string[];
} {
  const views: TaskView[] = [];
  const problems: string[] = [];
  for (const line of body.split('\n')) {
    if (line.trim() === '') continue;
    const parsed = parseRecordLine(line);
    if (parsed.ok) views.push(endedView(parsed.value));
    else problems.push(parsed.problem);
  }
  return { views, problems };
}
