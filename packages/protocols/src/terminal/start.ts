import { StartMessage } from '@hoop/contract/terminal';
import { PeerFault } from '@hoop/core/errors';
import type { Hello } from '@hoop/core/protocol';

/** The client's wish as options of a hello, which are plain text. */
export function startToOptions(start: StartMessage): Record<string, string> {
  const { args, mode, term, columns, rows, timeout_ms } = start;
  return { mode, args: JSON.stringify(args), columns: String(columns), rows: String(rows), term, timeout_ms: String(timeout_ms) };
}

/** The client's wish out of a hello. A hello without a mode is that of a script. @throws PeerFault `bad_message` */
export function startFromHello({ options = {} }: Hello): StartMessage {
  const number = (name: string): { [name: string]: number } => (options[name] === undefined ? {} : { [name]: Number(options[name]) });
  const wish = {
    mode: options.mode ?? 'pipe',
    ...(options.args === undefined ? {} : { args: parsed(options.args) }),
    ...(options.term === undefined ? {} : { term: options.term }),
    ...number('columns'),
    ...number('rows'),
    ...number('timeout_ms'),
  };
  return checkedStart(wish);
}

/** @throws PeerFault `bad_message` */
export function startFromPayload(payload: Uint8Array): StartMessage {
  return checkedStart(parsed(Buffer.from(payload).toString('utf8')));
}

function checkedStart(wish: unknown): StartMessage {
  const start = StartMessage.safeParse(wish);
  if (!start.success) throw badStart(start.error);
  if (start.data.args.some((argument) => argument.includes('\0'))) throw badStart(undefined);
  // A terminal's name is looked up as a file.
  const term = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(start.data.term) ? start.data.term : 'dumb';
  return { ...start.data, term };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw badStart(cause);
  }
}

function badStart(cause: unknown): PeerFault {
  return new PeerFault('bad_message', 'The client’s wish to start cannot be read', { cause });
}
