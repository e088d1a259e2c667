import { join } from '@hoop/core/bytes';
import { TargetFault } from '@hoop/core/errors';
import type { Decision, Gate, Mask, MaskCounts } from '@hoop/core/gate';
import type { Books, Owed } from './books.ts';
import { encodePacket, HEADER_BYTES, PAYLOAD_BYTES_MAX, payloadLength } from './frame.ts';
import { COLUMNS_MAX } from './limits.ts';
import { PacketMask } from './masking.ts';
import { STATUS } from './messages/capabilities.ts';
import { asksForFile, namesFile } from './messages/command.ts';
import { Fields } from './messages/fields.ts';
import {
  columnType,
  decodeEof,
  decodeError,
  decodeOk,
  decodePrepared,
  EOF,
  EOF_BYTES_MAX,
  ERROR,
  errorLine,
  FILE_REQUEST,
  OK,
} from './messages/result.ts';
import { denialWords } from './words.ts';

/** Where in an answer the server is. */
type Phase = 'first' | 'columns' | 'columns-end' | 'rows' | 'fields' | 'definitions';

/** What goes to the client in a packet's place; undefined: the packet itself. */
type Instead = Buffer | undefined;

const NOTHING = Buffer.alloc(0);

export interface AnswerPorts {
  toClient(bytes: Buffer): void | Promise<void>;
  toTarget(bytes: Buffer): void | Promise<void>;
}

/**
 * Target to client. Walks headers, keeps the books of owed answers, and decodes a packet only where somebody asked for it:
 * without masks, rows are counted by their headers and pass in one run.
 */
