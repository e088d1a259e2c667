import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { join } from '@hoop/core/bytes';
import { TargetFault } from '@hoop/core/errors';
import type { Decision, Gate, Mask, MaskCounts } from '@hoop/core/gate';
import { Held } from '../shared/held.ts';
import type { Books, Owed, Statement } from './books.ts';
import { Cells } from './cells.ts';
import { encodePacket, HEADER_BYTES, joinPayload, PAYLOAD_BYTES_MAX, packetAt, packetsOf, payloadLength, wholePayload } from './frame.ts';
import { gatherTexts } from './gather.ts';
import { type Hides, hidesOf, hushedError } from './hushing.ts';
import { HELD_BYTES_MAX } from './limits.ts';
import { encodeOne, forbiddenMessage, masked, retell } from './masking.ts';
import { allowNull } from './messages/column.ts';
import { asksForFile, namesFile } from './messages/command.ts';
import { decodeError, decodeOk, decodePrepared, ERROR, errorLine } from './messages/result.ts';
import { countWarning, warningRow } from './noticing.ts';
import { type Kind, unexpected, Walk } from './walk.ts';
import { denialWords, tooLongRowWords } from './words.ts';

/** What goes to the client in a packet's place; undefined: the packet itself. */
type Instead = Buffer | undefined;

const NOTHING = Buffer.alloc(0);

export interface AnswerPorts {
  toClient(bytes: Buffer): void | Promise<void>;
  toTarget(bytes: Buffer): void | Promise<void>;
  /** The client has heard the end of the only answer that is owed: the server need not go on with it. */
  stop(): void;
}

/**
 * Target to client. Walks headers, keeps the books of owed answers, and decodes a packet only where somebody asked for it:
 * without masks and rules about answers, rows are counted by their headers and pass in one run.
 */
export class Answers {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #ports: AnswerPorts;
  readonly #walk = new Walk();
  readonly #held = new Held();
  /** Bytes of the packet at hand that are still to pass, or to be dropped. */
  #passing = 0;
  #skipping = 0;
  /** As of the chunk at hand: rules may change while a session is open. */
  #mask: Mask | undefined;
  #isSuspect = false;
  #cells: Cells | undefined;
  /** What rules demand of the answer at hand. */
  #rules: AnswerRules | undefined;
  #hides: Hides;
  #masked: MaskCounts = {};
  /** A statement of this session read hidden values. */
  #hasTouched = false;
  /** What stands in front of the rows, kept back until it is known that it may be shown. */
  #head: Buffer[] = [];
  /** Rows of this action that were shown. */
  #shown = 0;
  /** The client has been told of a refusal: what the server still says to this command is not for it. */
  #dropping = false;
  #mayStop = false;
  /** The statement whose columns are being described. */
  #preparing: Statement | undefined;
  /** Of the packet that the client got last in this answer. */
  #lastSequence: number | undefined;

  constructor(gate: Gate, books: Books, ports: AnswerPorts) {
    this.#gate = gate;
    this.#books = books;
    this.#ports = ports;
  }

  /** What the server ended the session with; the client has heard it. */
  lastWord: TargetFault | undefined;

  /** False while the client has got only a part of a packet, or says something itself: nothing may be said in between. */
  get atBoundary(): boolean {
    return this.#passing === 0 && (this.#dropping || !this.#walk.continued) && !this.#books.uploading;
  }

