import { PeerFault } from '@hoop/core/errors';
import { SFTP_HANDLE_BYTES_MAX, SFTP_PACKET_BYTES_MAX, SFTP_REQUEST_BYTES_MAX } from '../limits.ts';
import { encodeMessage, u32 } from '../messages.ts';

/** SFTP version 3, which every server speaks. (draft-ietf-secsh-filexfer-02) */
export const SFTP = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  rename: 18,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  extended: 200,
} as const;

export const SFTP_OK = 0;
export const SFTP_END_OF_FILE = 1;
const PERMISSION_DENIED = 3;

/** The length in front of a packet. */
export const LENGTH_BYTES = 4;

/** The head of a write: type, id, handle, offset and the length of the data. */
const WRITE_HEAD_BYTES = 1 + 4 + 4 + SFTP_HANDLE_BYTES_MAX + 8 + 4;

/** What an answer is looked at for. */
const STATUS_HEAD_BYTES = 1 + 4 + 4;
const HANDLE_HEAD_BYTES = 1 + 4 + 4 + SFTP_HANDLE_BYTES_MAX;
const DATA_HEAD_BYTES = 1 + 4 + 4;

/** @throws PeerFault `bad_length`, `message_too_large` */
export function packetLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  // A type, and at least a number behind it.
  if (length < 5) throw new PeerFault('bad_length', `An SFTP packet claims a length of ${length} bytes, which cannot be`);
  if (length > SFTP_PACKET_BYTES_MAX) throw tooLarge(length, SFTP_PACKET_BYTES_MAX);
  return length;
}

/** How much of a request's body must be there before it can be judged. @throws PeerFault `message_too_large` */
export function requestHead(type: number, length: number): number {
  if (type === SFTP.write) return Math.min(length, WRITE_HEAD_BYTES);
  if (length > SFTP_REQUEST_BYTES_MAX) throw tooLarge(length, SFTP_REQUEST_BYTES_MAX);
  return length;
}

/** How much of an answer's body is looked at. */
export function answerHead(type: number, length: number): number {
  if (type === SFTP.status) return Math.min(length, STATUS_HEAD_BYTES);
  if (type === SFTP.handle) return Math.min(length, HANDLE_HEAD_BYTES);
  return Math.min(length, DATA_HEAD_BYTES);
}

/** The answer to a request that a rule denied. */
export function encodeDenied(id: number, words: string): Buffer {
  const body = encodeMessage(SFTP.status, id, PERMISSION_DENIED, words, '');
  return Buffer.concat([u32(body.length), body]);
}

/** A status as people know it. */
export function statusWords(code: number): string {
  return STATUS_WORDS[code] ?? `status ${code}`;
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  1: 'end of file',
  2: 'no such file',
  3: 'permission denied',
  4: 'failure',
  5: 'bad message',
  8: 'unsupported operation',
};

function tooLarge(length: number, bytes_max: number): PeerFault {
  return new PeerFault('message_too_large', `An SFTP packet of ${length} bytes is over the gateway's limit of ${bytes_max}`);
}
