import { readFileSync } from 'node:fs';
import { addSshKey, deleteSshKey, listSshKeys } from '@hoop/contract/routes/ssh-keys';
import type { Context } from '../context.ts';
import { Failure, usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { renderTable } from '../output/table.ts';
import { print, printJson } from '../output/terminal.ts';

/** A file that is longer is no public key. */
const FILE_CHARACTERS_MAX = 16_384;

export interface AddOptions {
  readonly name?: string;
  readonly json?: boolean;
}

/** `hoop ssh-keys add FILE`: from now on `ssh` needs no secret with this key. */
export async function add(context: Context, file: string, options: AddOptions): Promise<void> {
  const { client } = openGateway(context);
  const public_key = lineOf(file);
  const key = await client.call(addSshKey, { body: { public_key, ...(options.name === undefined ? {} : { name: options.name }) } });
  if (options.json === true) printJson(context.terminal, key);
  else print(context.terminal, `SSH key ${key.fingerprint} added`);
}

/** `hoop ssh-keys list`: yours. */
export async function list(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const { items } = await client.call(listSshKeys);
  if (options.json === true) {
    printJson(context.terminal, items);
    return;
  }
  const rows = items.map(({ id, name, type, fingerprint, used_at }) => [id, name, type, fingerprint, used_at ?? 'never']);
  context.terminal.stdout.write(renderTable(['ID', 'NAME', 'TYPE', 'FINGERPRINT', 'USED'], rows));
}

/** `hoop ssh-keys remove ID`: it lets nobody in any more, and the sessions that came in with it end. */
export async function remove(context: Context, id: string): Promise<void> {
  const { client } = openGateway(context);
  const { items } = await client.call(listSshKeys);
  const key = items.find((item) => item.id === id || item.fingerprint === id);
  if (!key) throw new Failure('ssh_key_unknown', `You have no SSH key ${id}. \`hoop ssh-keys list\` shows yours`);
  await client.call(deleteSshKey, { params: { ID: key.id } });
  print(context.terminal, `SSH key ${key.fingerprint} removed`);
}

/** The file's first line that is none of comment. A private key is not sent anywhere. */
function lineOf(file: string): string {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new Failure('file_unreadable', `${file} cannot be read; give the path of a public key such as ~/.ssh/id_ed25519.pub`, { cause });
  }
  if (text.includes('PRIVATE KEY')) throw usage(`${file} is a private key. Give the public one, whose name ends in .pub`);
  const lines = text.split('\n').filter((each) => each.trim() !== '' && !each.startsWith('#'));
  if (lines.length !== 1 || text.length > FILE_CHARACTERS_MAX)
    throw usage(`${file} is no public key; it must have one line, such as ssh-ed25519 AAAA…`);
  return lines[0] ?? '';
}
