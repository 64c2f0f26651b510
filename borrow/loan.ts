/** Everything that one borrower has made so far, and how it is undone, from any moment of its making. */

import type { PlacedTemplate } from './assets.js';
import type { Aws } from './aws.js';
import { deleteStack } from './give-back.js';
import type { Heartbeat } from './lease.js';
import { TAG_ATTEMPT } from './names.js';
import { findStack, tagsOf } from './stack.js';

export class Loan {
  readonly attempt: string;
  readonly stackName: string;
  readonly #aws: Aws;
  readonly #say: (line: string) => void;
  /** The stack's ARN; null: none is known. */
  stackId: string | null = null;
  /** The stack was asked for: it may stand even if no answer came. */
  asked = false;
  heartbeat: Heartbeat | null = null;
  template: PlacedTemplate | null = null;
  #ending: Promise<void> | null = null;
  #isGivenBack = false;

  constructor(aws: Aws, attempt: string, stackName: string, say: (line: string) => void) {
    this.#aws = aws;
    this.attempt = attempt;
    this.stackName = stackName;
    this.#say = say;
  }

  get isGivenBack(): boolean {
    return this.#isGivenBack;
  }

  /** CloudFormation has read it. A failure costs nothing but a file in the bootstrap's bucket. */
  async removeTemplate(): Promise<void> {
    const { template } = this;
    this.template = null;
    await template?.remove().catch((error: unknown) => {
      this.#say(`the template could not be removed: ${this.#aws.explain(error).message}`);
    });
  }

  /** Idempotent; after a failure it may be tried again. @throws BorrowError */
  giveBack(): Promise<void> {
    this.#ending ??= this.#undo().catch((error: unknown) => {
      this.#ending = null;
      throw this.#aws.explain(error);
    });
    return this.#ending;
  }

  async #undo(): Promise<void> {
    await this.heartbeat?.stop();
    await this.removeTemplate();
    if (this.stackId === null && this.asked) {
      const stack = await findStack(this.#aws, this.stackName);
      if (stack !== null && tagsOf(stack)[TAG_ATTEMPT] === this.attempt) this.stackId = stack.StackId ?? null;
    }
    if (this.stackId !== null) await deleteStack(this.#aws, this.stackId, this.#say);
    this.#isGivenBack = true;
    this.#aws.close();
  }
}
