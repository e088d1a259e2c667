import { join } from '@hoop/core/bytes';
import { TargetFault } from '@hoop/core/errors';
import type { Gate, Mask } from '@hoop/core/gate';
import type { RelayPorts } from '@hoop/core/protocol';
import { Held } from '../shared/held.ts';
import { preparing } from '../shared/preparing.ts';
import { both } from '../shared/step.ts';
import type { Named, Owed } from './books.ts';
import { mayHoldHex } from './cells.ts';
import { FLUSH_MESSAGE } from './endings.ts';
import { code, encodeMessage, HEADER_BYTES, messageLength } from './frame.ts';
import { HELD_BYTES_MAX } from './limits.ts';
import { decodeError } from './messages/error.ts';
import { decodeTag, rowsOfTag } from './messages/row.ts';
import type { Books } from './requests.ts';
import { countRows, looksInside, messagesIn, Showing, stretchEnd } from './showing.ts';
import { endedText, endedWords } from './words.ts';

const DATA_ROW = code('D');
const COPY_DATA = code('d');
const ERROR = code('E');
const NOTICE = code('N');
const NOTIFICATION = code('A');
const READY = code('Z');
const COMMAND_COMPLETE = code('C');
const EMPTY_QUERY = code('I');
const PORTAL_SUSPENDED = code('s');
const PARSE_COMPLETE = code('1');
const BIND_COMPLETE = code('2');
const CLOSE_COMPLETE = code('3');
const NO_DATA = code('n');
const ROW_DESCRIPTION = code('T');
const PARAMETER_DESCRIPTION = code('t');
const COPY_IN = code('G');
const COPY_OUT = code('H');
const COPY_DONE = code('c');
const FUNCTION_RESULT = code('V');
const PARAMETER_STATUS = code('S');

/** Of a ready: no transaction is open. */
const IDLE = code('I');
const IN_TRANSACTION = code('T');

/** What the tags begin with that say something of names: DEALLOCATE, DISCARD, DECLARE; CLOSE. */
const D = code('D');
const C = code('C');

/** Ends the words of an answer that is not shown any more. */
const DROPPED = Buffer.alloc(0);

/**
 * Target to client. Walks headers, keeps the books of owed answers, and decodes a message only where somebody asked for it:
 * without masks and rules about answers, rows are counted by their headers and pass in one run.
 */
export class Answers {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #showing: Showing;
  readonly #ports: RelayPorts;
  readonly #held = new Held();
  /** Bytes of a row that are still to pass, or to be dropped. */
  #passing = 0;
  #dropping = 0;
  /** What of the chunk at hand was sent to the target, so that it fails. */
  #failing: void | Promise<void> = undefined;
  /** Rows of the first owed answer when its newest tag came: a query of several statements has a tag for each. */
  #rowsAtTag = 0;
  /** The newest action that was settled: an error at the Sync (a deferred constraint) belongs to it. */
  #last: Owed | undefined;

  constructor(ports: RelayPorts, books: Books) {
    this.#gate = ports.gate;
    this.#ports = ports;
    this.#books = books;
    this.#showing = new Showing(books);
  }

  /** What the server ended the session with; the client has heard it. */
  lastWord: TargetFault | undefined;

  /** False while the client has got only a part of a message: nothing may be said in between. */
  get atBoundary(): boolean {
    return this.#passing === 0;
  }

  /** @throws TargetFault on what a PostgreSQL server does not say */
  feed(chunk: Buffer): void | Promise<void> {
    const whole = this.#held.take(chunk);
    return whole && this.#take(whole);
  }

