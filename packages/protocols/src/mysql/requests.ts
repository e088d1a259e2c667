import type { Denial } from '@hoop/core/action';
import { PeerFault } from '@hoop/core/errors';
import type { Decision, Gate } from '@hoop/core/gate';
import { type Cuts, Cutter } from '../shared/cutter.ts';
import type { Step } from '../shared/step.ts';
import { type Books, newOwed, type Owed, type Statement } from './books.ts';
import { badLength, encodePacket, HEADER_BYTES, joinPayload, PAYLOAD_BYTES_MAX, payloadLength } from './frame.ts';
import { HELD_BYTES_MAX, LONG_DATA_KEPT_BYTES_MAX } from './limits.ts';
import {
  COMMAND,
  decodeLongData,
  decodeStatement,
  decodeText,
  decodeUserChange,
  encodeQuery,
  fieldListText,
  LONG_DATA_HEAD_BYTES,
  quotedName,
  refreshText,
  refusedName,
} from './messages/command.ts';
import { executedText } from './messages/execute.ts';
import { CACHING_SHA2, encodeMoreData, FAST_AUTH_OK } from './messages/handshake.ts';
import { asksForWarnings } from './noticing.ts';
import { findThread, killedBy, type Owner } from './threads.ts';
import { inItsWords } from './versions.ts';
import { denialWords, unknownStatementWords, unsupportedWords } from './words.ts';

/** Stands in for a command that is not passed on: the server answers it with one OK, and that becomes the refusal, in its turn. */
const STAND_IN = encodePacket(0, Buffer.from([COMMAND.ping]));

/** What the server forgets of a session: all but who it is. */
const RESET = encodePacket(0, Buffer.from([COMMAND.resetConnection]));

/** Stands in for a KILL of a session in which nothing runs. */
const DO_NOTHING = encodeQuery('DO 0');

/** Who speaks to whom. */
interface Spoken {
  readonly owner: Owner;
  readonly user: string;
  /** The target's. */
  readonly version: string;
}

/** Client to target. Cuts commands, asks the gate about those that mean something, and forwards runs of unchanged bytes. */
export class Requests {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #owner: Owner;
  readonly #user: string;
  readonly #version: string;
  readonly #cutter: Cutter;
  /** The next packet goes on with what passes: the one before it was full. */
  #continued = false;

