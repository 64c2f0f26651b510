import { randomUUID } from 'node:crypto';
import { AwsError } from './error.js';
import { Params } from './form.js';
import type { Service, WireRequest, WireResponse } from './service.js';
import { writeXml, type XmlObject } from './xml.js';

/** Carries out one action; what it returns is the answer's members. */
export type QueryAction = (params: Params, request: WireRequest) => XmlObject | Promise<XmlObject>;

export interface QueryServiceOptions {
  /** Signing name. */
  readonly name: string;
  /** `ec2` has its own envelopes; `query` is awsQuery, as ELBv2, STS and IAM speak it. */
  readonly protocol: 'ec2' | 'query';
  /** `xmlns` of the answers. */
  readonly namespace: string;
  readonly actions: ReadonlyMap<string, QueryAction>;
}

/**
 * A service of the query protocols. Every action reads what it honours and calls `params.refuseUnread()` before it
 * acts, so that a parameter without an effect here is refused and not ignored.
 */
export function queryService(options: QueryServiceOptions): Service {
  const error = (status: number, code: string, message: string): WireResponse =>
    options.protocol === 'ec2' ? ec2Error(status, code, message) : queryError(status, code, message, options.namespace);
  return {
    name: options.name,
    error,
    actionOf: (request) => {
      const action = pairsOf(request).get('Action');
      return action !== null && options.actions.has(action) ? action : null;
    },
    handle: async (request) => {
      const pairs = pairsOf(request);
      const action = pairs.get('Action');
      if (action === null) throw new AwsError('MissingAction', 'The request must contain the parameter Action');
      const run = options.actions.get(action);
      if (run === undefined) {
        throw new AwsError('InvalidAction', `The action ${action.slice(0, 100)} is not valid for the local cloud`);
      }
      const params = Params.parse(pairs);
      params.string('Action');
      params.string('Version');
      const members = await run(params, request);
      const xmlns = { '@xmlns': options.namespace };
      return xmlResponse(200, (id) => ({
        [`${action}Response`]:
          options.protocol === 'ec2'
            ? { ...xmlns, requestId: id, ...members }
            : { ...xmlns, [`${action}Result`]: members, ResponseMetadata: { RequestId: id } },
      }));
    },
  };
}

/** Parameters come in the body, or in the query of a GET. */
export function pairsOf(request: WireRequest): URLSearchParams {
  return request.body.length > 0 ? new URLSearchParams(request.body.toString('utf8')) : request.query;
}

function ec2Error(status: number, code: string, message: string): WireResponse {
  return xmlResponse(status, (id) => ({
    Response: { Errors: { Error: { Code: code, Message: message } }, RequestID: id },
  }));
}

/** Also serves where no service is known yet. */
export function queryError(status: number, code: string, message: string, namespace?: string): WireResponse {
  return xmlResponse(status, (id) => ({
    ErrorResponse: {
      '@xmlns': namespace,
      Error: { Type: status >= 500 ? 'Receiver' : 'Sender', Code: code, Message: message },
      RequestId: id,
    },
  }));
}

function xmlResponse(status: number, document: (requestId: string) => XmlObject): WireResponse {
  const id = randomUUID();
  return {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': id },
    body: writeXml(document(id)),
  };
}
