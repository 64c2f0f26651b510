import type { TaskChoice, TaskPolicy, TaskView } from '../../core/policy/task.js';
import { firstLine, SimInputError } from '../error.js';

/** What a user's own policy returns is looked at before it is obeyed. */
export function checkedChoice(policy: TaskPolicy, view: TaskView): TaskChoice {
  let choice: unknown;
  try {
    choice = policy.choose(view);
  } catch (error) {
    throw new SimInputError(`policy ${policy.name} threw: ${firstLine(error)}`);
  }
  const { kind, pool } = (typeof choice === 'object' && choice !== null ? choice : {}) as Record<string, unknown>;
  const isPool =
    pool === undefined || (Number.isInteger(pool) && (pool as number) >= 0 && (pool as number) < view.pools.length);
  if (kind === 'on-demand' || kind === 'wait' || (kind === 'spot' && isPool)) return choice as TaskChoice;
  throw new SimInputError(
    `policy ${policy.name} returned ${shown(choice)}; expected {kind: 'spot', pool?: 0..${view.pools.length - 1}}, ` +
      `{kind: 'on-demand'} or {kind: 'wait'}`,
  );
}

function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 100);
  } catch {
    return typeof value;
  }
}
