export type DeployErrorCode =
  /** The template itself isn't right, or holds what nobody emulates. */
  | 'TEMPLATE'
  | 'PARAMETER'
  /** A resource, property or function that the local cloud can't emulate, and that isn't harmless. */
  | 'UNSUPPORTED'
  /** A resource couldn't be made, changed or deleted. */
  | 'RESOURCE'
  | 'ASSET';

/** A stack can't be deployed. The message is one clear sentence: what, where, and what to do. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
  readonly code: DeployErrorCode;
  readonly logicalId: string | null;

  constructor(code: DeployErrorCode, message: string, logicalId: string | null = null, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.logicalId = logicalId;
  }
}
