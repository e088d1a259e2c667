import type { Hello } from '@hoop/core/protocol';
import { OWN_CAPABILITIES } from './messages/capabilities.ts';
import { lenencBytes } from './messages/fields.ts';
import type { Response } from './messages/handshake.ts';

/** What of a client's start the target is to have too, and where in the conversation the client is. */
export interface Start {
  readonly capabilities: number;
  readonly charset: number;
  readonly packet_bytes_max: number;
  readonly attributes: Buffer | undefined;
  /** The sequence number that the client expects next. */
  readonly sequence: number;
}

/** utf8mb4_general_ci: every server has it. */
export const UTF8MB4 = 45;
const PACKET_BYTES_MAX = 0x1000000;

/** As plain texts, for the options of a hello. */
export function optionsOf(response: Response, capabilities: number, sequence: number): Record<string, string> {
  return {
    capabilities: String(capabilities),
    charset: String(response.charset),
    packet_bytes_max: String(response.packet_bytes_max),
    sequence: String(sequence),
    ...(response.attributes ? { attributes: response.attributes.toString('base64') } : {}),
  };
}

/** The other way round. A client of our own brings nothing but the name of its program. */
export function startOf({ options = {} }: Hello): Start {
  const program = options.application_name;
  const own = program === undefined ? undefined : attribute('program_name', program);
  return {
    capabilities: number(options.capabilities, OWN_CAPABILITIES),
    charset: number(options.charset, UTF8MB4) & 0xff,
    packet_bytes_max: number(options.packet_bytes_max, PACKET_BYTES_MAX),
    attributes: options.attributes === undefined ? own : Buffer.from(options.attributes, 'base64'),
    sequence: number(options.sequence, 0) & 0xff,
  };
}

/** Character sets in which a letter may end with the byte of a quote or a backslash, by the numbers of their collations. */
const AMBIGUOUS: ReadonlyMap<number, string> = new Map([
  ...[1, 84].map((id) => [id, 'big5'] as const),
  ...[13, 88].map((id) => [id, 'sjis'] as const),
  ...[28, 87].map((id) => [id, 'gbk'] as const),
  ...[95, 96].map((id) => [id, 'cp932'] as const),
  ...[248, 249, 250].map((id) => [id, 'gb18030'] as const),
]);

/** What of the start decides how statements are read, as a statement that does the same. */
export function startedWith({ charset }: Start): readonly string[] {
  const name = AMBIGUOUS.get(charset);
  return name === undefined ? [] : [`SET NAMES ${name}`];
}

function number(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) >>> 0 : otherwise;
}

function attribute(name: string, value: string): Buffer {
  return Buffer.concat([lenencBytes(Buffer.from(name)), lenencBytes(Buffer.from(value))]);
}
