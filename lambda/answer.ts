import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const TRIES = 4;
const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;

/**
 * Puts an answer where CloudFormation waits for it, a presigned URL of S3; without one a stack hangs for an hour, so it
 * is tried again. @throws Error of the last try
 */
export async function putAnswer(url: string, body: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await put(new URL(url), body);
    } catch (error) {
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

function put(url: URL, body: string): Promise<void> {
  const request = url.protocol === 'http:' ? httpRequest : httpsRequest;
  // The signature covers an empty content type.
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT', headers, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`CloudFormation's answer was refused with status ${status}`));
      });
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`No reply within ${TIMEOUT_MS} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
