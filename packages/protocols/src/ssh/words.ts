import type { Denial } from '@hoop/core/action';
import type { AppError, ErrorKind } from '@hoop/core/errors';
import { encodeFrames } from '../shared/frames.ts';
import { encodeMessage, MESSAGE } from './messages.ts';

/** Exit status of a command that a rule denied. */
export const DENIED_STATUS = 254;

/**
 * Reasons of a disconnect (RFC 4253, section 11.1). None is `by application`, whose words many clients do not show.
 */
const REASONS: Readonly<Record<ErrorKind, number>> = { peer: 2, target: 7, refusal: 1, misconfigured: 7, bug: 7 };

/** The end of a session, or the refusal of one, as the last message of the stream. */
export function disconnectWords(error: AppError): Buffer {
  const text =
    error.kind === 'bug' ? 'The gateway met an unexpected error; tell your administrator the time and the session' : error.message;
  return encodeFrames([encodeMessage(MESSAGE.disconnect, REASONS[error.kind], text, '')]);
}

/** What stands on the error output of a command that a rule denied. */
export function denialText({ message, rule }: Denial): string {
  return `hoop: ${message} (rule: ${rule}). Nothing was sent to the host\n`;
}
