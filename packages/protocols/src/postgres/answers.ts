import { join } from '@hoop/core/bytes';
import { TargetFault } from '@hoop/core/errors';
import type { Gate, Mask, MaskCounts } from '@hoop/core/gate';
import type { Owed } from './books.ts';
import { code, HEADER_BYTES, messageLength } from './frame.ts';
import { HELD_BYTES_MAX } from './limits.ts';
import { maskMessage } from './masking.ts';
import { decodeError } from './messages/error.ts';
import { decodeTag, rowsOfTag } from './messages/row.ts';
import type { Books } from './requests.ts';

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

/** What may have to be hidden in: rows, copied rows, results of functions, and every text that may quote data, names of columns among them. */
const MASKABLE = new Set([DATA_ROW, COPY_DATA, ERROR, NOTICE, NOTIFICATION, FUNCTION_RESULT, PARAMETER_STATUS, ROW_DESCRIPTION]);

/**
 * Target to client. Walks headers, keeps the books of owed answers, and decodes a message only where somebody asked for it:
 * without masks, rows are counted by their headers and pass in one run.
 */
export class Answers {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #send: (bytes: Buffer) => void | Promise<void>;
  /** As of the chunk at hand: rules may change while a session is open. */
  #mask: Mask | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #needed = 0;
  #passing = 0;
  #masked: MaskCounts | undefined;
  /** Rows of the first owed answer when its newest tag came: a query of several statements has a tag for each. */
  #rowsAtTag = 0;
  /** The newest action that was settled: an error at the Sync (a deferred constraint) belongs to it. */
  #last: Owed | undefined;

  constructor(gate: Gate, books: Books, send: (bytes: Buffer) => void | Promise<void>) {
    this.#gate = gate;
    this.#books = books;
    this.#send = send;
  }

  /** What the server ended the session with; the client has heard it. */
  lastWord: TargetFault | undefined;

  /** False while the client has got only a part of a message: nothing may be said in between. */
  get atBoundary(): boolean {
    return this.#passing === 0;
  }