  #take(chunk: Buffer): void | Promise<void> {
    const { mask } = this.#gate;
    this.#showing.mask = mask;
    return mask?.prepare ? this.#takePrepared(chunk, mask) : this.#run(chunk);
  }

  /** Somebody else is asked about texts: about all that come before what they are may change, at once. */
  async #takePrepared(chunk: Buffer, mask: Mask): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const start = Math.min(at + this.#passing + this.#dropping, chunk.length);
      const end = stretchEnd(chunk, start);
      await preparing(mask, (trial) => {
        for (const message of messagesIn(chunk.subarray(start, end))) this.#showing.tryOn(message, trial);
      });
      await this.#run(chunk.subarray(at, end));
      at = end;
    }
  }

  #run(chunk: Buffer): void | Promise<void> {
    const parts: Buffer[] = [];
    const { mask } = this.#showing;
    const mayHaveHex = mask !== undefined && mayHoldHex(chunk);
    const masking = mask !== undefined && (mayHaveHex || mask.suspects(chunk));
    const { owed, endings } = this.#books;
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, chunk.length - at);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      if (this.#dropping > 0) {
        if (at > from) parts.push(chunk.subarray(from, at));
        const taken = Math.min(this.#dropping, chunk.length - at);
        this.#dropping -= taken;
        at += taken;
        from = at;
        continue;
      }
      const left = chunk.length - at;
      if (left < HEADER_BYTES) break;
      const type = chunk[at] ?? 0;
      const total = messageLength(chunk, at) + 1;
      if (type === DATA_ROW || type === COPY_DATA) {
        const { first } = owed;
        if (!first) throw unexpected(type);
        const isRuled = first.permit?.answer !== undefined;
        if (isRuled && this.#showing.leavesOut(type, first)) {
          this.#dropping = total;
          continue;
        }
        if (left < total && (mask || (isRuled && looksInside(type, first)))) break;
        if (!masking && ((!mask && !isRuled) || !this.#showing.looksAt(type, first))) {
          this.#passing = total;
          // What goes for this row goes for those behind it, too, but for a limit of rows.
          const rows = isRuled ? 1 : this.#addRows(chunk, at, type, mask !== undefined);
          countRows(first, rows, this.#passing);
          continue;
        }
      } else if (left < total) break;
      const isRow = masking && type === DATA_ROW;
      const size = isRow ? this.#maskIn(chunk, at, total, mayHaveHex) : total;
      const instead = isRow && this.#showing.isDone ? undefined : this.#look(type, chunk, at, size, masking);
      if (instead || size < total) {
        const end = instead ? at : at + size;
        if (end > from) parts.push(chunk.subarray(from, end));
        if (instead && instead.length > 0) parts.push(instead);
        from = at + total;
      }
      at += total;
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at));
    endings.look();
    if (at > 0 && from === 0 && at === chunk.length && parts.length === 0 && !this.#failing) return this.#ports.toClient(chunk);
    if (at > from) parts.push(chunk.subarray(from, at));
    const sent = both(parts.length > 0 ? this.#ports.toClient(join(parts)) : undefined, this.#failing);
    this.#failing = undefined;
    return sent;
  }

  /** Masks a row where it stands, as far as that can be. Says how many bytes it has now. */
  #maskIn(chunk: Buffer, at: number, total: number, mayHaveHex: boolean): number {
    this.#dropCopyEnds();
    const { first } = this.#books.owed;
    if (!first) throw unexpected(DATA_ROW);
    return this.#showing.maskIn(chunk, at, at + total, first, mayHaveHex);
  }

  /** Has the rows pass too that stand behind the one at `at`; returns how many there are with it. */
  #addRows(chunk: Buffer, at: number, type: number, mustBeWhole: boolean): number {
    let rows = 1;
    let end = at + this.#passing;
    while (end + HEADER_BYTES <= chunk.length && chunk[end] === type) {
      const next = end + messageLength(chunk, end) + 1;
      if (mustBeWhole && next > chunk.length) break;
      rows++;
      end = next;
    }
    this.#passing = end - at;
    return rows;
  }

  #hold(rest: Buffer): void {
    const needed = rest.length < HEADER_BYTES ? HEADER_BYTES : messageLength(rest, 0) + 1;
    if (needed > HELD_BYTES_MAX) {
      throw new TargetFault(
        'message_too_large',
        `The target sent a message of ${needed} bytes that must be checked whole, over the limit of ${HELD_BYTES_MAX}`,
      );
    }
    this.#held.keep(rest, needed);
  }

  /** Deals with one whole message; returns what goes to the client in its place, or undefined when it passes. */
  #look(type: number, chunk: Buffer, at: number, total: number, masking: boolean): Buffer | undefined {
    this.#dropCopyEnds();
    const { first } = this.#books.owed;
    // Most answers are made of these, and nobody has anything to say about them.
    switch (type) {
      case PARSE_COMPLETE:
        return this.#expect(first, 'parse', type);
      case BIND_COMPLETE:
        return this.#expect(first, 'bind', type);
      case CLOSE_COMPLETE:
        return this.#expect(first, 'close', type);
      case READY:
        if (first?.ended) break;
        this.#ready(first, chunk[at + HEADER_BYTES]);
        return undefined;
    }
    const message = chunk.subarray(at, at + total);
    if (!first && (type === DATA_ROW || type === COPY_DATA)) throw unexpected(type);
    // Hidden first: what the books, and with them the audit, quote of an error is what the client sees of it.
    const shown = this.#showing.shown(type, message, first, masking, this.#last);
    const instead = first?.ended ? this.#leaveOut(type, shown, first) : undefined;
    return instead ?? this.#keepBooks(type, shown, message) ?? (shown === message ? undefined : shown);
  }

  /** Of an answer that was ended: what goes to the client instead; undefined: what comes of it otherwise. */
  #leaveOut(type: number, message: Buffer, first: Owed): Buffer | undefined {
    switch (type) {
      case DATA_ROW:
      case COPY_DATA:
      case COPY_OUT:
      case COPY_DONE:
      case NOTICE:
      case FUNCTION_RESULT:
        return DROPPED;
      case ROW_DESCRIPTION:
        return first.kind === 'describe' ? undefined : DROPPED;
      case COMMAND_COMPLETE:
      case EMPTY_QUERY:
      case PORTAL_SUSPENDED:
        if (type === COMMAND_COMPLETE) this.#keepNames(message);
        this.#books.copyIn = false;
        // It ended before it could be stopped, and nothing of the batch is lasting yet: it fails now.
        if (first.kind === 'execute') this.#makeFail(first, Buffer.concat([this.#books.failing.execute, FLUSH_MESSAGE]));
        return DROPPED;
      case COPY_IN:
        // The next statement of a query: its client does not hear that it is asked for something.
        this.#failing = both(this.#failing, this.#ports.toTarget(encodeMessage('f', 'the answer before it was ended')));
        return DROPPED;
      case READY:
        return this.#readyAfterEnd(first, message);
      default:
        return undefined;
    }
  }

  /** The same for a query: in a transaction it fails now; outside of one nothing can be taken back, and the client is told so. */
  #readyAfterEnd(first: Owed, message: Buffer): Buffer | undefined {
    if (first.error !== undefined || !first.ended) return undefined;
    if (message[HEADER_BYTES] === IN_TRANSACTION && !first.failing) {
      this.#makeFail(first, this.#books.failing.query);
      return DROPPED;
    }
    first.error = endedText(first.ended);
    const words = endedWords(first.ended, 'done');
    this.#keepBooks(READY, message, message);
    return Buffer.concat([words, message]);
  }

  #makeFail(first: Owed, bytes: Buffer): void {
    first.failing = true;
    this.#failing = both(this.#failing, this.#ports.toTarget(bytes));
  }

  #keepBooks(type: number, message: Buffer, original: Buffer): Buffer | undefined {
    const { owed, names } = this.#books;
    const { first } = owed;
    switch (type) {
      case DATA_ROW:
      case COPY_DATA:
      case NOTICE:
      case NOTIFICATION:
      case PARAMETER_STATUS:
      case COPY_DONE:
      case COPY_OUT:
        return undefined;
      case COMMAND_COMPLETE:
        this.#complete(first, message);
        return undefined;
      case READY:
        this.#ready(first, message[HEADER_BYTES]);
        return undefined;
      case ERROR:
        return this.#fail(first, message);
      case NO_DATA:
        if (first?.describes) names.describe(first.describes, DROPPED);
        return this.#expect(first, 'describe', type);
      case ROW_DESCRIPTION:
        if (first?.kind !== 'describe') return undefined;
        if (first.describes && this.#mayBeLookedAt(first.describes)) names.describe(first.describes, original.subarray(HEADER_BYTES));
        owed.shift();
        return undefined;
      case EMPTY_QUERY:
      case PORTAL_SUSPENDED:
        if (first?.kind === 'execute') this.#settle(owed.shift());
        return undefined;
      case COPY_IN:
        this.#books.copyIn = !owed.some((entry) => entry.kind === 'copy-end');
        if (first?.kind === 'execute') owed.dropSyncsOfCopy();
        return undefined;
      case PARAMETER_DESCRIPTION:
      case FUNCTION_RESULT:
        return undefined;
      default:
        throw unexpected(type);
    }
  }

  /**
   * Whether rows of it may have to be looked at, so that their description is worth keeping: of a portal whose Execute has been judged
   * already and is without rules nobody will ask, unless rules change before its end. Then its rows are taken for rows that nobody described.
   */
  #mayBeLookedAt(named: Named): boolean {
    const next = this.#books.owed.second;
    return this.#showing.mask !== undefined || next?.portal !== named || next.permit?.answer !== undefined;
  }

  #expect(first: Owed | undefined, kind: Owed['kind'], type: number): undefined {
    if (first?.kind !== kind) throw unexpected(type);
    this.#books.owed.shift();
  }

  #complete(first: Owed | undefined, message: Buffer): void {
    if (!first) throw unexpected(COMMAND_COMPLETE);
    this.#keepNames(message);
    // Rows that went to the client have been counted; the tag tells of those that were only changed.
    if (first.rows === this.#rowsAtTag) first.rows += rowsOfTag(message);
    this.#rowsAtTag = first.rows;
    this.#books.copyIn = false;
    if (first.kind === 'execute') this.#settle(this.#books.owed.shift());
  }

  /** What a tag says of names. */
  #keepNames(message: Buffer): void {
    const letter = message[HEADER_BYTES];
    if (letter !== D && letter !== C) return;
    const tag = decodeTag(message.subarray(HEADER_BYTES));
    if (tag.startsWith('DEALLOCATE') || tag === 'DISCARD ALL') {
      this.#books.names.doubtStatements();
      this.#books.owed.redo();
    }
    if (tag === 'DECLARE CURSOR' || tag === 'CLOSE CURSOR' || tag === 'CLOSE CURSOR ALL') this.#books.names.forgetCursors();
  }

  #ready(first: Owed | undefined, status: number | undefined): void {
    if (first?.kind !== 'query' && first?.kind !== 'sync' && first?.kind !== 'function') throw unexpected(READY);
    this.#books.copyIn = false;
    const answered = this.#books.owed.shift();
    if (answered && answered.kind !== 'sync') this.#settle(answered);
    this.#last = undefined;
    // A cursor that outlives transactions is fetched from outside of one.
    if (status === IDLE && !answered?.cursor) this.#books.names.forgetCursors();
    // Portals that were bound behind this, in a transaction of their own, are there already.
    if (status === IDLE && !this.#books.owed.first) this.#books.names.forgetPortals();
  }

  /** An error ends what it answers. In a batch the server skips everything up to the Sync, so nothing more is owed for that. */
  #fail(first: Owed | undefined, message: Buffer): Buffer | undefined {
    const { owed } = this.#books;
    this.#books.copyIn = false;
    const { severity, sqlstate, message: text } = decodeError(message.subarray(HEADER_BYTES));
    const isLast = severity === 'FATAL' || severity === 'PANIC';
    const ended = isLast ? undefined : first?.ended;
    const refusal = ended ? endedWords(ended, 'failed') : first?.refusal;
    const words = ended ? endedText(ended) : `${sqlstate}: ${text}`;
    if (isLast) this.lastWord = new TargetFault('target_closed', `The target ended the session: ${words}`);
    if (!first || first.kind === 'query' || first.kind === 'function') {
      if (first) first.error = words;
      return refusal;
    }
    if (first.kind === 'sync') {
      if (this.#last) this.#settleWith(this.#last, words);
      return undefined;
    }
    const skipped: Owed[] = [];
    while (owed.first && owed.first.kind !== 'sync') {
      const entry = owed.shift();
      if (entry) skipped.push(entry);
    }
    // The Parse or Bind of an action fails for the action; those behind it never had their turn.
    skipped
      .filter((entry) => entry.permit)
      .forEach((entry, index) => {
        this.#settleWith(entry, index === 0 ? words : `skipped after ${words}`);
      });
    for (const entry of skipped.reverse()) entry.undo?.();
    this.#books.skipping = owed.first === undefined;
    return refusal;
  }

  #settle(entry: Owed | undefined): void {
    if (!entry?.permit) return;
    this.#settleWith(entry, entry.error);
    this.#last = entry;
  }

  #settleWith(entry: Owed, error: string | undefined): void {
    if (!entry.permit) return;
    const masked = this.#showing.takeCounts();
    this.#rowsAtTag = 0;
    const { rows, bytes } = entry;
    if (error === undefined && !masked) this.#gate.settle(entry.permit, { rows, bytes });
    else this.#gate.settle(entry.permit, { rows, bytes, ...(error === undefined ? {} : { error }), ...(masked ? { masked } : {}) });
  }

  #dropCopyEnds(): void {
    while (this.#books.owed.first?.kind === 'copy-end') this.#books.owed.shift();
  }
}

function unexpected(type: number): TargetFault {
  return new TargetFault(
    'target_protocol',
    `The target sent a message (${JSON.stringify(String.fromCharCode(type))}) that nothing asked for`,
  );
}
