import type { HideValue } from '@hoop/core/answer';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { maskCell, textsOf, type Written } from './cells.ts';
import type { CopyStyle } from './copy-style.ts';
import { encodeMessage, HEADER_BYTES, int16, int32 } from './frame.ts';
import { Fields } from './messages/fields.ts';
import { maskHex } from './texts.ts';
import { kindOf } from './types.ts';

/** Of copied values nobody says the types. */
const FIELD: Written = { kind: kindOf(undefined), format: 'binary' };

/** CopyOutResponse: Int8 format (0 text, 1 binary), Int16 columns, Int16 format of each. (PostgreSQL 17, section 54.7) */
interface CopyHead {
  readonly isBinary: boolean;
  readonly columns: number;
}

/** @throws PeerFault `bad_message` */
export function decodeCopyOut(body: Buffer): CopyHead {
  const fields = new Fields(body);
  const isBinary = fields.byte() === 1;
  return { isBinary, columns: fields.int16() };
}

type Hidden = readonly (HideValue | undefined)[] | undefined;

/** A row, the line with the names of columns, or the end of the binary format. */
export type CopiedAs = 'row' | 'names' | 'end';

/** What is copied out, a row a message: as servers have sent it since there is this protocol. */
export class CopyOut {
  readonly #head: CopyHead;
  readonly #style: CopyStyle | undefined;
  readonly #hidden: Hidden;
  #isFirst = true;

  /** @param style as the statement asks for it; undefined when that cannot be told */
  constructor(head: CopyHead, style: CopyStyle | undefined, hidden: Hidden) {
    this.#head = head;
    this.#style = style;
    this.#hidden = hidden?.some((hide) => hide) ? hidden : undefined;
  }

  get isBinary(): boolean {
    return this.#head.isBinary;
  }

