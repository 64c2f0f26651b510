/** Context of the app that is synthesized, as in cdk.json: for tests, and for those who ship bundles of their own. */
export interface SynthContext {
  readonly context?: Readonly<Record<string, unknown>>;
}
