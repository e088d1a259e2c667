import { encodePacket } from '../frame.ts';
import { Fields, int16 } from './fields.ts';

/** First bytes of answers. */
export const OK = 0x00;
export const MORE_DATA = 0x01;
export const FILE_REQUEST = 0xfb;
export const EOF = 0xfe;
export const ERROR = 0xff;

/** An EOF is shorter than this; a row that begins with the same byte is longer. */
export const EOF_BYTES_MAX = 9;

export interface ServerError {
  readonly code: number;
  /** SQLSTATE, five characters. */
  readonly sqlstate: string;
  readonly message: string;
}

/** (MySQL Internals, "ERR_Packet") */
export function encodeError(error: ServerError, sequence: number): Buffer {
  return encodePacket(sequence, errorPayload(error));
}

export function errorPayload({ code, sqlstate, message }: ServerError): Buffer {
  return Buffer.concat([Buffer.from([ERROR]), int16(code), Buffer.from(`#${sqlstate}${message}`)]);
}

/** @throws PeerFault `bad_message` */
export function decodeError(payload: Buffer): ServerError {
  const fields = new Fields(payload, 1);
  const code = fields.int(2);
  const text = fields.rest().toString('utf8');
  // Before the login, and from old servers, there is no state.
  return text.startsWith('#') ? { code, sqlstate: text.slice(1, 6), message: text.slice(6) } : { code, sqlstate: 'HY000', message: text };
}

/** The error in one line, as records have it. */
export function errorLine({ code, sqlstate, message }: ServerError): string {
  return `${code} (${sqlstate}): ${message}`;
}

export interface ServerOk {
  readonly affectedRows: number;
  readonly status: number;
  readonly warnings: number;
  /** Where the human-readable text begins in the payload. */
  readonly infoAt: number;
}

/** (MySQL Internals, "OK_Packet", with PROTOCOL_41 and without session tracking) @throws PeerFault `bad_message` */
export function decodeOk(payload: Buffer): ServerOk {
  // Small numbers have one byte each.
  if (payload.length >= 7 && (payload[1] ?? 0) < 0xfb && (payload[2] ?? 0) < 0xfb) {
    const status = (payload[3] ?? 0) | ((payload[4] ?? 0) << 8);
    return { affectedRows: payload[1] ?? 0, status, warnings: (payload[5] ?? 0) | ((payload[6] ?? 0) << 8), infoAt: 7 };
  }
  const fields = new Fields(payload, 1);
  const affectedRows = fields.lenenc();
  fields.lenenc();
  const status = fields.int(2);
  const warnings = fields.int(2);
  return { affectedRows, status, warnings, infoAt: fields.at };
}

/** Whether a payload in a result is its EOF. */
export function isEof(payload: Buffer): boolean {
  return payload[0] === EOF && payload.length < EOF_BYTES_MAX;
}

/** The status flags of an EOF: behind its first byte and a count of warnings. @throws PeerFault `bad_message` */
export function decodeEof(payload: Buffer): number {
  // Two of these stand in each result: read without ceremony.
  return payload.length < 5 ? new Fields(payload, 3).int(2) : (payload[3] ?? 0) | ((payload[4] ?? 0) << 8);
}

/** How many warnings an EOF tells of. @throws PeerFault `bad_message` */
export function warningsOf(eof: Buffer): number {
  return new Fields(eof, 1).int(2);
}

/** The name that the client shows. @throws PeerFault `bad_message` */
export function columnName(payload: Buffer): Buffer {
  const fields = new Fields(payload);
  for (let skipped = 0; skipped < 4; skipped++) fields.lenencBytes();
  return fields.lenencBytes();
}

export interface Prepared {
  readonly statement: number;
  readonly columns: number;
  readonly parameters: number;
}

/** (MySQL Internals, "COM_STMT_PREPARE_OK") @throws PeerFault `bad_message` */
export function decodePrepared(payload: Buffer): Prepared {
  const fields = new Fields(payload, 1);
  return { statement: fields.int(4), columns: fields.int(2), parameters: fields.int(2) };
}
