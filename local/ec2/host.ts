import type { Context } from '../../core/time.js';
import type { Ec2Model } from './model/types.js';

/** What the wire handlers work on. */
export interface Ec2Host {
  readonly model: Ec2Model;
  /** The moment of a call. */
  context(): Context;
  /** After every call that may have changed something: transitions are to be looked at. */
  changed(): void;
}