  /** What a message is. Asked once for each. */
  take(body: Buffer): CopiedAs {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (this.#head.isBinary) return body.length === 2 || (isFirst && body.length === COPY_HEAD_BYTES + 2) ? 'end' : 'row';
    return isFirst && this.#style?.hasNames ? 'names' : 'row';
  }

  /** What a row says. */
  *texts(body: Buffer): Generator<Buffer> {
    const tuple = this.#head.isBinary ? binaryTuple(body) : undefined;
    if (tuple) {
      for (const value of tuple.values) if (value) yield* textsOf(value, FIELD);
      return;
    }
    yield* textsOf(body, { ...FIELD, format: 'text' });
    const fields = this.#head.isBinary ? undefined : this.#fieldsOf(body);
    for (const field of fields ?? []) {
      const value = fieldValue(field, this.#style);
      if (value) yield value;
    }
  }

  /** A row as it is shown; the message itself when nothing in it is hidden. Undefined: what is to be hidden cannot be told from the rest. */
  shown(message: Buffer, as: CopiedAs, mask: Mask | undefined, counts: MaskCounts): Buffer | undefined {
    const body = message.subarray(HEADER_BYTES);
    if (as === 'end') return message;
    if (this.#head.isBinary) return this.#binaryShown(message, body, mask, counts);
    return this.#textShown(message, body, as === 'row' ? this.#hidden : undefined, mask, counts);
  }

  #textShown(message: Buffer, body: Buffer, hidden: Hidden, mask: Mask | undefined, counts: MaskCounts): Buffer | undefined {
    let line = body;
    if (hidden) {
      const style = this.#style;
      const fields = this.#fieldsOf(body);
      if (!style || fields?.length !== this.#head.columns) return undefined;
      const parts = fields.map((field, index) => {
        const hide = hidden[index];
        const value = hide && fieldValue(field, style);
        return value && hide ? fieldText(hide(value, counts), style) : field;
      });
      line = Buffer.from(`${parts.join(style.delimiter)}${lineEnd(body)}`, 'latin1');
    }
    if (mask) {
      line = maskHex(line, mask, counts);
      line = mask.apply(line, counts);
    }
    return line === body ? message : encodeMessage('d', line);
  }

  #binaryShown(message: Buffer, body: Buffer, mask: Mask | undefined, counts: MaskCounts): Buffer | undefined {
    const tuple = binaryTuple(body);
    if (!tuple) {
      if (this.#hidden) return undefined;
      const masked = mask?.apply(body, counts) ?? body;
      return masked === body ? message : encodeMessage('d', masked);
    }
    if (this.#hidden && tuple.values.length !== this.#head.columns) return undefined;
    let changed = false;
    const values = tuple.values.map((value, index) => {
      if (!value) return value;
      const hide = this.#hidden?.[index];
      if (hide) hide(value, counts);
      const shown = hide ? null : mask ? maskCell(value, FIELD, mask, counts) : value;
      changed ||= shown !== value;
      return shown;
    });
    if (!changed) return message;
    const parts = values.flatMap((value) => (value ? [int32(value.length), value] : [int32(-1)]));
    return encodeMessage('d', tuple.head, int16(values.length), ...parts, tuple.rest);
  }

  #fieldsOf(body: Buffer): string[] | undefined {
    return this.#style && fieldsOf(body.toString('latin1').slice(0, -lineEnd(body).length || undefined), this.#style);
  }
}

/** Signature, flags and the length of an extension, in front of the first row. (PostgreSQL 17, COPY, "Binary Format") */
const COPY_HEAD_BYTES = 19;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

interface Tuple {
  readonly head: Buffer;
  readonly values: readonly (Buffer | null)[];
  readonly rest: Buffer;
}

/** Int16 columns; Int32 length (-1: null) and bytes of each. Undefined: it is none. */
function binaryTuple(body: Buffer): Tuple | undefined {
  let at = 0;
  if (body.length >= COPY_HEAD_BYTES && body.subarray(0, SIGNATURE.length).equals(SIGNATURE))
    at = COPY_HEAD_BYTES + body.readInt32BE(COPY_HEAD_BYTES - 4);
  if (at < 0 || at + 2 > body.length) return undefined;
  const head = body.subarray(0, at);
  const count = body.readInt16BE(at);
  at += 2;
  const values: (Buffer | null)[] = [];
  for (let left = count; left > 0; left--) {
    if (at + 4 > body.length) return undefined;
    const length = body.readInt32BE(at);
    at += 4;
    if (length < -1 || at + Math.max(length, 0) > body.length) return undefined;
    values.push(length < 0 ? null : body.subarray(at, at + length));
    at += Math.max(length, 0);
  }
  const rest = body.subarray(at);
  return count < 0 || rest.length > 0 ? undefined : { head, values, rest };
}

function lineEnd(body: Buffer): string {
  if (body.at(-1) !== 0x0a) return '';
  return body.at(-2) === 0x0d ? '\r\n' : '\n';
}

/** The fields of a line as they are written. Undefined: a quote has no end. */
function fieldsOf(line: string, { isCsv, delimiter, quote, escaper }: CopyStyle): string[] | undefined {
  const fields: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const sign = line[at];
    if (isCsv && isQuoted && sign === escaper && escaper !== quote && (line[at + 1] === quote || line[at + 1] === escaper)) at++;
    else if (isCsv && sign === quote) isQuoted = !isQuoted;
    else if (!isCsv && sign === '\\') at++;
    else if (!isQuoted && sign === delimiter) {
      fields.push(line.slice(from, at));
      from = at + 1;
    }
  }
  fields.push(line.slice(from));
  return isQuoted ? undefined : fields;
}

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** What a field stands for; undefined: no value. */
function fieldValue(field: string, style: CopyStyle | undefined): Buffer | undefined {
  if (!style || field === style.nothing) return undefined;
  const { isCsv, quote, escaper } = style;
  if (!isCsv)
    return Buffer.from(
      field.replace(/\\(.)/gs, (_, sign: string) => ESCAPED[sign] ?? sign),
      'latin1',
    );
  let value = '';
  for (let at = 0; at < field.length; at++) {
    if (field[at] === escaper && (field[at + 1] === quote || field[at + 1] === escaper)) value += field[++at];
    else if (field[at] !== quote) value += field[at];
  }
  return Buffer.from(value, 'latin1');
}

/** How a value is written; null: no value. */
function fieldText(value: Buffer | null, { isCsv, delimiter, quote, escaper, nothing }: CopyStyle): string {
  if (!value) return nothing;
  const text = value.toString('latin1');
  if (!isCsv) {
    const escaped = text.replace(/[\\\b\f\n\r\t\v]/g, (sign) => `\\${Object.entries(ESCAPED).find(([, of]) => of === sign)?.[0] ?? sign}`);
    return delimiter === '\t' ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`);
  }
  const isPlain = text !== nothing && text !== '\\.' && ![delimiter, quote, '\n', '\r'].some((sign) => text.includes(sign));
  return isPlain
    ? text
    : `${quote}${[...text].map((sign) => (sign === quote || sign === escaper ? escaper + sign : sign)).join('')}${quote}`;
}