  /** The sequence number that the client expects next. */
  get nextSequence(): number {
    const [kept] = this.#head;
    if (kept) return kept[3] ?? 0;
    // One who waits for nothing takes it for the answer to what it asks next.
    if (this.#dropping) return 1;
    if (this.#lastSequence !== undefined) return (this.#lastSequence + 1) & 0xff;
    return this.#books.owed.first?.sequence ?? 1;
  }

  /** @throws TargetFault on what a MySQL server does not say */
  feed(chunk: Buffer): void | Promise<void> {
    const whole = this.#held.take(chunk);
    return whole && this.#run(whole, 0);
  }

  #run(chunk: Buffer, start: number): void | Promise<void> {
    const { mask } = this.#gate;
    return mask?.prepare ? this.#passPrepared(chunk, start, mask) : this.#pass(chunk, start, mask);
  }

  /** Somebody else is asked about texts, before the mask is applied to them. */
  #passPrepared(chunk: Buffer, start: number, mask: Mask): void | Promise<void> {
    const from = start + this.#passing + this.#skipping;
    const texts = this.#dropping ? [] : gatherTexts(chunk, from, mask, this.#walk.copy(), this.#books.owed, this.#hides);
    if (texts.length === 0 || !mask.prepare) return this.#pass(chunk, start, mask);
    return mask.prepare(texts).then(() => this.#pass(chunk, start, mask));
  }

  /** [from, at) is what passes unchanged and has not been sent yet. */
  #pass(chunk: Buffer, start: number, mask: Mask | undefined): void | Promise<void> {
    this.#mask = mask;
    this.#isSuspect = mask?.suspects(chunk) === true;
    this.#cells = undefined;
    const parts: Buffer[] = [];
    let from = start;
    let at = start;
    while (at < chunk.length) {
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, chunk.length - at);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      if (this.#skipping > 0) {
        if (at > from) parts.push(chunk.subarray(from, at));
        const taken = Math.min(this.#skipping, chunk.length - at);
        this.#skipping -= taken;
        at += taken;
        from = at;
        continue;
      }
      const instead = this.#take(chunk, at);
      if (instead === undefined) continue;
      if (typeof instead === 'number') {
        this.#held.keep(chunk.subarray(at), instead);
        break;
      }
      if (at > from) parts.push(chunk.subarray(from, at));
      from = at;
      if (instead instanceof Promise) return this.#afterDecision(chunk, at, parts, instead);
      if (instead.length > 0) parts.push(instead);
    }
    if (this.#mayStop) this.#stop();
    if (at > 0 && from === 0 && at === chunk.length && parts.length === 0) return this.#ports.toClient(chunk);
    if (at > from) parts.push(chunk.subarray(from, at));
    return parts.length > 0 ? this.#ports.toClient(join(parts)) : undefined;
  }

  async #afterDecision(chunk: Buffer, at: number, parts: readonly Buffer[], undecided: Promise<Instead>): Promise<void> {
    if (parts.length > 0) await this.#ports.toClient(join(parts));
    const instead = await undecided;
    this.#settleFor(HEADER_BYTES + payloadLength(chunk, at), instead);
    if (instead && instead.length > 0) await this.#ports.toClient(instead);
    await this.#run(chunk, at);
  }

  /** Either what goes in the packet's place, or how many bytes of it must be there before it can be looked at. */
  #take(chunk: Buffer, at: number): Instead | number | Promise<Instead> {
    const left = chunk.length - at;
    if (left < HEADER_BYTES) return HEADER_BYTES;
    const length = payloadLength(chunk, at);
    if (left === HEADER_BYTES && length > 0) return HEADER_BYTES + 1;
    if (this.#walk.isOver) this.#begin();
    if (!this.#walk.isOver && this.#walk.isRow(chunk[at + HEADER_BYTES], length)) return this.#row(chunk, at, length);
    const total = HEADER_BYTES + length;
    if (left < total) return total;
    this.#count(chunk, at, total);
    const instead = this.#look(chunk, at, length);
    return instead instanceof Promise ? instead : this.#settleFor(total, instead);
  }

  /** The packet at hand passes, or something stands in its place. */
  #settleFor(total: number, instead: Instead): Instead {
    this.#skipping = instead ? total : 0;
    this.#passing = instead ? 0 : total;
    return instead;
  }

