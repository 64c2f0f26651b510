/** Where, and as whom: what every function of this folder takes. */
import { BorrowError } from './error.js';

export interface AwsOptions {
  /** Default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's. */
  readonly region?: string;
  /** A local cloud's address, such as the one that `synkti rehearse --keep` prints. Default: AWS_ENDPOINT_URL, else AWS. */
  readonly endpoint?: string;
  /** Profile of ~/.aws/config. Default: as the AWS SDK finds credentials. */
  readonly profile?: string;
}

/** @throws BorrowError OPTION */
export function checkAws({ region, endpoint, profile }: AwsOptions): void {
  if (region !== undefined && !/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(region)) {
    throw wrong(`The option region needs a Region such as eu-central-1, not "${String(region).slice(0, 60)}".`);
  }
  if (endpoint !== undefined && !isHttp(endpoint)) {
    throw wrong(
      `The option endpoint needs an address such as http://127.0.0.1:4566, not "${String(endpoint).slice(0, 100)}".`,
    );
  }
  if (profile !== undefined && (typeof profile !== 'string' || profile === '')) {
    throw wrong('The option profile needs the name of a profile.');
  }
}

function isHttp(text: string): boolean {
  return typeof text === 'string' && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether an endpoint is on this machine, as a local cloud's is. */
export function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const wrong = (message: string): BorrowError => new BorrowError('OPTION', message);
