/** An error that a service answers with; the server puts it into the words of the service's protocol. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** A parameter that the local cloud doesn't know or doesn't emulate: refused, since ignoring it would change meaning. */
export const unsupportedParameter = (name: string, what = 'is not supported by the local cloud'): AwsError =>
  new AwsError('InvalidParameterValue', `The parameter ${name} ${what}`);

export const invalidValue = (name: string, value: string, wanted: string): AwsError =>
  new AwsError('InvalidParameterValue', `Value (${value.slice(0, 100)}) for parameter ${name} is invalid. ${wanted}`);

export const missingParameter = (name: string): AwsError =>
  new AwsError('MissingParameter', `The request must contain the parameter ${name}`);
