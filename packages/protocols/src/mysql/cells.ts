import type { Denial } from '@hoop/core/action';
import type { HideValue } from '@hoop/core/answer';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import type { Columns } from './columns.ts';
import { PAYLOAD_BYTES_MAX } from './frame.ts';
import { isJson, isJsonDocument, mendJson } from './json.ts';
import { isWide, roomOf } from './messages/column.ts';
import { Fields, lenencBytes, NULL_CELL } from './messages/fields.ts';
import { isNullInBitmap, NULL_BITMAP_OFFSET, setNullInBitmap } from './messages/row.ts';
import { binaryText, readable } from './messages/value.ts';

/** What is to be done with the values of one result. */
export interface CellRules {
  readonly mask: Mask | undefined;
  /** By position. */
  readonly hides: readonly (HideValue | undefined)[] | undefined;
  readonly counts: MaskCounts;
}

/** What stands in place of a value: the value itself, another text, or no value. */
type Visit = (value: Buffer, index: number) => Buffer | null;

/**
 * The rows of one result, value by value. A value that has to be hidden, and whose column has no room for anything else, becomes NULL:
 * programs read a number, a time or JSON there, and must not break on it.
 */
export class Cells {
  readonly #rules: CellRules;
  readonly #columns: Columns;
  readonly #isBinary: boolean;

  constructor(rules: CellRules, columns: Columns, isBinary: boolean) {
    this.#rules = rules;
    this.#columns = columns;
    this.#isBinary = isBinary;
  }

  /**
   * A row's payload as it is shown; the payload itself when nothing in it has to be hidden, or where it was hidden inside of it.
   * @throws PeerFault `bad_message`
   */
  shown(payload: Buffer): Buffer {
    const { hides, mask } = this.#rules;
    const isPlain = !hides && !this.#columns.isOpaque(this.#isBinary);
    if (isPlain && mask?.suspects(payload) !== true) return payload;
    // What came in several packets was put together, and stands somewhere else.
    const isThere = isPlain && !this.#isBinary && payload.length < PAYLOAD_BYTES_MAX;
    if (isThere && mask?.hideIn && this.#hideIn(payload, mask)) return payload;
    return this.#visited(payload, (value, index) => this.#value(value, index));
  }

  /** Why a row must not be shown. @throws PeerFault `bad_message` */
  forbidden(payload: Buffer, forbids: (text: Buffer) => Denial | undefined): Denial | undefined {
    let denial: Denial | undefined;
    this.#visited(payload, (value, index) => {
      denial ??= forbids(value) ?? (this.#hasZeros(value, index) ? forbids(narrowed(value)) : undefined);
      return value;
    });
    return denial;
  }

  #visited(payload: Buffer, visit: Visit): Buffer {
    return this.#isBinary ? this.#binaryRow(payload, visit) : this.#textRow(payload, visit);
  }

  /**
   * Hides values of a row in the text format where they stand, those that have room for any text. False: there is something to be hidden
   * in others, and the row has to be gone through again. (MySQL Internals, "ProtocolText::ResultsetRow")
   */
  #hideIn(payload: Buffer, mask: Mask): boolean {
    const fields = new Fields(payload);
    const { counts } = this.#rules;
    let isDone = true;
    for (let index = 0; fields.left > 0; index++) {
      const start = fields.cellStart();
      if (start < 0) continue;
      const first = payload[start];
      const isText = this.#room(index) === 'text' && first !== OPENING_BRACE && first !== OPENING_BRACKET;
      if (isText) mask.hideIn?.(payload, start, fields.at, counts);
      else if (mask.suspectsIn?.(payload, start, fields.at) !== false) isDone = false;
    }
    return isDone;
  }

  /** (MySQL Internals, "ProtocolText::ResultsetRow") */
  #textRow(payload: Buffer, visit: Visit): Buffer {
    const { shapes } = this.#columns;
    const fields = new Fields(payload);
    const parts: Buffer[] = [];
    let from = 0;
    for (let index = 0; fields.left > 0; index++) {
      const start = fields.at;
      const cell = fields.cell();
      if (cell === null) continue;
      const value = readable(cell, shapes[index]?.type);
      const shown = visit(value, index);
      if (shown === value) continue;
      parts.push(payload.subarray(from, start), shown === null ? NULL : lenencBytes(shown));
      from = fields.at;
    }
    return parts.length === 0 ? payload : Buffer.concat([...parts, payload.subarray(from)]);
  }

  /** (MySQL Internals, "Binary Protocol Resultset Row") */
  #binaryRow(payload: Buffer, visit: Visit): Buffer {
    const { shapes } = this.#columns;
    const fields = new Fields(payload);
    const head = fields.bytes(1 + ((shapes.length + NULL_BITMAP_OFFSET + 7) >>> 3));
    const bitmap = Buffer.from(head.subarray(1));
    const parts: Buffer[] = [];
    let from = head.length;
    shapes.forEach((shape, index) => {
      if (isNullInBitmap(bitmap, index, NULL_BITMAP_OFFSET)) return;
      const start = fields.at;
      const value = binaryText(shape, fields);
      const shown = visit(value, index);
      if (shown === value) return;
      parts.push(payload.subarray(from, start));
      from = fields.at;
      if (shown === null) setNullInBitmap(bitmap, index, NULL_BITMAP_OFFSET);
      else parts.push(lenencBytes(shown));
    });
    return parts.length === 0 ? payload : Buffer.concat([head.subarray(0, 1), bitmap, ...parts, payload.subarray(from)]);
  }

  #value(value: Buffer, index: number): Buffer | null {
    const { mask, hides, counts } = this.#rules;
    const hide = hides?.[index];
    if (hide) {
      const standIn = hide(value, counts);
      return this.#room(index) === 'text' ? standIn : null;
    }
    if (!mask) return value;
    if (this.#hasZeros(value, index)) {
      const letters = narrowed(value);
      if (hidden(letters, mask, counts) !== letters) return null;
    }
    const shown = hidden(value, mask, counts);
    return shown === value || shown === null ? shown : this.#fitting(shown, value, this.#room(index));
  }

  /** Letters of several bytes each: what stands there for one who reads it is not what detectors see. */
  #hasZeros(value: Buffer, index: number): boolean {
    const shape = this.#columns.shapes[index];
    return shape !== undefined && isWide(shape.charset) && value.includes(0);
  }

  #room(index: number): ReturnType<typeof roomOf> {
    const shape = this.#columns.shapes[index];
    return shape && !isWide(shape.charset) ? roomOf(shape) : 'none';
  }

  /** JSON stays JSON, also in a column of texts: that is what MariaDB keeps it in. */
  #fitting(shown: Buffer, value: Buffer, room: ReturnType<typeof roomOf>): Buffer | null {
    if (room === 'none') return null;
    if (room === 'text' && !isJsonDocument(value)) return shown;
    const mended = mendJson(shown);
    if (isJson(mended)) return mended;
    return room === 'json' ? null : shown;
  }
}

/** The value itself when nothing was found. */
export function hidden(value: Buffer, mask: Mask, counts: MaskCounts): Buffer | null {
  if (!mask.suspects(value)) return value;
  return mask.applyToValue ? mask.applyToValue(value, counts) : mask.apply(value, counts);
}

/** A text of wide letters without their zero bytes: letters of ASCII, as detectors know them. */
export function narrowed(text: Buffer): Buffer {
  return Buffer.from(text.filter((byte) => byte !== 0));
}

const NULL = Buffer.from([NULL_CELL]);
/** What JSON begins with that must stay JSON. */
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
