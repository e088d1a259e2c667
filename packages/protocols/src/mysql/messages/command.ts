import { PeerFault } from '@hoop/core/errors';
import { encodePacket } from '../frame.ts';
import { Fields } from './fields.ts';

/** First bytes of what a client sends. (MySQL Internals, "Command Phase") */
export const COMMAND = {
  quit: 0x01,
  initDatabase: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDatabase: 0x05,
  dropDatabase: 0x06,
  refresh: 0x07,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  ping: 0x0e,
  changeUser: 0x11,
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  close: 0x19,
  reset: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  resetConnection: 0x1f,
} as const;

/** Names of commands that are not passed on, for the client to read. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x08, 'COM_SHUTDOWN'],
  [0x0b, 'COM_CONNECT'],
  [0x0d, 'COM_DEBUG'],
  [0x12, 'COM_BINLOG_DUMP'],
  [0x13, 'COM_TABLE_DUMP'],
  [0x15, 'COM_REGISTER_SLAVE'],
  [0x1d, 'COM_DAEMON'],
  [0x1e, 'COM_BINLOG_DUMP_GTID'],
  [0x20, 'COM_CLONE'],
]);

export function refusedName(command: number): string {
  return REFUSED.get(command) ?? `Command ${command}`;
}

/** A command that asks for what this text says. */
export function encodeQuery(text: string): Buffer {
  return encodePacket(0, Buffer.from([COMMAND.query]), Buffer.from(text));
}

/** The text behind the command byte. */
export function decodeText(payload: Buffer): string {
  return payload.toString('utf8', 1);
}

/** The number of the prepared statement behind the command byte. @throws PeerFault `bad_message` */
export function decodeStatement(payload: Buffer): number {
  return new Fields(payload, 1).int(4);
}

export interface UserChange {
  readonly user: string;
  /** Empty for none. */
  readonly database: string;
  /** The method of the proof; empty where the client names none. */
  readonly plugin: string;
  readonly proof: Buffer;
}

/** Whose session it is to be, and where. (MySQL Internals, "COM_CHANGE_USER") @throws PeerFault `bad_message` */
export function decodeUserChange(payload: Buffer): UserChange {
  const fields = new Fields(payload, 1);
  const user = fields.zeroEnded();
  const proof = fields.bytes(fields.int(1));
  const database = fields.zeroOrEnd();
  if (fields.left <= CHARSET_BYTES) return { user, database, plugin: '', proof };
  fields.bytes(CHARSET_BYTES);
  return { user, database, plugin: fields.zeroOrEnd(), proof };
}

const CHARSET_BYTES = 2;

/** A database by its name, as SQL has it. */
export function quotedName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** What COM_FIELD_LIST asks for, as SQL has it. @throws PeerFault `bad_message` */
export function fieldListText(payload: Buffer): string {
  const fields = new Fields(payload, 1);
  const table = fields.zeroOrEnd();
  const wildcard = fields.rest().toString('utf8');
  return `SHOW COLUMNS FROM ${quotedName(table)}${wildcard === '' ? '' : ` LIKE ${JSON.stringify(wildcard)}`}`;
}

const FLUSHED = ['PRIVILEGES', 'LOGS', 'TABLES', 'HOSTS', 'STATUS', 'THREADS', 'REPLICA', 'MASTER'];

/** What COM_REFRESH asks for, as SQL has it. @throws PeerFault `bad_message` */
export function refreshText(payload: Buffer): string {
  const bits = payload[1];
  if (bits === undefined) throw new PeerFault('bad_message', 'A packet has less in it than it says');
  return `FLUSH ${FLUSHED.filter((_, bit) => bits & (1 << bit)).join(', ')}`;
}

export interface LongData {
  readonly statement: number;
  readonly parameter: number;
}

/** Command, statement, parameter: what stands in front of the data. */
export const LONG_DATA_HEAD_BYTES = 7;

/** @throws PeerFault `bad_message` */
export function decodeLongData(payload: Buffer): LongData {
  const fields = new Fields(payload, 1);
  return { statement: fields.int(4), parameter: fields.int(2) };
}

/** True for a text that may ask the client for a file: only then a server may want one. */
export function asksForFile(text: string): boolean {
  return /\blocal\b/i.test(text) && /\binfile\b/i.test(text);
}

/** True when the file is one that the text names: a server that wants another one is not to have it. */
export function namesFile(text: string, file: string): boolean {
  const plain = (value: string): string => value.replaceAll(/\\(.)/gs, '$1').replaceAll(/(['"])\1/g, '$1');
  return text.includes(file) || plain(text).includes(file) || plain(text).includes(plain(file));
}
