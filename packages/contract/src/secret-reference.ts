/**
 * What a connection's setting may say instead of a value: where the agent is to fetch it. The gateway checks the form when a
 * connection is saved, the agent reads it just before it dials; docs/secrets.md has the whole story.
 */
export type SecretReference = DocumentReference | FileReference | RdsLogin | AgentVariable;

/** One key of a JSON document that a store keeps under an id. */
export interface DocumentReference {
  readonly source: 'envjson' | 'aws' | 'vaultkv1' | 'vaultkv2';
  readonly id: string;
  readonly key: string;
}

/** A file of the agent's host: its whole text, or one key where it is a JSON document. */
export interface FileReference {
  readonly source: 'file';
  readonly id: string;
  readonly key: string | undefined;
}

/** Only as USER: this database user, with a token of AWS IAM as its password. */
export interface RdsLogin {
  readonly source: 'aws_iam_rds';
  readonly id: string;
}

/** The variable of the agent's environment that is named as the setting is. */
export interface AgentVariable {
  readonly source: 'agent';
}

/** A text that begins as a reference and is none. Its message never shows the text, which could be a password after all. */
export class SecretReferenceError extends Error {
  override readonly name = 'SecretReferenceError';
}

export const AGENT_VARIABLE = 'system.agent.envs';

/** Names in Amazon's stores have up to 2048 characters; nobody writes longer ones by hand. */
export const REFERENCE_CHARS_MAX = 4_096;

const FORMS: Readonly<Record<string, string>> = {
  _envjson: '_envjson:<VARIABLE>:<key>',
  _aws: '_aws:<secret id or ARN>:<key>',
  _vaultkv1: '_vaultkv1:<path>:<key>',
  _vaultkv2: '_vaultkv2:<path>:<key>',
  _file: '_file:<name> or _file:<name>:<key>',
  _aws_iam_rds: '_aws_iam_rds:<database user>',
};

/**
 * Reads a setting's value as a reference; undefined where it is a plain value. The last part is the key, so that an id may have colons of its own.
 * @throws SecretReferenceError where it begins as a reference and is none
 */
export function parseSecretReference(value: string): SecretReference | undefined {
  if (value === AGENT_VARIABLE) return { source: 'agent' };
  const [prefix = '', ...parts] = value.split(':', 2);
  const form = Object.hasOwn(FORMS, prefix) ? FORMS[prefix] : undefined;
  if (form === undefined || parts.length === 0) return undefined;
  const rest = value.slice(prefix.length + 1);
  if (value.length > REFERENCE_CHARS_MAX || !isPrintable(value)) throw wrong(prefix, form);
  switch (prefix) {
    case '_aws_iam_rds':
      if (rest === '') throw wrong(prefix, form);
      return { source: 'aws_iam_rds', id: rest };
    case '_file':
      return fileReference(rest) ?? fail(prefix, form);
    default:
      return { source: prefix.slice(1) as DocumentReference['source'], ...(idAndKey(rest) ?? fail(prefix, form)) };
  }
}

/** A reference as it was written, for messages: it names where a secret is, not what it is. */
export function showReference(reference: SecretReference): string {
  if (reference.source === 'agent') return AGENT_VARIABLE;
  const key = 'key' in reference && reference.key !== undefined ? `:${reference.key}` : '';
  return `_${reference.source}:${reference.id}${key}`;
}

function idAndKey(rest: string): { readonly id: string; readonly key: string } | undefined {
  const colon = rest.lastIndexOf(':');
  const id = rest.slice(0, colon);
  const key = rest.slice(colon + 1);
  return colon > 0 && key !== '' ? { id, key } : undefined;
}

/** A file's name has no colon here: with one it could not be told from a key. */
function fileReference(rest: string): FileReference | undefined {
  const [id = '', key, ...more] = rest.split(':');
  return id === '' || key === '' || more.length > 0 ? undefined : { source: 'file', id, key };
}

function isPrintable(text: string): boolean {
  return !/\p{Cc}/u.test(text);
}

function wrong(prefix: string, form: string): SecretReferenceError {
  return new SecretReferenceError(`It begins with ${prefix}: and names no secret; write ${form}, in one line`);
}

function fail(prefix: string, form: string): never {
  throw wrong(prefix, form);
}
