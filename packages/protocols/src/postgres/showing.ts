import type { Denial } from '@hoop/core/action';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { type Owed, undescribedResult } from './books.ts';
import { hideCell, maskCell, textsOf, type Written } from './cells.ts';
import { copyStyleOf } from './copy-style.ts';
import { CopyOut, decodeCopyOut } from './copying.ts';
import { isDenial } from './endings.ts';
import { code, encodeMessage, HEADER_BYTES, int32, messageLength } from './frame.ts';
import { maskMessage } from './masking.ts';
import { decodeError, errorFields } from './messages/error.ts';
import { Fields } from './messages/fields.ts';
import { decodeRowDescription } from './messages/row.ts';
import type { Books } from './requests.ts';
import { Result } from './results.ts';
import { kindOf } from './types.ts';
import { endedWords, hushedWords, UNCLEAR_COPY } from './words.ts';

const DATA_ROW = code('D');
const COPY_DATA = code('d');
const COPY_OUT = code('H');
const ERROR = code('E');
const NOTICE = code('N');
const ROW_DESCRIPTION = code('T');
const FUNCTION_RESULT = code('V');

/** A value that nobody described. */
const UNDESCRIBED: Written = { kind: kindOf(undefined), format: undefined };

/** What becomes of the texts in answers: under rules about an answer, and under a mask. */
export class Showing {
  readonly #books: Books;
  /** As of the chunk at hand: rules may change while a session is open. */
  mask: Mask | undefined;
  #masked: MaskCounts | undefined;
  /** To be counted in as long as nothing was hidden. */
  #spare: MaskCounts = {};

  constructor(books: Books) {
    this.#books = books;
  }

  /** What was hidden since it was last asked. */
  takeCounts(): MaskCounts | undefined {
    const masked = this.#masked;
    this.#masked = undefined;
    return masked;
  }

  /** Whether a row is left out, whatever is in it: of an answer that was ended, or by its number. */
  leavesOut(type: number, first: Owed): boolean {
    if (!first.ended && type === DATA_ROW) this.#ends(first, overLimit(first));
    return first.ended !== undefined;
  }

  /** Whether a row must be looked at, even where the mask suspects nothing in the bytes that came. */
  looksAt(type: number, first: Owed | undefined): boolean {
    if (!first || looksInside(type, first)) return true;
    const { mask } = this;
    if (!mask) return false;
    if (type === DATA_ROW) return resultOf(first).needsLook(mask);
    return type === COPY_DATA ? copyOf(first).isBinary : type === FUNCTION_RESULT;
  }

  /**
   * Masks the row in [at, end) where it stands, and says how many bytes it has now. With `isDone` nothing more is to be done for it.
   * @throws PeerFault `bad_message`
   */
  maskIn(chunk: Buffer, at: number, end: number, first: Owed, mayHaveHex: boolean): number {
    const { mask } = this;
    this.isDone = false;
    if (!mask?.hideIn || first.ended || looksInside(DATA_ROW, first)) return end - at;
    const result = resultOf(first);
    const counts = this.#masked ?? this.#spare;
    const bytes = result.hideIn(chunk, at, end, mask, mayHaveHex, counts);
    if (!this.#masked && !isEmpty(counts)) {
      this.#masked = counts;
      this.#spare = {};
    }
    this.isDone = result.isDone;
    if (this.isDone) countRows(first, 1, end - at);
    return bytes;
  }

  /** Of the row that was masked last. */
  isDone = false;

  /**
   * A message as the client may see it. Where it may see nothing more of this answer, the answer is marked as ended, and it is for the
   * caller to leave out what came. @throws PeerFault `bad_message`
   * @param masking whether the mask suspects something in the bytes that came
   * @param last the action that ended before: what comes late is about it
   */
  shown(type: number, message: Buffer, first: Owed | undefined, masking: boolean, last: Owed | undefined): Buffer {
    const mask = masking || this.looksAt(type, first) ? this.mask : undefined;
    switch (type) {
      case DATA_ROW:
      case COPY_DATA:
        return first && !first.ended ? this.#row(type, message, first, mask) : message;
      case FUNCTION_RESULT:
        return first ? this.#functionResult(message, first, mask) : message;
      case COPY_OUT:
        if (first) this.#copyOut(message, first);
        return message;
      case ROW_DESCRIPTION:
        if (first && first.kind !== 'describe') this.#describe(message, first);
        return this.#masks(type, message, mask);
      case ERROR:
      case NOTICE:
        return this.#words(type, message, first, mask, last);
      default:
        return this.#masks(type, message, mask);
    }
  }