export class Answers {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #ports: AnswerPorts;
  /** As of the chunk at hand: rules may change while a session is open. */
  #mask: Mask | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #needed = 0;
  #passing = 0;
  /** The row goes on in the next packet: this one was full. */
  #continued = false;
  #masked: MaskCounts = {};
  #phase: Phase | undefined;
  /** Column definitions that are still to come before the EOF. */
  #columnsLeft = 0;
  #types: number[] = [];
  /** Of a prepared statement: how many lists of definitions are still to come. */
  #listsLeft = 0;
  /** The client has been told of a refusal: what the server still says to this command is not for it. */
  #dropping = false;
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
    return this.#passing === 0 && !this.#continued && !this.#books.uploading;
  }

  /** The sequence number that the client expects next. */
  get nextSequence(): number {
    if (this.#lastSequence !== undefined) return (this.#lastSequence + 1) & 0xff;
    // One who waits for nothing takes it for the answer to what it asks next.
    return this.#books.owed.first?.sequence ?? 1;
  }

  /** @throws TargetFault on what a MySQL server does not say */
  feed(chunk: Buffer): void | Promise<void> {
    if (this.#heldBytes === 0) return this.#run(chunk, 0);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#needed) return undefined;
    const whole = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return this.#run(whole, 0);
  }

  #run(chunk: Buffer, start: number): void | Promise<void> {
    const parts: Buffer[] = [];
    this.#mask = this.#gate.mask;
    const masking = this.#mask?.suspects(chunk) === true;
    let from = start;
    let at = start;
    while (at < chunk.length) {
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, chunk.length - at);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      const left = chunk.length - at;
      if (left < HEADER_BYTES) break;
      const length = payloadLength(chunk, at);
      const total = HEADER_BYTES + length;
      if (left === HEADER_BYTES && length > 0) break;
      const isRow = this.#isRow(chunk[at + HEADER_BYTES], length);
      if (left < total && (this.#mask || this.#dropping || !isRow)) break;
      this.#count(chunk[at + 3] ?? 0, length, isRow);
      if (isRow && !masking && !this.#dropping) {
        this.#passing = total;
        continue;
      }
      const packet = chunk.subarray(at, at + total);
      const instead = isRow ? this.#row(packet, masking) : this.#look(packet, masking);
      if (instead instanceof Promise) {
        if (at > from) parts.push(chunk.subarray(from, at));
        return this.#afterDecision(chunk, at + total, parts, instead);
      }
      if (instead) {
        if (at > from) parts.push(chunk.subarray(from, at));
        if (instead.length > 0) parts.push(instead);
        from = at + total;
      }
      at += total;
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at));
    if (at > from) parts.push(from === 0 && at === chunk.length ? chunk : chunk.subarray(from, at));
    return parts.length > 0 ? this.#ports.toClient(join(parts)) : undefined;
  }

  async #afterDecision(chunk: Buffer, next: number, parts: readonly Buffer[], undecided: Promise<Instead>): Promise<void> {
    if (parts.length > 0) await this.#ports.toClient(join(parts));
    const instead = await undecided;
    if (instead && instead.length > 0) await this.#ports.toClient(instead);
    await this.#run(chunk, next);
  }

  #hold(rest: Buffer): void {
    const isShort = rest.length < HEADER_BYTES;
    this.#needed = isShort ? HEADER_BYTES : HEADER_BYTES + (rest.length === HEADER_BYTES ? 1 : payloadLength(rest, 0));
    this.#held = [rest];
    this.#heldBytes = rest.length;
  }

  /** Which phase an answer begins with. */
  #current(): Phase {
    if (this.#phase) return this.#phase;
    const kind = this.#books.owed.first?.kind;
    return kind === 'fetch' ? 'rows' : kind === 'fields' ? 'fields' : 'first';
  }

  /** An EOF is short, and nothing else than an error begins with 0xff. */
  #isRow(first: number | undefined, length: number): boolean {
    if (this.#continued) return true;
    if (this.#current() !== 'rows') return false;
    return first !== ERROR && (first !== EOF || length >= EOF_BYTES_MAX);
  }

  #count(sequence: number, length: number, isRow: boolean): void {
    const { first } = this.#books.owed;
    this.#lastSequence = sequence;
    if (!first) return;
    first.bytes += HEADER_BYTES + length;
    if (!isRow) return;
    if (!this.#continued) first.rows++;
    this.#continued = length === PAYLOAD_BYTES_MAX;
    this.#phase = 'rows';
  }

  #row(packet: Buffer, masking: boolean): Instead {
    if (this.#dropping) return NOTHING;
    if (!masking || !this.#mask) return undefined;
    if (packet.length === HEADER_BYTES + PAYLOAD_BYTES_MAX || this.#continued) {
      throw new TargetFault('message_too_large', `A row over ${PAYLOAD_BYTES_MAX} bytes cannot be masked; ask for less of it`);
    }
    const first = this.#books.owed.first;
    const mask = new PacketMask(this.#mask, this.#masked);
    const statement = first?.statement;
    const types = first?.kind === 'fetch' ? (statement?.columnTypes ?? []) : this.#types;
    const shown = statement ? mask.binaryRow(packet, types) : mask.textRow(packet, types);
    return shown === packet ? undefined : shown;
  }

  /** Deals with one whole packet that is no row. */
  #look(packet: Buffer, masking: boolean): Instead | Promise<Instead> {
    if (packet.length === HEADER_BYTES + PAYLOAD_BYTES_MAX) throw unexpected('a packet of 16 MiB that is no row');
    // Masked first: what the books, and with them the audit, quote of an error is what the client sees of it.
    const shown = masking && this.#mask ? this.#hide(packet, this.#mask) : packet;
    const instead = this.#keepBooks(shown);
    return instead ?? (shown === packet ? undefined : shown);
  }

  #hide(packet: Buffer, given: Mask): Buffer {
    const mask = new PacketMask(given, this.#masked);
    const first = packet[HEADER_BYTES];
    const phase = this.#current();
    if (first === ERROR) return mask.error(packet);
    const isEof = first === EOF && packet.length < HEADER_BYTES + EOF_BYTES_MAX;
    if ((phase === 'columns' || phase === 'definitions' || phase === 'fields') && !isEof) return mask.column(packet);
    return phase === 'first' && first === OK && this.#books.owed.first?.kind !== 'prepare' ? mask.ok(packet) : packet;
  }

  #keepBooks(packet: Buffer): Instead | Promise<Instead> {
    const payload = packet.subarray(HEADER_BYTES);
    const { first } = this.#books.owed;
    if (!first) return this.#unasked(payload);
    if (this.#dropping) return this.#drop(payload);
    if (payload[0] === ERROR) return this.#fail(first, payload);
    switch (this.#current()) {
      case 'first':
        return this.#begin(first, packet, payload);
      case 'columns':
        this.#types.push(columnType(payload));
        if (--this.#columnsLeft === 0) this.#phase = 'columns-end';
        return undefined;
      case 'columns-end':
        return this.#columnsEnd(first, decodeEof(payload));
      case 'definitions':
        return this.#definition(payload);
      case 'fields':
        this.#phase = 'fields';
        if (isEof(payload)) this.#done();
        return undefined;
      case 'rows':
        return this.#resultEnd(first, decodeEof(payload));
    }
  }

  /** The first packet of an answer, or of the next result in it. */
  #begin(first: Owed, packet: Buffer, payload: Buffer): Instead | Promise<Instead> {
    if (first.kind === 'text') return this.#done();
    const type = payload[0];
    if (type === OK && first.kind === 'prepare') return this.#prepared(first, payload);
    if (type === OK) {
      const { affectedRows, status } = decodeOk(payload);
      first.rows += affectedRows;
      return this.#resultEnd(first, status, first.kind === 'result');
    }
    if (isEof(payload) && first.kind === 'ok') return this.#resultEnd(first, 0);
    if (first.kind !== 'result') throw unexpected(`a packet that begins with ${type}`);
    if (type === FILE_REQUEST) return this.#fileRequest(first, packet);
    const count = new Fields(payload).lenenc();
    if (count === 0 || count > COLUMNS_MAX) throw unexpected(`a result of ${count} columns`);
    this.#columnsLeft = count;
    this.#types = [];
    this.#phase = 'columns';
    return undefined;
  }

  #prepared(first: Owed, payload: Buffer): undefined {
    const { statement, columns, parameters } = decodePrepared(payload);
    this.#books.statements.add(statement, first.text ?? '', parameters);
    this.#listsLeft = (columns > 0 ? 1 : 0) + (parameters > 0 ? 1 : 0);
    if (this.#listsLeft === 0) this.#done();
    else this.#phase = 'definitions';
  }

  #definition(payload: Buffer): undefined {
    if (isEof(payload) && --this.#listsLeft === 0) this.#done();
  }

  /** With a cursor the rows come when they are asked for. */
  #columnsEnd(first: Owed, status: number): undefined {
    const { statement } = first;
    if (statement) statement.columnTypes = this.#types;
    this.#phase = 'rows';
    if (statement && status & STATUS.cursorExists) this.#done();
  }

  /** A result is over: another one follows, or the answer is complete. */
  #resultEnd(first: Owed, status: number, mayGoOn = true): Instead {
    const { refusal } = first;
    const goesOn = mayGoOn && first.kind === 'result' && (status & STATUS.moreResults) !== 0;
    if (goesOn) this.#phase = 'first';
    // The client takes the refusal for the end: what else the server has to say is not for it.
    if (goesOn && refusal) this.#dropping = true;
    if (!goesOn) this.#done();
    return refusal;
  }

  #drop(payload: Buffer): Instead {
    const type = payload[0];
    const phase = this.#current();
    const ends = type === ERROR || (phase === 'first' && type === OK) || (phase === 'rows' && isEof(payload));
    if (ends) {
      const status = type === ERROR ? 0 : type === OK ? decodeOk(payload).status : decodeEof(payload);
      if (status & STATUS.moreResults) this.#phase = 'first';
      else this.#done();
    } else if (phase === 'first') {
      this.#columnsLeft = new Fields(payload).lenenc();
      this.#phase = 'columns';
    } else if (phase === 'columns' && --this.#columnsLeft === 0) this.#phase = 'columns-end';
    else if (phase === 'columns-end') this.#phase = 'rows';
    if (type === FILE_REQUEST && phase === 'first') throw unexpected('a request for a file behind a refused one');
    return NOTHING;
  }

  #fail(first: Owed, payload: Buffer): Instead {
    const { refusal } = first;
    first.error ??= errorLine(decodeError(payload));
    this.#done();
    return refusal;
  }

  /** A server that says something by itself says why it closes. */
  #unasked(payload: Buffer): undefined {
    if (payload[0] !== ERROR) throw unexpected('something that nothing asked for');
    this.lastWord = new TargetFault('target_closed', `The target ended the session: ${errorLine(decodeError(payload))}`);
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
  #done(): undefined {
    const entry = this.#books.owed.shift();
    this.#phase = undefined;
    this.#lastSequence = undefined;
    this.#dropping = false;
    const masked = this.#masked;
    this.#masked = {};
    if (!entry?.permit) return;
    this.#gate.settle(entry.permit, {
      rows: entry.rows,
      bytes: entry.bytes,
      ...(entry.error === undefined ? {} : { error: entry.error }),
      ...(Object.keys(masked).length > 0 ? { masked } : {}),
    });
  }
}

function isEof(payload: Buffer): boolean {
  return payload[0] === EOF && payload.length < EOF_BYTES_MAX;
}

function unexpected(what: string): TargetFault {
  return new TargetFault('target_protocol', `The target sent ${what}, which MySQL does not say there`);
}
