/**
 * Which call an error came from: the SDK's own errors don't tell, so clients that are watched remember it.
 */

/** The call that an error came from. */
export interface FailedCall {
  /** As in IAM's actions: `ec2`, `elasticloadbalancing`. */
  readonly service: string;
  /** `DescribeInstances`. */
  readonly action: string;
  readonly input: object;
}

const calls = new WeakMap<object, FailedCall>();

export function rememberCall(error: unknown, call: FailedCall): void {
  if (typeof error === 'object' && error !== null) calls.set(error, call);
}

export const callOf = (error: unknown): FailedCall | null =>
  (typeof error === 'object' && error !== null ? calls.get(error) : undefined) ?? null;

/** What the SDK's middleware stack takes, as far as it is used here. */
interface Stacked {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<unknown>,
        context: { readonly commandName?: string },
      ) => (args: { input: object }) => Promise<unknown>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

/** One call as it was made. */
export interface CallMade {
  /** `ec2:DescribeInstances`. */
  readonly name: string;
  readonly tookMs: number;
  readonly ok: boolean;
}

/** Remembers of each error of a client which call it was. */
export function watchCalls(client: object, service: string, onCall?: (call: CallMade) => void): void {
  (client as Stacked).middlewareStack.add(
    (next, context) => async (args) => {
      const action = (context.commandName ?? 'Unknown').replace(/Command$/, '');
      const began = performance.now();
      let ok = false;
      try {
        const answer = await next(args);
        ok = true;
        return answer;
      } catch (error) {
        rememberCall(error, { service, action, input: args.input });
        throw error;
      } finally {
        onCall?.({ name: `${service}:${action}`, tookMs: performance.now() - began, ok });
      }
    },
    { step: 'initialize', name: 'synktiCalls' },
  );
}
