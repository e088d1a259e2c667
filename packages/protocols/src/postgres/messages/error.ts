import { encodeMessage } from '../frame.ts';
import { Fields } from './fields.ts';

/** Fields of ErrorResponse and NoticeResponse that are read or written here. (PostgreSQL 17, section 54.8) */
export interface ErrorFields {
  readonly severity: 'ERROR' | 'FATAL' | 'PANIC' | 'WARNING' | 'NOTICE' | string;
  /** SQLSTATE, five characters. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The routine that reported it: `hoop` marks our own words. */
  readonly routine?: string;
}

export function encodeError(error: ErrorFields, type: 'E' | 'N' = 'E'): Buffer {
  const fields: [string, string | undefined][] = [
    ['S', error.severity],
    ['V', error.severity],
    ['C', error.sqlstate],
    ['M', error.message],
    ['D', error.detail],
    ['H', error.hint],
    ['R', error.routine],
  ];
  const parts = fields.flatMap(([name, value]) => (value === undefined ? [] : [Buffer.from(`${name}${value.replaceAll('\0', ' ')}\0`)]));
  return encodeMessage(type, ...parts, Buffer.alloc(1));
}

/** @throws PeerFault `bad_message` */
export function decodeError(body: Buffer): ErrorFields {
  const found = new Map<string, string>();
  for (const { name, value } of errorFields(body)) found.set(name, value.toString('utf8'));
  return {
    severity: found.get('V') ?? found.get('S') ?? 'ERROR',
    sqlstate: found.get('C') ?? 'XX000',
    message: found.get('M') ?? '',
    ...optional('detail', found.get('D')),
    ...optional('hint', found.get('H')),
    ...optional('routine', found.get('R')),
  };
}

/** The raw fields, for rewriting. @throws PeerFault `bad_message` */
export function errorFields(body: Buffer): { name: string; value: Buffer }[] {
  const fields = new Fields(body);
  const found: { name: string; value: Buffer }[] = [];
  for (let type = fields.byte(); type !== 0; type = fields.byte()) {
    found.push({ name: String.fromCharCode(type), value: Buffer.from(fields.cstring(), 'utf8') });
  }
  fields.end();
  return found;
}

function optional<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<K, string>>);
}