  /** Lets a mask see what it will be applied to. Changes nothing. */
  tryOn(message: Buffer, trial: Mask): void {
    const type = message[0] ?? 0;
    const { first } = this.#books.owed;
    const counts: MaskCounts = {};
    if (type === DATA_ROW) {
      if (first) resultOf(first).shown(message, trial, counts);
    } else if (type === COPY_DATA) {
      if (first) copyOf(first).shown(message, 'row', trial, counts);
    } else if (type === FUNCTION_RESULT) {
      const value = resultValue(message);
      if (value) maskCell(value, UNDESCRIBED, trial, counts);
    } else maskMessage(type, message, trial, counts);
  }

  #copyOut(message: Buffer, first: Owed): void {
    first.copy = copyOutOf(message, first);
    const untyped = first.permit?.answer?.untyped;
    if (!untyped || !first.copy.isBinary) return;
    if (isDenial(untyped)) this.#ends(first, untyped);
    else this.#count({ [untyped.countedAs]: 1 });
  }

  #row(type: number, message: Buffer, first: Owed, mask: Mask | undefined): Buffer {
    const copy = type === COPY_DATA ? copyOf(first) : undefined;
    const result = copy ? undefined : resultOf(first);
    const as = copy?.take(message.subarray(HEADER_BYTES)) ?? 'row';
    const denial = as === 'row' ? overLimit(first) : undefined;
    if (denial) return this.#ended(message, first, denial);
    if (first.permit?.answer?.forbids) {
      const texts = copy ? copy.texts(message.subarray(HEADER_BYTES)) : (result?.texts(message) ?? []);
      const forbids = forbidden(first, texts);
      if (forbids) return this.#ended(message, first, forbids);
    }
    const counts: MaskCounts = {};
    const shown = copy ? copy.shown(message, as, mask, counts) : result?.shown(message, mask, counts);
    if (!shown) return this.#ended(message, first, UNCLEAR_COPY);
    first.rows++;
    first.bytes += message.length;
    if (as === 'row') countShown(first, 1);
    if (shown !== message) this.#count(counts);
    return shown;
  }

  #ended(message: Buffer, first: Owed, denial: Denial): Buffer {
    this.#ends(first, denial);
    return message;
  }

  /** FunctionCallResponse: Int32 length (-1: null), then the value. It is a row of one column. */
  #functionResult(message: Buffer, first: Owed, mask: Mask | undefined): Buffer {
    const value = resultValue(message);
    const denial = overLimit(first) ?? (value && forbidden(first, textsOf(value, UNDESCRIBED)));
    if (this.#ends(first, denial) || !value) return message;
    countShown(first, 1);
    const counts: MaskCounts = {};
    const hide = first.permit?.answer?.hides?.(1)?.[0];
    const shown = hide ? hideCell(value, UNDESCRIBED, hide, counts) : mask ? maskCell(value, UNDESCRIBED, mask, counts) : value;
    this.#count(counts);
    if (shown === value) return message;
    return shown ? encodeMessage('V', int32(shown.length), shown) : encodeMessage('V', int32(-1));
  }

  #describe(message: Buffer, first: Owed): void {
    const answer = first.permit?.answer;
    first.result = undefined;
    if (!answer && !this.mask) return;
    const columns = decodeRowDescription(message.subarray(HEADER_BYTES));
    first.result = new Result(columns, 'described', answer?.hides);
    this.#ends(
      first,
      forbidden(
        first,
        columns.map(({ name }) => Buffer.from(name)),
      ),
    );
  }

  /** Errors and notices. */
  #words(type: number, message: Buffer, first: Owed | undefined, mask: Mask | undefined, last: Owed | undefined): Buffer {
    const about = this.#about(first, last);
    const answer = about?.permit?.answer;
    if (about && answer?.forbids) {
      const values = errorFields(message.subarray(HEADER_BYTES)).map(({ value }) => value);
      const denial = forbidden(about, values);
      if (this.#ends(about, denial) && denial) return type === NOTICE ? EMPTY : unsaid(message, denial);
    }
    return answer?.hushes ? hushed(type, message) : this.#masks(type, message, mask);
  }

  /** A Bind, a Parse and a Sync have no permit of their own: what is said at their time is about the action that they belong to. */
  #about(first: Owed | undefined, last: Owed | undefined): Owed | undefined {
    if (!first || first.permit) return first;
    return first.kind === 'sync' ? last : this.#books.owed.find(({ permit }) => permit !== undefined);
  }

  #masks(type: number, message: Buffer, mask: Mask | undefined): Buffer {
    if (!mask) return message;
    const counts: MaskCounts = {};
    const masked = maskMessage(type, message, mask, counts);
    this.#count(counts);
    return masked;
  }

  #ends(first: Owed, denial: Denial | undefined): boolean {
    if (denial && !first.ended) this.#books.endings.end(first, denial);
    return denial !== undefined;
  }

  #count(counts: MaskCounts): void {
    for (const [entity, count] of Object.entries(counts)) {
      this.#masked ??= {};
      this.#masked[entity] = (this.#masked[entity] ?? 0) + count;
    }
  }
}

