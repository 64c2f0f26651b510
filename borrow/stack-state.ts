/** What CloudFormation's words mean for a borrower. Pure. */

/** `lost`: it is gone, or on its way, though nobody here asked for it. */
export type StackStage = 'coming' | 'standing' | 'failed' | 'going' | 'gone' | 'stuck';

/** Statuses as in the reference of CloudFormation's `Stack`; one that is new counts by its ending. */
export function stageOf(status: string): StackStage {
  if (status === 'CREATE_COMPLETE') return 'standing';
  if (status === 'DELETE_COMPLETE') return 'gone';
  if (status === 'DELETE_FAILED') return 'stuck';
  if (status === 'DELETE_IN_PROGRESS') return 'going';
  // The sweep, or a person, changed it: it stands all the same.
  if (status.startsWith('UPDATE_') || status.startsWith('IMPORT_')) return 'standing';
  if (status.startsWith('ROLLBACK_') || status.endsWith('_FAILED')) return 'failed';
  return 'coming';
}

/** As DescribeStackEvents tells it. */
export interface StackEvent {
  readonly id: string;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

/** The failure that the others follow from. @param events oldest first; null: none failed */
export function firstFailure(events: readonly StackEvent[]): string | null {
  const failures = events.filter(({ status }) => status.endsWith('_FAILED'));
  const cause =
    failures.find(({ reason, type }) => !isConsequence(reason) && type !== 'AWS::CloudFormation::Stack') ?? failures[0];
  if (cause === undefined) return null;
  const reason = oneLine(cause.reason);
  return `${cause.logicalId} (${cause.type})${reason === '' ? '' : `: ${reason}`}`;
}

/** What CloudFormation gives up because something else failed. */
const isConsequence = (reason: string): boolean => /^Resource (creation|update|deletion) cancelled/i.test(reason);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().replace(/\.$/, '').slice(0, 400);

/** Resources, not the stack itself, that stand. @param events oldest first */
export function standing(events: readonly StackEvent[]): ReadonlyMap<string, StackEvent> {
  const found = new Map<string, StackEvent>();
  for (const event of events) {
    if (event.type === 'AWS::CloudFormation::Stack') continue;
    if (event.status === 'CREATE_COMPLETE') found.set(event.logicalId, event);
    else if (event.status === 'DELETE_COMPLETE') found.delete(event.logicalId);
  }
  return found;
}

/** How long to wait before the next look, in ms: a tenth of what it took so far, so that no look comes much too late. */
export const nextLookMs = (elapsedMs: number): number =>
  Math.min(5_000, Math.max(300, Math.round(Math.max(0, elapsedMs) / 10)));
