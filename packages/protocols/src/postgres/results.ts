import type { AnswerRules, HideValue } from '@hoop/core/answer';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { hideCell, hideCellIn, maskCell, needsLook, textsOf, type Written } from './cells.ts';
import { HEADER_BYTES } from './frame.ts';
import { type Column, DataRow, decodeDataRow, encodeDataRow, Nulls } from './messages/row.ts';
import { kindOf } from './types.ts';

const UNKNOWN: Written = { kind: kindOf(undefined), format: undefined };

/** The rows of one result: how they are written, and what is hidden of them. */
export class Result {
  readonly #columns: readonly Column[] | undefined;
  readonly #written: readonly Written[];
  readonly #hides: AnswerRules['hides'];
  #hidden: readonly (HideValue | undefined)[] | undefined | 'unasked' = 'unasked';
  #mask: Mask | undefined;
  #needsLook = false;

  /**
   * @param columns as described; undefined where nobody asked for that
   * @param formats of the columns: as described, or as they were asked for, which is none (text), one for all, or one each; undefined: any
   */
  constructor(columns: readonly Column[] | undefined, formats: readonly number[] | 'described' | undefined, hides?: AnswerRules['hides']) {
    this.#columns = columns;
    this.#hides = hides;
    this.#written = (columns ?? []).map(({ type, format }, index) => ({
      kind: kindOf(type),
      format: formatNamed(formats === 'described' ? format : formatOf(formats, index)),
    }));
    const isUniform = formats !== undefined && formats !== 'described' && formats.every((format) => format === formats[0]);
    if (!columns && isUniform) this.#all = { ...UNKNOWN, format: formatNamed(formatOf(formats, 0)) };
  }

  /** How columns are written that nobody described. */
  #all: Written = UNKNOWN;

  /** Whether rows of it must be looked at one by one, whatever a mask suspects. */
  needsLook(mask: Mask | undefined): boolean {
    if (this.#hides && this.#hidden !== undefined) return true;
    if (mask !== this.#mask) {
      this.#mask = mask;
      this.#needsLook = mask !== undefined && (this.#columns ? this.#written : [this.#all]).some((written) => needsLook(written, mask));
    }
    return this.#needsLook;
  }

  /** What a row says, value by value. @throws PeerFault `bad_message` */
  *texts(message: Buffer): Generator<Buffer> {
    const cells = decodeDataRow(message.subarray(HEADER_BYTES));
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index];
      if (cell) yield* textsOf(cell, this.#writtenAt(index, cells.length));
    }
  }

  /** The row as it is shown; the message itself when nothing in it is hidden. @throws PeerFault `bad_message` */
  shown(message: Buffer, mask: Mask | undefined, counts: MaskCounts): Buffer {
    const row = new DataRow(message);
    const hidden = this.#hiddenOf(row.count);
    let cells: (Buffer | null)[] | undefined;
    for (let index = 0; index < row.count; index++) {
      const cell = row.next();
      if (!cell) continue;
      const written = this.#writtenAt(index, row.count);
      const hide = hidden?.[index];
      const shown = hide ? hideCell(cell, written, hide, counts) : mask ? maskCell(cell, written, mask, counts) : cell;
      if (shown === cell) continue;
      cells ??= decodeDataRow(message.subarray(HEADER_BYTES));
      cells[index] = shown;
    }
    row.end();
    return cells ? encodeDataRow(cells) : message;
  }

  /**
   * Hides cells of the row in [at, end) where they stand, and says how many bytes it has now. Where something is left that cannot be
   * hidden in this way, `isDone` is false, and `shown` goes on from there. @throws PeerFault `bad_message`
   */
  hideIn(chunk: Buffer, at: number, end: number, mask: Mask, mayHaveHex: boolean, counts: MaskCounts): number {
    const row = new DataRow(chunk, at, end);
    this.isDone = !this.#hiddenOf(row.count);
    if (!this.isDone) return end - at;
    let nulls: Nulls | undefined;
    for (let index = 0; index < row.count; index++) {
      if (!row.step()) continue;
      const outcome = hideCellIn(chunk, row, this.#writtenAt(index, row.count), mask, mayHaveHex, counts);
      if (outcome === 'left') this.isDone = false;
      else if (outcome === 'null') {
        nulls ??= new Nulls(chunk, at);
        nulls.add(row.from, row.to);
      }
    }
    row.end();
    return nulls ? nulls.end(end) : end - at;
  }

  isDone = false;

  #writtenAt(index: number, count: number): Written {
    return (count === this.#written.length ? this.#written[index] : undefined) ?? this.#all;
  }

  #hiddenOf(count: number): readonly (HideValue | undefined)[] | undefined {
    if (this.#hidden === 'unasked') {
      const described = this.#columns?.length === count ? this.#columns.map(({ name }) => ({ name })) : count;
      this.#hidden = this.#hides?.(described);
    }
    return this.#hidden;
  }
}

function formatOf(formats: readonly number[] | undefined, index: number): number | undefined {
  return formats && (formats.length > 1 ? formats[index] : (formats[0] ?? 0));
}

function formatNamed(format: number | undefined): Written['format'] {
  return format === 0 ? 'text' : format === 1 ? 'binary' : undefined;
}