  constructor(gate: Gate, books: Books, { owner, user, version }: Spoken, send: (bytes: Buffer) => void | Promise<void>) {
    this.#gate = gate;
    this.#books = books;
    this.#owner = owner;
    this.#user = user;
    this.#version = version;
    const cuts: Cuts = {
      needs: (chunk, at) => this.#needs(chunk, at),
      total: (chunk, at, needed) =>
        this.#isUnseen || chunk[at + HEADER_BYTES] === COMMAND.longData ? HEADER_BYTES + payloadLength(chunk, at) : needed,
      take: (chunk, at, end) => (this.#isUnseen ? this.#passUnseen(chunk, at) : this.#take(chunk.subarray(at, end))),
      owed: books.owed,
    };
    this.#cutter = new Cutter(cuts, (bytes) => {
      const { stopping } = books;
      return stopping ? stopping.then(() => send(bytes)) : send(bytes);
    });
  }

  /** @throws PeerFault on what is not this protocol */
  feed(chunk: Buffer): void | Promise<void> {
    return this.#cutter.feed(chunk);
  }

  /** False while the target has got only a part of a command. */
  get atBoundary(): boolean {
    return this.#cutter.atBoundary && !this.#isUnseen;
  }

  /** Pieces of a file, and what goes on with long data, pass as they come. */
  get #isUnseen(): boolean {
    return this.#continued || this.#books.uploading;
  }

  /** How much of what begins at `at` must be there before it can be looked at. @throws PeerFault `bad_length`, `message_too_large` */
  #needs(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    if (left < HEADER_BYTES) return HEADER_BYTES;
    const length = payloadLength(chunk, at);
    if (this.#isUnseen) return HEADER_BYTES;
    if (length === 0) throw badLength(length);
    if (left <= HEADER_BYTES) return HEADER_BYTES + 1;
    if (chunk[at + HEADER_BYTES] === COMMAND.longData)
      return HEADER_BYTES + Math.min(length, LONG_DATA_HEAD_BYTES + LONG_DATA_KEPT_BYTES_MAX);
    return wholeCommand(chunk, at);
  }

  #passUnseen(chunk: Buffer, at: number): Step {
    const length = payloadLength(chunk, at);
    if (!this.#continued && length === 0) this.#books.uploading = false;
    this.#continued = length === PAYLOAD_BYTES_MAX;
    return 'pass';
  }

  /** Looks at one command, with its headers. Of long data only the start is there. */
  #take(command: Buffer): Step | Promise<Step> {
    const { statements } = this.#books;
    const code = command[HEADER_BYTES];
    const payload = joinPayload(command);
    const sequence = answerSequence(command);
    switch (code) {
      case COMMAND.quit:
        this.#books.left = true;
        return 'pass';
      case COMMAND.query:
        return this.#ask('query', 'result', decodeText(payload), sequence);
      case COMMAND.prepare:
        return this.#prepare(decodeText(payload), sequence);
      case COMMAND.execute:
      case COMMAND.fetch:
        return this.#execute(code, payload, sequence);
      case COMMAND.longData:
        return this.#longData(command);
      case COMMAND.close:
        statements.remove(decodeStatement(payload));
        return 'pass';
      case COMMAND.reset:
        statements.get(decodeStatement(payload))?.longData.clear();
        return this.#expect('ok', sequence);
      case COMMAND.resetConnection:
        statements.clear();
        return this.#expect('ok', sequence);
      case COMMAND.changeUser:
        return this.#changeUser(payload, sequence);
      case COMMAND.ping:
      case COMMAND.setOption:
        return this.#expect('ok', sequence);
      case COMMAND.statistics:
        return this.#expect('text', sequence);
      default:
        return this.#takeOld(code ?? 0, payload, sequence);
    }
  }

  /**
   * Pools give a session back so: the user stays, and everything else is as after the login. The server cannot be asked to log in again, with
   * a secret that is not its own; so it forgets the session, and goes to the database that was named.
   */
  #changeUser(payload: Buffer, sequence: number): Step | Promise<Step> {
    const { user, database, plugin, proof } = decodeUserChange(payload);
    if (user !== this.#user) return this.#standIn(sequence, unsupportedWords('COM_CHANGE_USER to another user', sequence));
    const { owed, statements } = this.#books;
    statements.clear();
    // Who sent such a proof hears what becomes of it before the OK, and would take the OK for that.
    const hearsProof = plugin === CACHING_SHA2 && proof.length > 0;
    const reset = newOwed('ok', sequence);
    owed.push(reset);
    if (database === '' && !hearsProof) return RESET;
    if (hearsProof) reset.refusal = encodeMoreData(sequence, Buffer.from([FAST_AUTH_OK]));
    else reset.isOwn = true;
    const next = hearsProof ? (sequence + 1) & 0xff : sequence;
    if (database === '') {
      owed.push(newOwed('ok', next));
      return Buffer.concat([RESET, STAND_IN]);
    }
    const use = encodePacket(0, Buffer.from([COMMAND.initDatabase]), Buffer.from(database));
    const behind = (step: Step): Step => Buffer.concat([RESET, Buffer.isBuffer(step) ? step : use]);
    const asked = this.#ask('init-db', 'ok', `USE ${quotedName(database)}`, next);
    return asked instanceof Promise ? asked.then(behind) : behind(asked);
  }

  #expect(kind: Owed['kind'], sequence: number): Step {
    this.#books.owed.push(newOwed(kind, sequence));
    return 'pass';
  }

  /** Commands for which there is SQL: they are judged and recorded as that. */
  #takeOld(code: number, payload: Buffer, sequence: number): Step | Promise<Step> {
    switch (code) {
      case COMMAND.initDatabase:
        return this.#ask('init-db', 'ok', `USE ${quotedName(decodeText(payload))}`, sequence);
      case COMMAND.createDatabase:
        return this.#ask('create-db', 'ok', `CREATE DATABASE ${quotedName(decodeText(payload))}`, sequence);
      case COMMAND.dropDatabase:
        return this.#ask('drop-db', 'ok', `DROP DATABASE ${quotedName(decodeText(payload))}`, sequence);
      case COMMAND.fieldList:
        return this.#ask('field-list', 'fields', fieldListText(payload), sequence);
      case COMMAND.processInfo:
        return this.#ask('process-info', 'result', 'SHOW PROCESSLIST', sequence);
      case COMMAND.processKill:
        return this.#ask('process-kill', 'result', `KILL CONNECTION ${decodeStatement(payload)}`, sequence);
      case COMMAND.refresh:
        return this.#ask('refresh', 'ok', refreshText(payload), sequence);
      default:
        return this.#standIn(sequence, unsupportedWords(refusedName(code), sequence));
    }
  }

  #ask(via: string, kind: Owed['kind'], text: string, sequence: number, statement?: Statement): Step | Promise<Step> {
    const asked = newOwed(kind, sequence);
    asked.text = text;
    asked.statement = statement;
    const decision = this.#gate.ask(via, text);
    return decision instanceof Promise ? this.#decidedLater(via, asked, text, decision) : this.#decided(via, asked, text, decision);
  }

  async #decidedLater(via: string, asked: Owed, text: string, decision: Promise<Decision>): Promise<Step> {
    return this.#decided(via, asked, text, await decision);
  }

  #decided(via: string, asked: Owed, text: string, { permit, denial }: Decision): Step {
    if (!permit) return this.#standIn(asked.sequence, denialWords(denial, asked.sequence));
    asked.permit = permit;
    const { notice } = this.#books;
    if (notice !== undefined || permit.notice !== undefined) {
      if (via === 'query' && asksForWarnings(text)) asked.notice = notice;
      else this.#books.notice = permit.notice;
    }
    this.#books.owed.push(asked);
    return via === 'query' || via === 'process-kill' ? this.#translated(text) : 'pass';
  }

  /**
   * The greeting told the client a number for its session and a version: a KILL names the one, and some words are those of the
   * other. The target has its own.
   */
  #translated(text: string): Step {
    const known = inItsWords(text, this.#version);
    if (known !== text) return encodeQuery(known);
    const killed = killedBy(text);
    const thread = killed && findThread(this.#owner, killed.id);
    if (!killed || !thread) return 'pass';
    // It must not hit what that session runs next.
    if (killed.query && !thread.busy()) return DO_NOTHING;
    const meant = `${text.slice(0, killed.from)}${thread.targetId}${text.slice(killed.to)}`;
    return encodeQuery(meant);
  }

  #prepare(text: string, sequence: number): Step | Promise<Step> {
    const decided = (denial: Denial | undefined): Step => {
      if (denial) return this.#standIn(sequence, denialWords(denial, sequence));
      const prepare = newOwed('prepare', sequence);
      prepare.text = text;
      this.#books.owed.push(prepare);
      return 'pass';
    };
    const denial = this.#gate.check('prepare', text);
    return denial instanceof Promise ? denial.then(decided) : decided(denial);
  }

  #execute(code: number, payload: Buffer, sequence: number): Step | Promise<Step> {
    const number = decodeStatement(payload);
    const statement = this.#books.statements.get(number);
    // What cannot be judged is not sent; a server that knows the number knows more than it has said.
    if (!statement) return this.#standIn(sequence, unknownStatementWords(number, sequence));
    if (code === COMMAND.fetch) return this.#ask('fetch', 'fetch', statement.executed, sequence, statement);
    statement.executed = executedText(payload, statement);
    statement.longData.clear();
    return this.#ask('execute', 'result', statement.executed, sequence, statement);
  }

  #longData(command: Buffer): Step {
    const payload = command.subarray(HEADER_BYTES);
    const length = payloadLength(command, 0);
    const { statement: number, parameter } = decodeLongData(payload);
    const statement = this.#books.statements.get(number);
    if (statement && parameter < statement.parameters) {
      const before = statement.longData.get(parameter) ?? { bytes: 0, head: Buffer.alloc(0) };
      const room = LONG_DATA_KEPT_BYTES_MAX - before.head.length;
      const more = payload.subarray(LONG_DATA_HEAD_BYTES, LONG_DATA_HEAD_BYTES + room);
      const head = room > 0 ? Buffer.concat([before.head, more]) : before.head;
      statement.longData.set(parameter, { bytes: before.bytes + length - LONG_DATA_HEAD_BYTES, head });
    }
    this.#continued = length === PAYLOAD_BYTES_MAX;
    return 'pass';
  }

  #standIn(sequence: number, refusal: Buffer): Step {
    const entry = newOwed('ok', sequence);
    entry.refusal = refusal;
    this.#books.owed.push(entry);
    return STAND_IN;
  }
}

/** Bytes of a command over all of its packets; where a header is still to come, up to the end of that. @throws PeerFault `message_too_large` */
function wholeCommand(chunk: Buffer, at: number): number {
  for (let end = at; ; ) {
    if (chunk.length < end + HEADER_BYTES) return end + HEADER_BYTES - at;
    const length = payloadLength(chunk, end);
    end += HEADER_BYTES + length;
    if (end - at > HELD_BYTES_MAX) {
      throw new PeerFault('message_too_large', `A command of ${end - at} bytes is over the gateway's limit of ${HELD_BYTES_MAX}`);
    }
    if (length < PAYLOAD_BYTES_MAX) return end - at;
  }
}

/** The answer goes on counting where the command's last packet stopped. */
function answerSequence(command: Buffer): number {
  let last = 0;
  for (let at = 0; at + HEADER_BYTES <= command.length; at += HEADER_BYTES + payloadLength(command, at)) last = command[at + 3] ?? 0;
  return (last + 1) & 0xff;
}