const EMPTY = Buffer.alloc(0);

function isEmpty(counts: MaskCounts): boolean {
  for (const _ in counts) return false;
  return true;
}

function overLimit(first: Owed): Denial | undefined {
  const rows = first.permit?.answer?.rows;
  return rows && (first.cursor ?? first.portal ?? first).shown >= rows.max ? rows.denial : undefined;
}

function countShown(first: Owed, rows: number): void {
  first.shown += rows;
  if (first.portal) first.portal.shown += rows;
  if (first.cursor) first.cursor.shown += rows;
}

/** Rows go to the client. */
export function countRows(first: Owed, rows: number, bytes: number): void {
  first.rows += rows;
  first.bytes += bytes;
  countShown(first, rows);
}

/** Whether rules about an answer are about more than the number of its rows. What is copied out has lines that are no rows. */
export function looksInside(type: number, { permit }: Owed): boolean {
  const answer = permit?.answer;
  return answer !== undefined && (type !== DATA_ROW || answer.forbids !== undefined || answer.hides !== undefined);
}

function forbidden(first: Owed, texts: Iterable<Buffer>): Denial | undefined {
  const forbids = first.permit?.answer?.forbids;
  if (!forbids) return undefined;
  for (const text of texts) {
    const denial = forbids(text);
    if (denial) return denial;
  }
  return undefined;
}

function resultOf(first: Owed): Result {
  first.result ??= undescribedResult(first);
  return first.result;
}

/** The answer told of a copy before there was anything to look for in it. */
function copyOf(first: Owed): CopyOut {
  first.copy ??= new CopyOut({ isBinary: true, columns: -1 }, undefined, undefined);
  return first.copy;
}

function copyOutOf(message: Buffer, { permit }: Owed): CopyOut {
  const head = decodeCopyOut(message.subarray(HEADER_BYTES));
  const { answer, action } = permit ?? {};
  return new CopyOut(head, answer && action ? copyStyleOf(action.text) : undefined, answer?.hides?.(head.columns));
}

function resultValue(message: Buffer): Buffer | undefined {
  const fields = new Fields(message.subarray(HEADER_BYTES));
  return fields.int32() < 0 ? undefined : fields.rest();
}

/** Classes of SQLSTATE whose words are about transactions, statements that were prepared, resources and locks. */
const PLAIN_CLASSES = new Set(['25', '26', '53', '55', '57']);
/** Classes about names, syntax and rights: of the statement where they say at which place in it, but `email::regclass` fails with them too. */
const NAMING_CLASSES = new Set(['0A', '28', '34', '3D', '3F', '42']);
/** It names what stands in the statement, and never says where. */
const NO_RIGHT = '42501';

/** Where something that a function ran is behind an error, as its context tells, its words may be about anything. */
function hushed(type: number, message: Buffer): Buffer {
  const body = message.subarray(HEADER_BYTES);
  const { severity, sqlstate } = decodeError(body);
  const fields = errorFields(body);
  const has = (field: string): boolean => fields.some(({ name }) => name === field);
  const [kind, isPlaced] = [sqlstate.slice(0, 2), has('P')];
  const isPlain = PLAIN_CLASSES.has(kind) || sqlstate === NO_RIGHT || (NAMING_CLASSES.has(kind) && isPlaced);
  return isPlain && !has('W') ? message : hushedWords(severity, sqlstate, type === ERROR ? 'E' : 'N');
}

/** An error that says what is forbidden. */
function unsaid(message: Buffer, denial: Denial): Buffer {
  const { severity, sqlstate } = decodeError(message.subarray(HEADER_BYTES));
  return severity === 'ERROR' ? endedWords(denial, 'failed') : hushedWords(severity, sqlstate, 'E');
}

/** The whole messages of a run of bytes. */
export function* messagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + messageLength(bytes, at) + 1;
    if (end > bytes.length) return;
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** Where the rows end that are all of one result, with what comes behind them and is none. What has not come whole belongs to it. */
export function stretchEnd(bytes: Buffer, start: number): number {
  let at = start;
  let isBehind = false;
  for (const message of messagesIn(bytes.subarray(start))) {
    const isRow = message[0] === DATA_ROW || message[0] === COPY_DATA;
    if (isRow && isBehind) return at;
    isBehind ||= !isRow;
    at += message.length;
  }
  return bytes.length;
}
