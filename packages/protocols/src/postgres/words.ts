import type { Denial } from '@hoop/core/action';
import type { AppError, ErrorKind } from '@hoop/core/errors';
import { encodeError } from './messages/error.ts';

/** Marks errors that are ours and not the target's, in the field that names the reporting routine. */
export const OUR_ROUTINE = 'hoop';
export const DENIAL_ROUTINE = 'hoop_guardrail';

/** SQLSTATE of a denial: insufficient_privilege. A code of class 08 would make drivers drop the connection. */
const DENIAL_SQLSTATE = '42501';

/** A denied statement: an ERROR, after which the session goes on. */
export function denialWords(denial: Denial): Buffer {
  return encodeError({
    severity: 'ERROR',
    sqlstate: DENIAL_SQLSTATE,
    message: denial.message,
    detail: `Rule: ${denial.rule}`,
    hint: 'The statement was not sent to the database. Change it, or ask an administrator about the rule',
    routine: DENIAL_ROUTINE,
  });
}

/** What became of a statement whose answer was ended. */
export type Fate = 'failed' | 'done';

/** An answer that a rule ended: an ERROR in place of the rest of it, after which the session goes on. */
export function endedWords(denial: Denial, fate: Fate): Buffer {
  return encodeError({
    severity: 'ERROR',
    sqlstate: DENIAL_SQLSTATE,
    message: denial.message,
    detail: `Rule: ${denial.rule}`,
    hint:
      fate === 'failed'
        ? 'The answer ended here, and the statement failed with it, as after any other error'
        : 'The answer ended here. The statement had run to its end outside of a transaction: what it changed stays',
    routine: DENIAL_ROUTINE,
  });
}

/** The text that the audit has of it. */
export function endedText({ message }: Denial): string {
  return `${DENIAL_SQLSTATE}: ${message}`;
}

/** What the target says of an action whose hidden values it may quote: its code, and no more. */
export function hushedWords(severity: string, sqlstate: string, type: 'E' | 'N'): Buffer {
  const message = 'The words of the database are not shown, because they may quote a hidden value';
  return encodeError({ severity, sqlstate, message, routine: OUR_ROUTINE }, type);
}

/** Columns are to be hidden, and nobody can tell where they are. */
export const UNCLEAR_COPY: Denial = {
  rule: 'fail-closed',
  message:
    'The answer ends here because it cannot be told which part of a line is to be hidden. Copy with plain options, one COPY at a time',
};

/** Words beside answers: a client shows them and goes on waiting. */
export function noticeWords(text: string): Buffer {
  return encodeError({ severity: 'NOTICE', sqlstate: '00000', message: text, routine: OUR_ROUTINE }, 'N');
}

const SQLSTATES: Readonly<Record<string, string>> = {
  unauthenticated: '28P01',
  credential_invalid: '28P01',
  credential_expired: '28P01',
  credential_revoked: '57P01',
  user_deactivated: '57P01',
  connection_closed: '57P01',
  tls_required: '28000',
  forbidden: '28000',
  connection_unknown: '3D000',
  too_many_sessions: '53300',
  gateway_draining: '57P03',
  agent_draining: '57P03',
  agent_timeout: '57P03',
  session_killed: '57P01',
  agent_offline: '57P03',
  target_unreachable: '08001',
  target_full: '53300',
  target_login: '28000',
  unsupported: '0A000',
  message_too_large: '54000',
};

const SQLSTATE_OF_KIND: Readonly<Record<ErrorKind, string>> = {
  peer: '08P01',
  target: '08006',
  refusal: '28000',
  misconfigured: '08001',
  bug: 'XX000',
};

/** The end of a session, or the refusal of one: FATAL. */
export function fatalWords(error: AppError): Buffer {
  return encodeError({
    severity: 'FATAL',
    sqlstate: SQLSTATES[error.code] ?? SQLSTATE_OF_KIND[error.kind],
    message: error.kind === 'bug' ? 'The gateway met an unexpected error; tell your administrator the time and the session' : error.message,
    detail: `Code: ${error.code}`,
    routine: OUR_ROUTINE,
  });
}