  /** @throws TargetFault on what a PostgreSQL server does not say */
  feed(chunk: Buffer): void | Promise<void> {
    if (this.#heldBytes === 0) return this.#run(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#needed) return undefined;
    const whole = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return this.#run(whole);
  }

  #run(chunk: Buffer): void | Promise<void> {
    const parts: Buffer[] = [];
    this.#mask = this.#gate.mask;
    const masking = this.#mask?.suspects(chunk) === true;
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, chunk.length - at);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      const left = chunk.length - at;
      if (left < HEADER_BYTES) break;
      const type = chunk[at] ?? 0;
      const total = messageLength(chunk, at) + 1;
      const isRow = type === DATA_ROW || type === COPY_DATA;
      if (left < total && (this.#mask || !isRow)) break;
      if (isRow) {
        this.#count(type, total);
        if (!masking) {
          this.#passing = total;
          continue;
        }
      }
      const instead = this.#look(type, chunk.subarray(at, at + total), masking);
      if (instead) {
        if (at > from) parts.push(chunk.subarray(from, at));
        if (instead.length > 0) parts.push(instead);
        from = at + total;
      }
      at += total;
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at));
    if (at > from) parts.push(from === 0 && at === chunk.length ? chunk : chunk.subarray(from, at));
    return parts.length > 0 ? this.#send(join(parts)) : undefined;
  }

  #hold(rest: Buffer): void {
    this.#needed = rest.length < HEADER_BYTES ? HEADER_BYTES : messageLength(rest, 0) + 1;
    if (this.#needed > HELD_BYTES_MAX) {
      throw new TargetFault(
        'message_too_large',
        `The target sent a message of ${this.#needed} bytes that must be checked whole, over the limit of ${HELD_BYTES_MAX}`,
      );
    }
    this.#held = [rest];
    this.#heldBytes = rest.length;
  }

  #count(type: number, total: number): void {
    const first = this.#books.owed.first;
    if (!first) throw unexpected(type);
    first.rows++;
    first.bytes += total;
  }

  /** Deals with one whole message; returns what goes to the client in its place, or undefined when it passes. */
  #look(type: number, message: Buffer, masking: boolean): Buffer | undefined {
    // Masked first: what the books, and with them the audit, quote of an error is what the client sees of it.
    const shown = masking && this.#mask && MASKABLE.has(type) ? this.#hide(type, message, this.#mask) : message;
    return this.#keepBooks(type, shown) ?? (shown === message ? undefined : shown);
  }

  #hide(type: number, message: Buffer, mask: Mask): Buffer {
    const counts: MaskCounts = {};
    const masked = maskMessage(type, message, mask, counts);
    if (masked === message) return message;
    this.#masked ??= {};
    for (const [entity, count] of Object.entries(counts)) this.#masked[entity] = (this.#masked[entity] ?? 0) + count;
    return masked;
  }

  #keepBooks(type: number, message: Buffer): Buffer | undefined {
    const { owed } = this.#books;
    this.#dropCopyEnds();
    const first = owed.first;
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
      case PARSE_COMPLETE:
        return this.#expect(first, 'parse', type);
      case BIND_COMPLETE:
        return this.#expect(first, 'bind', type);
      case CLOSE_COMPLETE:
        return this.#expect(first, 'close', type);
      case NO_DATA:
        return this.#expect(first, 'describe', type);
      case ROW_DESCRIPTION:
        if (first?.kind === 'describe') owed.shift();
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

  #expect(first: Owed | undefined, kind: Owed['kind'], type: number): undefined {
    if (first?.kind !== kind) throw unexpected(type);
    this.#books.owed.shift();
  }

  #complete(first: Owed | undefined, message: Buffer): void {
    if (!first) throw unexpected(COMMAND_COMPLETE);
    const tag = decodeTag(message.subarray(HEADER_BYTES));
    // Rows that went to the client have been counted; the tag tells of those that were only changed.
    if (first.rows === this.#rowsAtTag) first.rows += rowsOfTag(tag);
    this.#rowsAtTag = first.rows;
    if (tag.startsWith('DEALLOCATE') || tag === 'DISCARD ALL') {
      this.#books.names.doubtStatements();
      this.#books.owed.redo();
    }
    this.#books.copyIn = false;
    if (first.kind === 'execute') this.#settle(this.#books.owed.shift());
  }

  #ready(first: Owed | undefined, status: number | undefined): void {
    if (first?.kind !== 'query' && first?.kind !== 'sync' && first?.kind !== 'function') throw unexpected(READY);
    this.#books.copyIn = false;
    const answered = this.#books.owed.shift();
    if (answered && answered.kind !== 'sync') this.#settle(answered);
    this.#last = undefined;
    // Portals that were bound behind this, in a transaction of their own, are there already.
    if (status === IDLE && !this.#books.owed.first) this.#books.names.forgetPortals();
  }

  /** An error ends what it answers. In a batch the server skips everything up to the Sync, so nothing more is owed for that. */
  #fail(first: Owed | undefined, message: Buffer): Buffer | undefined {
    const { owed } = this.#books;
    this.#books.copyIn = false;
    const refusal = first?.refusal;
    const { severity, sqlstate, message: text } = decodeError(message.subarray(HEADER_BYTES));
    const words = `${sqlstate}: ${text}`;
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.lastWord = new TargetFault('target_closed', `The target ended the session: ${words}`);
    }
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
    const masked = this.#masked;
    this.#masked = undefined;
    this.#rowsAtTag = 0;
    this.#gate.settle(entry.permit, {
      rows: entry.rows,
      bytes: entry.bytes,
      ...(error === undefined ? {} : { error }),
      ...(masked ? { masked } : {}),
    });
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
