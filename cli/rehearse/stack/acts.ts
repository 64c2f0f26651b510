/** What only the rehearsal of a stack plays: agents that hang, functions that race, changes of the stack. */
export type StackAct =
  /** Agents hang for good, while their workloads serve on. */
  | { readonly type: 'kill-agent'; readonly slots: readonly number[] | 'all' }
  /** EC2 takes nodes back, and the queues before the functions have no delay. */
  | { readonly type: 'race'; readonly slots: readonly number[] }
  /** The stack is deployed with a new version of its launch template. */
  | { readonly type: 'update' }
  /** The stack is deployed with another number of nodes. */
  | { readonly type: 'scale'; readonly nodes: number }
  /** The traffic ends, and the stack is deleted, whatever goes on. */
  | { readonly type: 'delete' };

export function describeStackAct(act: StackAct): string {
  switch (act.type) {
    case 'kill-agent':
      return act.slots === 'all'
        ? 'every agent hangs for good'
        : `the agent of slot ${act.slots.join(', ')} hangs for good`;
    case 'race':
      return `interruption of slot ${act.slots.join(', ')}: agent and functions at once, no delay in the queues`;
    case 'update':
      return 'the stack is updated: a new version of the launch template';
    case 'scale':
      return `the stack is updated: ${act.nodes} nodes`;
    case 'delete':
      return 'the traffic ends, and the stack is deleted';
  }
}
