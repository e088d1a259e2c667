import { readFileSync } from 'node:fs';
import { usage } from '../failure.ts';

const ENTRY = /^(?:(envvar|filesystem):)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/**
 * A connection's settings from `-e` flags as the API takes them: `KEY=VALUE`, `KEY=base64://…`, `KEY=file://…`,
 * with `filesystem:` in front of a key whose value the target's client gets as a file.
 * @throws Failure that never holds a value.
 */
export function secretsOf(entries: readonly string[]): Record<string, string> {
  const secrets: Record<string, string> = {};
  for (const entry of entries) {
    const match = ENTRY.exec(entry);
    if (!match) throw usage(`-e "${entry.split('=')[0]}" cannot be read. Write it as KEY=VALUE, KEY=file://PATH or KEY=base64://DATA`);
    const [, kind = 'envvar', key = '', value = ''] = match;
    secrets[`${kind}:${key}`] = encodeSecret(key, value);
  }
  return secrets;
}

/** One value as the API takes it. */
export function encodeSecret(key: string, value: string): string {
  if (value.startsWith('base64://')) return checkedBase64(key, value.slice('base64://'.length));
  if (value.startsWith('file://')) return readSecret(key, value.slice('file://'.length)).toString('base64');
  return Buffer.from(value, 'utf8').toString('base64');
}

function checkedBase64(key: string, data: string): string {
  const compact = data.replace(/\s+/g, '');
  const bytes = Buffer.from(compact, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== compact.replace(/=+$/, ''))
    throw usage(`${key}: what follows base64:// is not base64`);
  return bytes.toString('base64');
}

function readSecret(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw usage(`${key}: the file ${path} cannot be read (${why})`);
  }
}
