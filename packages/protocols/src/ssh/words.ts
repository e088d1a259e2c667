import type { Denial } from '@hoop/core/action';
import { cutText } from '@hoop/core/bytes';
import type { AppError, ErrorKind } from '@hoop/core/errors';
import { encodeFrames } from '../shared/frames.ts';
import type { Channel } from './channels.ts';
import { encodeMessage, MESSAGE, STDERR, u32 } from './messages.ts';

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

/** What stands on the error output of something that was begun, and whose output a rule denied. */
function shownDenialText({ message, rule }: Denial): string {
  return `hoop: ${message} (rule: ${rule}). What ran was ended\n`;
}

/** What a rule has to say about something that it lets pass, on the error output; nothing where the client has no room for it. */
export function noticeMessages(notice: string, channel: Channel): Buffer[] {
  const { clientId = 0, hasPty } = channel;
  const words = Buffer.from(cutText(`hoop: ${notice}${hasPty ? '\r\n' : '\n'}`, channel.ownWindow));
  channel.ownWindow -= words.length;
  return words.length > 0 ? [encodeMessage(MESSAGE.extendedData, clientId, STDERR, words)] : [];
}

/** For a client whose wish was denied, or with `hasRun` what came of it: our words, how it ended, and that nothing more comes. */
export function denialMessages(denial: Denial, channel: Channel, hasRun = false): Buffer[] {
  const { clientId = 0 } = channel;
  const words = Buffer.from(cutText(hasRun ? shownDenialText(denial) : denialText(denial), channel.ownWindow));
  channel.ownWindow -= words.length;
  return [
    ...(words.length > 0 ? [encodeMessage(MESSAGE.extendedData, clientId, STDERR, words)] : []),
    Buffer.concat([encodeMessage(MESSAGE.channelRequest, clientId, 'exit-status', false), u32(DENIED_STATUS)]),
    encodeMessage(MESSAGE.eof, clientId),
  ];
}

/** Why nothing is forwarded where output is looked at. */
export const FORWARDS_ARE_NOT_SHOWN =
  'Nothing is forwarded on this connection, because its rules look at what is shown and cannot look into what is forwarded';

/** What a packing program is told where output is looked at. */
export function packedDenial(program: string): Denial {
  return {
    rule: 'masking',
    message: `What ${program} sends cannot be looked at, and rules of this connection look at everything that is shown; bring files in with sftp or scp, and show them with a command such as cat`,
  };
}