  /** The next packet begins the answer to what is owed first. */
  #begin(): void {
    const { first } = this.#books.owed;
    if (!first) return;
    const walk = this.#walk;
    walk.begin(first);
    this.#rules = first.permit?.answer;
    this.#hasTouched ||= this.#rules?.hushes === true;
    this.#dropping = first.isOwn === true;
    this.#shown = first.kind === 'fetch' ? (first.statement?.shown ?? 0) : 0;
    this.#hides = first.kind === 'fetch' ? hidesOf(this.#rules, walk.columns, first.statement, this.#hasTouched) : undefined;
    this.#cells = undefined;
  }

  #count(chunk: Buffer, at: number, bytes: number): void {
    this.#lastSequence = chunk[at + 3] ?? 0;
    const { first } = this.#books.owed;
    if (first) first.bytes += bytes;
  }

  #row(chunk: Buffer, at: number, length: number): Instead | number {
    const { first } = this.#books.owed;
    const walk = this.#walk;
    if (!first) throw unexpected('a row that nothing asked for');
    if (this.#dropping) {
      walk.row(length);
      this.#skipping = HEADER_BYTES + length;
      return undefined;
    }
    const limit = this.#rules?.rows;
    if (limit && !walk.continued && this.#shown >= limit.max) return this.#deny(first, chunk[at + 3] ?? 0, limit.denial);
    if (!this.#mask && !this.#hides && !this.#rules?.forbids) {
      this.#count(chunk, at, HEADER_BYTES + length);
      if (walk.row(length)) this.#show(first);
      this.#passing = HEADER_BYTES + length;
      return limit ? undefined : this.#addRows(first, chunk, at, false);
    }
    return this.#wholeRow(first, chunk, at);
  }

  /** What goes for the row that passes now goes for those behind it, too. */
  #addRows(first: Owed, chunk: Buffer, at: number, mustBeWhole: boolean): undefined {
    const walk = this.#walk;
    const start = at + this.#passing;
    let end = start;
    let rows = 0;
    while (end + HEADER_BYTES < chunk.length) {
      const length = payloadLength(chunk, end);
      if (!walk.isRow(chunk[end + HEADER_BYTES], length)) break;
      const next = end + HEADER_BYTES + length;
      if (mustBeWhole && (next > chunk.length || length === PAYLOAD_BYTES_MAX || next - end > HELD_BYTES_MAX)) break;
      this.#lastSequence = chunk[end + 3] ?? 0;
      if (walk.row(length)) rows++;
      end = next;
    }
    this.#passing = end - at;
    first.bytes += end - start;
    first.rows += rows;
    this.#shown += rows;
  }

  #show(first: Owed): void {
    first.rows++;
    this.#shown++;
  }

  /** A row somebody has to look at, over all of its packets. */
  #wholeRow(first: Owed, chunk: Buffer, at: number): Instead | number {
    const sequence = chunk[at + 3] ?? 0;
    if (this.#walk.continued) {
      throw new TargetFault('message_too_large', 'A rule came in the middle of a row that is too long to be looked at; ask again');
    }
    const total = wholePayload(chunk, at, HELD_BYTES_MAX);
    if (total > HELD_BYTES_MAX) return this.#cut(first, tooLongRowWords(sequence, HELD_BYTES_MAX), 'a row too long to be looked at');
    if (chunk.length - at < total) return total;
    const { columns } = this.#walk;
    const isBinary = first.statement !== undefined;
    const forbids = this.#rules?.forbids;
    const isPlain = !this.#isSuspect && !this.#hides && !columns.isOpaque(isBinary);
    if (isPlain && !forbids) {
      this.#passRow(first, chunk, at, total);
      return this.#rules?.rows ? undefined : this.#addRows(first, chunk, at, true);
    }
    const payload = joinPayload(chunk.subarray(at, at + total));
    this.#cells ??= new Cells({ mask: this.#mask, hides: this.#hides, counts: this.#masked }, columns, isBinary);
    const denial = forbids && this.#cells.forbidden(payload, forbids);
    if (denial) return this.#deny(first, sequence, denial);
    const shown = isPlain ? payload : this.#cells.shown(payload);
    if (shown === payload) return this.#passRow(first, chunk, at, total);
    // One packet more would make all sequence numbers behind it wrong.
    if (packetsOf(shown.length) !== packetsOf(payload.length)) {
      return this.#cut(first, tooLongRowWords(sequence, PAYLOAD_BYTES_MAX), 'a row too long to be masked');
    }
    this.#passRow(first, chunk, at, total);
    return this.#settleFor(total, encodePacket(sequence, shown));
  }

  /** Counts a whole row, and lets it pass unless something is put in its place. */
  #passRow(first: Owed, chunk: Buffer, at: number, total: number): undefined {
    this.#count(chunk, at, total);
    this.#walk.row(0);
    this.#show(first);
    this.#passing = total;
  }

  /** Deals with one whole packet that is no row. */
  #look(chunk: Buffer, at: number, length: number): Instead | Promise<Instead> {
    if (length === PAYLOAD_BYTES_MAX) throw unexpected('a packet of 16 MiB that is no row');
    const payload = chunk.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    const sequence = chunk[at + 3] ?? 0;
    const { first } = this.#books.owed;
    if (!first) return this.#unasked(sequence, payload);
    const kind = this.#walk.next(payload);
    if (this.#dropping) return this.#drop(kind);
    if (first.permit?.notice !== undefined && (kind === 'ok' || kind === 'end')) countWarning(kind, payload);
    const denial = this.#rules?.forbids && forbiddenMessage(kind, payload, this.#rules.forbids);
    if (denial) return this.#deny(first, this.#head[0]?.[3] ?? sequence, denial);
    // Hidden first: what the books, and with them the audit, quote of an error is what the client sees of it.
    const told = this.#mask || this.#rules ? this.#told(first, kind, payload) : payload;
    const instead = this.#keepBooks(first, kind, chunk, at, told);
    if (this.#walk.isOver) this.#done();
    // One who heard something of our own before waits for the next number.
    const number = first.kind === 'ok' ? first.sequence : sequence;
    if (instead || (told === payload && number === sequence)) return instead;
    return encodeOne(number, told);
  }

  /** A message as the client may read it; the payload itself where it may stay. */
  #told(first: Owed, kind: Kind, payload: Buffer): Buffer {
    const mask = this.#mask;
    if (kind === 'column' && first.kind !== 'fields' && (mask || this.#rules?.hides)) allowNull(payload);
    // A quick look at the chunk says nothing of wide letters.
    const mayQuote = this.#isSuspect || kind === 'error' || kind === 'ok' || (kind === 'column' && payload[0] !== CATALOG_BYTES);
    const told = mask && mayQuote ? retell(kind, payload, masked(mask, this.#masked)) : payload;
    return kind === 'error' && this.#rules?.hushes ? hushedError(told, first.text ?? '') : told;
  }

  #keepBooks(first: Owed, kind: Kind, chunk: Buffer, at: number, told: Buffer): Instead | Promise<Instead> {
    switch (kind) {
      case 'head':
      case 'column':
        return this.#rules?.forbids && first.kind === 'result' ? this.#keepHead(chunk[at + 3] ?? 0, told) : undefined;
      case 'columns-end':
        return this.#columnsEnd(first, chunk, at);
      case 'prepared': {
        const { statement, parameters } = decodePrepared(told);
        this.#preparing = this.#books.statements.add(statement, first.text ?? '', parameters);
        return undefined;
      }
      case 'gap':
        if (first.kind === 'prepare' && this.#walk.isOver && this.#preparing) {
          this.#books.statements.describe(this.#preparing, 'prepared', this.#walk.columns);
        }
        return undefined;
      case 'file':
        return this.#fileRequest(first, packetAt(chunk, at));
      case 'ok':
        first.rows += decodeOk(told).affectedRows;
        break;
      case 'error':
        first.error ??= errorLine(decodeError(told));
        break;
      case 'end':
        if (first.notice !== undefined && !first.refusal && this.#walk.isOver) return warningRow(first.notice, packetAt(chunk, at));
        break;
      default:
        return undefined;
    }
    // The client takes the refusal for the end: what else the server has to say is not for it.
    if (first.refusal) this.#drops(first);
    return first.refusal;
  }

  /** A name may be what must not be shown, and an error in the middle of names is not what clients expect. */
  #keepHead(sequence: number, told: Buffer): Instead {
    this.#head.push(encodeOne(sequence, told));
    return NOTHING;
  }

  #columnsEnd(first: Owed, chunk: Buffer, at: number): Instead {
    const { columns, isOver } = this.#walk;
    const { statement } = first;
    this.#hides = hidesOf(this.#rules, columns, statement, this.#hasTouched);
    this.#cells = undefined;
    if (statement && isOver) {
      this.#books.statements.describe(statement, 'columns', columns);
      statement.shown = 0;
    }
    if (this.#head.length === 0) return undefined;
    const head = this.#head;
    this.#head = [];
    return Buffer.concat([...head, packetAt(chunk, at)]);
  }

  #drop(kind: Kind): Instead {
    if (kind === 'file') throw unexpected('a request for a file behind a refused one');
    if (this.#walk.isOver) this.#done();
    return NOTHING;
  }

  /** An answer must not go on: the client hears why, in place of what is at hand, and nothing more of it. */
  #deny(first: Owed, sequence: number, denial: Denial): Buffer {
    return this.#cut(first, denialWords(denial, sequence), `denied: ${denial.rule}`);
  }

  #cut(first: Owed, words: Buffer, error: string): Buffer {
    first.error ??= error;
    this.#drops(first);
    this.#mayStop = true;
    if (this.#walk.isOver) this.#done();
    return words;
  }

  #drops(first: Owed): void {
    this.#settle(first);
    this.#dropping = true;
    this.#head = [];
  }

  /** What the server still does for an answer that nobody hears is in vain. Where more has been sent to it already, that would be hit. */
  #stop(): void {
    this.#mayStop = false;
    if (!this.#walk.isOver && this.#books.owed.length === 1) this.#ports.stop();
  }

  /** A server that says something by itself says why it closes. */
  #unasked(sequence: number, payload: Buffer): Instead {
    if (payload[0] !== ERROR) throw unexpected('something that nothing asked for');
    const told = this.#mask ? retell('error', payload, masked(this.#mask, {})) : payload;
    this.lastWord = new TargetFault('target_closed', `The target ended the session: ${errorLine(decodeError(told))}`);
    return told === payload ? undefined : encodeOne(sequence, told);
  }

  /**
   * The server wants a file of the client. Only a statement that names it may have made it want one; a server that asks by itself reads
   * whatever it likes from whoever connects with it.
   */
  #fileRequest(first: Owed, packet: Buffer): Instead | Promise<Instead> {
    const text = first.text ?? '';
    const file = packet.toString('utf8', HEADER_BYTES + 1);
    if (!asksForFile(text) || !namesFile(text, file)) {
      throw new TargetFault(
        'target_file_request',
        'The target asked for a file of the client that no statement names; the session is ended',
      );
    }
    if (this.#books.owed.length > 1) {
      throw new TargetFault(
        'target_file_request',
        'The target asked for a file while other commands wait; wait for the end of LOAD DATA LOCAL',
      );
    }
    const decision = this.#gate.ask('load-local', `LOAD DATA LOCAL INFILE ${JSON.stringify(file)}`);
    const decided = (settled: Decision): Instead | Promise<Instead> => this.#fileDecided(first, packet, settled);
    return decision instanceof Promise ? decision.then(decided) : decided(decision);
  }

  #fileDecided(first: Owed, packet: Buffer, { permit, denial }: Decision): Instead | Promise<Instead> {
    if (permit) {
      this.#gate.settle(permit, { rows: 0, bytes: 0 });
      this.#books.uploading = true;
      return undefined;
    }
    const sequence = packet[3] ?? 0;
    first.refusal = denialWords(denial, sequence);
    first.error = `denied: ${denial.rule}`;
    // No file at all: the server goes on with nothing, and its answer becomes the refusal.
    const sent = this.#ports.toTarget(encodePacket(sequence + 1));
    return sent ? sent.then(() => NOTHING) : NOTHING;
  }

  /** The answer to the first owed command is complete. */
  #done(): void {
    const entry = this.#books.owed.shift();
    if (entry?.kind === 'fetch' && entry.statement) entry.statement.shown = this.#shown;
    if (entry) this.#settle(entry);
    this.#rules = undefined;
    this.#hides = undefined;
    this.#cells = undefined;
    this.#dropping = false;
    this.#lastSequence = undefined;
  }

  #settle(entry: Owed): void {
    const masked = hasCounts(this.#masked) ? this.#masked : undefined;
    if (masked) this.#masked = {};
    const { permit, rows, bytes, error } = entry;
    if (!permit || entry.isSettled) return;
    entry.isSettled = true;
    if (error === undefined && !masked) this.#gate.settle(permit, { rows, bytes });
    else this.#gate.settle(permit, { rows, bytes, ...(error === undefined ? {} : { error }), ...(masked ? { masked } : {}) });
  }
}

function hasCounts(counts: MaskCounts): boolean {
  for (const _ in counts) return true;
  return false;
}

/** Every name of a catalog is `def`. */
const CATALOG_BYTES = 3;
