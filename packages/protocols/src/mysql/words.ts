import type { Denial } from '@hoop/core/action';
import type { AppError, ErrorKind } from '@hoop/core/errors';
import { encodeError, type ServerError } from './messages/result.ts';

/** A denied statement is told as a missing privilege; the state is one that no server uses, so that it can be told from theirs. */
export const DENIAL_CODE = 1142;
export const DENIAL_STATE = '42501';

/** A denied statement: an error, after which the session goes on. */
export function denialWords(denial: Denial, sequence: number): Buffer {
  return encodeError({ code: DENIAL_CODE, sqlstate: DENIAL_STATE, message: oneLine(denial.message) }, sequence);
}

/** A command that is not passed on, whatever the rules say. */
export function unsupportedWords(command: string, sequence: number): Buffer {
  return encodeError(
    { code: 1235, sqlstate: '42000', message: `${command} is not allowed through the gateway; open a new connection or use SQL instead` },
    sequence,
  );
}

/** As the server says it of a statement that it does not know. */
export function unknownStatementWords(statement: number, sequence: number): Buffer {
  const message = `Unknown prepared statement handler (${statement}) given to the gateway`;
  return encodeError({ code: 1243, sqlstate: 'HY000', message }, sequence);
}

/** A row that cannot be looked at is not shown, and its answer ends. */
export function tooLongRowWords(sequence: number, bytes_max: number): Buffer {
  const message = `A row is longer than the ${bytes_max} bytes that the gateway can look at; ask for less of it`;
  return encodeError({ code: 1301, sqlstate: 'HY000', message }, sequence);
}

type Code = Pick<ServerError, 'code' | 'sqlstate'>;

const ACCESS_DENIED: Code = { code: 1045, sqlstate: '28000' };
const SHUTDOWN: Code = { code: 1053, sqlstate: '08S01' };
const KILLED: Code = { code: 1927, sqlstate: '70100' };
const FULL: Code = { code: 1040, sqlstate: '08004' };

const CODES: Readonly<Record<string, Code>> = {
  unauthenticated: ACCESS_DENIED,
  credential_invalid: ACCESS_DENIED,
  credential_expired: ACCESS_DENIED,
  credential_revoked: KILLED,
  user_deactivated: KILLED,
  connection_closed: KILLED,
  session_killed: KILLED,
  tls_required: { code: 3159, sqlstate: 'HY000' },
  connection_unknown: { code: 1049, sqlstate: '42000' },
  too_many_sessions: FULL,
  target_full: FULL,
  gateway_draining: SHUTDOWN,
  agent_draining: SHUTDOWN,
  unsupported: { code: 1235, sqlstate: '42000' },
  message_too_large: { code: 1153, sqlstate: '08S01' },
};

const CODE_OF_KIND: Readonly<Record<ErrorKind, Code>> = {
  peer: { code: 1835, sqlstate: 'HY000' },
  target: { code: 1429, sqlstate: 'HY000' },
  refusal: { code: 1044, sqlstate: '42000' },
  misconfigured: { code: 1429, sqlstate: 'HY000' },
  bug: { code: 1105, sqlstate: 'HY000' },
};

/** The end of a session, or the refusal of one. `sequence` is that of the packet that the client waits for. */
export function fatalWords(error: AppError, sequence = 0): Buffer {
  const message =
    error.kind === 'bug' ? 'The gateway met an unexpected error; tell your administrator the time and the session' : error.message;
  return encodeError({ ...(CODES[error.code] ?? CODE_OF_KIND[error.kind]), message: oneLine(message) }, sequence);
}

/** Clients print a message as it is, and cut it at 512 bytes: it has no breaks in it. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
