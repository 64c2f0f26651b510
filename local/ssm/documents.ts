import { z } from 'zod';
import { AwsError } from '../wire/error.js';

/** A command document's shell script, its parameters filled in. */
export interface Document {
  readonly name: string;
  readonly type: string;
  /** As it was given. */
  readonly content: string;
  readonly version: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly body: Body;
}

const step = z.object({
  name: z.string(),
  action: z.string(),
  inputs: z
    .object({
      runCommand: z.union([z.string(), z.array(z.string())]).optional(),
      timeoutSeconds: z.unknown().optional(),
    })
    .optional(),
});
const body = z.object({
  schemaVersion: z.string(),
  description: z.string().optional(),
  parameters: z.record(z.string(), z.object({ type: z.string(), default: z.unknown().optional() })).optional(),
  mainSteps: z.array(step).max(50).optional(),
});
type Body = z.infer<typeof body>;

const MAX_DOCUMENTS = 500;
const MAX_CONTENT = 65_536;

const notFound = (name: string): AwsError =>
  new AwsError('InvalidDocument', `Document with name ${name.slice(0, 128)} does not exist.`);

/** AWS's own that everybody uses; the local cloud has no other. */
const RUN_SHELL_SCRIPT: Document = {
  name: 'AWS-RunShellScript',
  type: 'Command',
  content: '',
  version: 1,
  tags: {},
  body: {
    schemaVersion: '1.2',
    description: 'Run a shell script or specify the commands to run.',
    parameters: {
      commands: { type: 'StringList' },
      executionTimeout: { type: 'String', default: '3600' },
    },
    mainSteps: [
      {
        name: 'runShellScript',
        action: 'aws:runShellScript',
        inputs: { runCommand: ['{{ commands }}'], timeoutSeconds: '{{ executionTimeout }}' },
      },
    ],
  },
};

/** Command documents: the account's, and one of AWS's own. */
export class Documents {
  readonly #documents = new Map<string, Document>([[RUN_SHELL_SCRIPT.name, RUN_SHELL_SCRIPT]]);

  /** @throws AwsError */
  create(name: string, type: string, content: string, tags: Readonly<Record<string, string>> = {}): Document {
    if (!/^[\w.-]{3,128}$/.test(name))
      throw new AwsError('InvalidDocument', `'${name.slice(0, 128)}' is no document name`);
    if (this.#documents.has(name)) throw new AwsError('DocumentAlreadyExists', `Document ${name} already exists.`);
    if (this.#documents.size >= MAX_DOCUMENTS) throw new AwsError('DocumentLimitExceeded', 'Too many documents');
    if (type !== 'Command') {
      throw new AwsError('InvalidDocumentContent', `The local cloud has documents of type Command only, not ${type}`);
    }
    return this.#put(name, content, 1, tags);
  }

  /** @throws AwsError */
  update(name: string, content: string): Document {
    const { version, tags } = this.find(name);
    return this.#put(name, content, version + 1, tags);
  }

  delete(name: string): void {
    if (!this.#documents.delete(plain(name))) throw notFound(name);
  }

  /** By name or ARN. @throws AwsError `InvalidDocument` */
  find(nameOrArn: string): Document {
    const document = this.#documents.get(plain(nameOrArn));
    if (document === undefined) throw notFound(nameOrArn);
    return document;
  }

  /** Of the account. */
  list(): readonly Document[] {
    return [...this.#documents.values()].filter((one) => one !== RUN_SHELL_SCRIPT);
  }

  #put(name: string, content: string, version: number, tags: Document['tags']): Document {
    if (content.length > MAX_CONTENT) throw new AwsError('MaxDocumentSizeExceeded', 'The document is too large');
    let given: unknown = null;
    try {
      given = JSON.parse(content);
    } catch {
      throw new AwsError('InvalidDocumentContent', 'The local cloud reads documents in JSON only');
    }
    const checked = body.safeParse(given);
    if (!checked.success) {
      const issue = checked.error.issues[0];
      throw new AwsError('InvalidDocumentContent', `${issue?.path.join('.')}: ${issue?.message}`);
    }
    const document: Document = { name, type: 'Command', content, version, tags, body: checked.data };
    this.#documents.set(name, document);
    return document;
  }
}

const plain = (nameOrArn: string): string => nameOrArn.split('/').at(-1) ?? nameOrArn;

export interface FilledDocument {
  /** The shell steps as one, which stops at the first that fails. */
  readonly script: string;
  /** Null: the document doesn't say. */
  readonly timeoutMs: number | null;
}

/** A document with its parameters filled in. @throws AwsError */
export function fillDocument(document: Document, given: Readonly<Record<string, readonly string[]>>): FilledDocument {
  const known = document.body.parameters ?? {};
  const unknown = Object.keys(given).find((name) => known[name] === undefined);
  if (unknown !== undefined) {
    throw new AwsError('InvalidParameters', `Document ${document.name} has no parameter ${unknown.slice(0, 100)}`);
  }
  const values = new Map<string, string>();
  for (const [name, { default: fallback }] of Object.entries(known)) {
    const value = given[name] ?? (fallback === undefined ? undefined : [fallback].flat().map(String));
    if (value === undefined) {
      throw new AwsError('InvalidParameters', `Document ${document.name} needs the parameter ${name}`);
    }
    values.set(name, value.join('\n'));
  }
  const fill = (text: string): string =>
    text.replaceAll(/\{\{\s*([\w.:]+)\s*\}\}/g, (whole, name: string) => values.get(name) ?? whole);
  const scripts = (document.body.mainSteps ?? []).map((one) => {
    if (one.action !== 'aws:runShellScript') {
      throw new AwsError('InvalidDocument', `The local cloud can't do ${one.action} of step ${one.name}`);
    }
    return `(\n${[one.inputs?.runCommand ?? []].flat().map(fill).join('\n')}\n) || exit $?`;
  });
  const seconds = Number(fill(String(document.body.mainSteps?.[0]?.inputs?.timeoutSeconds ?? '')));
  return { script: `${scripts.join('\n')}\n`, timeoutMs: seconds > 0 ? seconds * 1_000 : null };
}
