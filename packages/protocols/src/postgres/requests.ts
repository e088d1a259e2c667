import type { Action, Denial } from '@hoop/core/action';
import { PeerFault } from '@hoop/core/errors';
import type { Decision, Gate, Mask } from '@hoop/core/gate';
import { type Cuts, Cutter } from '../shared/cutter.ts';
import type { Step } from '../shared/step.ts';
import { type Names, newOwed, type OwedQueue, type Portal } from './books.ts';
import { type Endings, type Failing, FLUSH_MESSAGE } from './endings.ts';
import { badLength, code, HEADER_BYTES, messageLength } from './frame.ts';
import { BIND_HEAD_BYTES_MAX, BIND_WHOLE_BYTES_MAX, HELD_BYTES_MAX } from './limits.ts';
import { type Bind, decodeBind } from './messages/bind.ts';
import { parametersLine } from './messages/parameters.ts';
import { decodeExecute, decodeFunctionOid, decodeParse, decodeQuery, decodeTarget, LARGE_OBJECT_FUNCTIONS } from './messages/query.ts';
import { denialWords } from './words.ts';

const QUERY = code('Q');
const PARSE = code('P');
const BIND = code('B');
const EXECUTE = code('E');
const DESCRIBE = code('D');
const CLOSE = code('C');
const FUNCTION_CALL = code('F');
const SYNC = code('S');
const FLUSH = code('H');
const COPY_DATA = code('d');
const COPY_DONE = code('c');
const COPY_FAIL = code('f');
const TERMINATE = code('X');

/** What is judged when it runs. */
type Asked = 'query' | 'execute' | 'function';

/** What the two directions know together. */
export interface Books {
  readonly owed: OwedQueue;
  readonly names: Names;
  /** The server takes copy data now, and ignores Sync until its end. */
  copyIn: boolean;
  /** A message of this batch failed or was denied: the server skips everything up to the Sync, so nothing is sent or judged until then. */
  skipping: boolean;
  readonly endings: Endings;
  readonly failing: Failing;
}

/**
 * Client to target. Cuts messages, asks the gate about those that mean something, and forwards runs of unchanged bytes.
 *
 * A denied action is answered by the server itself: in its place goes the same kind of message for something that does not exist,
 * whose error the other direction replaces by the denial. So the denial comes in its turn among pipelined answers, and the transaction
 * around it fails as after any other error.
 */
export class Requests {
  readonly #gate: Gate;
  readonly #books: Books;
  readonly #cutter: Cutter;

  constructor(gate: Gate, books: Books, send: (bytes: Buffer) => void | Promise<void>) {
    this.#gate = gate;
    this.#books = books;
    const cuts: Cuts = {
      needs: (chunk, at) => this.#needs(chunk, at),
      total: (chunk, at) => messageLength(chunk, at) + 1,
      take: (chunk, at, end) => this.#inTurn(chunk, at, end),
      owed: books.owed,
    };
    this.#cutter = new Cutter(cuts, send);
  }

  /** @throws PeerFault on what is not this protocol */
  feed(chunk: Buffer): void | Promise<void> {
    return this.#cutter.feed(chunk);
  }

  #needs(chunk: Buffer, at: number): number {
    if (chunk.length - at < HEADER_BYTES) return HEADER_BYTES;
    const total = messageLength(chunk, at) + 1;
    return this.#isSkipped(chunk[at]) ? HEADER_BYTES : neededBytes(chunk[at] ?? 0, total);
  }

  #isSkipped(type: number | undefined): boolean {
    return this.#books.skipping && type !== SYNC && type !== TERMINATE;
  }

  /** What comes behind an answer that rules may end waits for its end: nothing may run that a failure would have kept from running. */
  #inTurn(chunk: Buffer, at: number, end: number): Step | Promise<Step> {
    const type = chunk[at] ?? 0;
    if (type !== FLUSH && type !== TERMINATE) {
      const turn = this.#books.endings.turn();
      if (turn) return this.#after(turn, chunk, at, end);
    }
    return this.#isSkipped(type) ? 'drop' : this.#take(type, chunk, at, end);
  }

  /** By itself: what a function may have to remember it makes room for each time. */
  #after(turn: Promise<void>, chunk: Buffer, at: number, end: number): Promise<Step> {
    return turn.then(() => this.#inTurn(chunk, at, end));
  }

  /** Looks at one message. It is whole, except for a long Bind, of which it is the start, and for what passes unseen, of which it is the header. */
  #take(type: number, chunk: Buffer, at: number, end: number): Step | Promise<Step> {
    const { owed, names } = this.#books;
    switch (type) {
      case QUERY:
        return this.#ask('query', decodeQuery(bodyOf(chunk, at, end)), undefined);
      case PARSE:
        return this.#parse(bodyOf(chunk, at, end));
      case BIND:
        return this.#bind(bodyOf(chunk, at, end), messageLength(chunk, at) + 1 === end - at);
      case EXECUTE:
        return this.#execute(chunk, at, end);
      case DESCRIBE: {
        const { what, name } = decodeTarget(bodyOf(chunk, at, end));
        const entry = newOwed('describe');
        entry.describes = names.named(what, name);
        owed.push(entry);
        return 'pass';
      }
      case CLOSE: {
        const { what, name } = decodeTarget(bodyOf(chunk, at, end));
        const entry = newOwed('close');
        entry.undo = names.close(what, name);
        owed.push(entry);
        return 'pass';
      }
      case FUNCTION_CALL:
        return this.#ask('function', functionText(decodeFunctionOid(bodyOf(chunk, at, end))), undefined);
      case SYNC:
        this.#books.skipping = false;
        if (!this.#books.copyIn) owed.push(newOwed('sync'));
        return 'pass';
      case COPY_DONE:
      case COPY_FAIL: {
        // A failure is told at once; of the good end a server tells when it is asked for all that it has to say.
        const mustAsk = type === COPY_DONE && this.#books.copyIn && this.#books.endings.watched?.kind === 'execute';
        if (this.#books.copyIn) this.#books.copyIn = false;
        else if (owed.length > 0) owed.push(newOwed('copy-end'));
        return mustAsk ? Buffer.concat([chunk.subarray(at, end), FLUSH_MESSAGE]) : 'pass';
      }
      case FLUSH:
      case COPY_DATA:
      case TERMINATE:
        return 'pass';
      default:
        throw new PeerFault('bad_message', `Invalid frontend message type ${type}`);
    }
  }

  #ask(kind: Asked, text: string, portal: Portal | undefined): Step | Promise<Step> {
    const decision = this.#gate.ask(kind, text, portal && this.#gate.mayHold ? besideOf(portal, this.#gate.mask) : undefined);
    return decision instanceof Promise ? this.#decidedLater(kind, decision, portal) : this.#decided(kind, decision, portal);
  }

  async #decidedLater(kind: Asked, decision: Promise<Decision>, portal: Portal | undefined): Promise<Step> {
    return this.#decided(kind, await decision, portal);
  }

  #decided(kind: Asked, decision: Decision, portal: Portal | undefined): Step {
    const { permit } = decision;
    if (!permit) return this.#deny(kind, decision.denial);
    const asked = newOwed(kind);
    asked.permit = permit;
    asked.portal = portal;
    if (permit.answer?.rows) asked.cursor = this.#books.names.cursorOf(permit.action.text);
    this.#books.owed.push(asked);
    if (permit.answer) this.#books.endings.watch(asked);
    return 'pass';
  }

  #execute(chunk: Buffer, at: number, end: number): Step | Promise<Step> {
    const { names } = this.#books;
    const name = decodeExecute(bodyOf(chunk, at, end));
    const portal = names.portal(name);
    const step = this.#ask('execute', portal ? portal.text : names.textOf(name), portal);
    return step instanceof Promise ? this.#flushedLater(step, chunk, at, end) : this.#flushed(step, chunk, at, end);
  }

  async #flushedLater(step: Promise<Step>, chunk: Buffer, at: number, end: number): Promise<Step> {
    return this.#flushed(await step, chunk, at, end);
  }

  /** A server keeps what it has to say until it is asked, and here somebody may wait for it. */
  #flushed(step: Step, chunk: Buffer, at: number, end: number): Step {
    return step === 'pass' && this.#books.endings.watched ? Buffer.concat([chunk.subarray(at, end), FLUSH_MESSAGE]) : step;
  }

  #deny(kind: Asked, denial: Denial): Step {
    const entry = newOwed(kind);
    entry.refusal = denialWords(denial);
    this.#books.owed.push(entry);
    // A query stands in for a query: so it ends a batch, or is passed over behind an error, as the denied one would have been.
    if (kind !== 'execute') return this.#books.failing.query;
    this.#books.skipping = true;
    return this.#books.failing.execute;
  }

  #parse(body: Buffer): Step | Promise<Step> {
    const { name, text } = decodeParse(body);
    const denial = this.#gate.check('parse', text);
    return denial instanceof Promise ? this.#parsedLater(name, text, denial) : this.#parsed(name, text, denial);
  }

  async #parsedLater(name: string, text: string, denial: Promise<Denial | undefined>): Promise<Step> {
    return this.#parsed(name, text, await denial);
  }

  #parsed(name: string, text: string, denial: Denial | undefined): Step {
    if (denial) return this.#deny('execute', denial);
    this.#books.owed.push(this.#books.names.parse(name, text));
    return 'pass';
  }

  #bind(body: Buffer, isWhole: boolean): Step | Promise<Step> {
    const { owed, names } = this.#books;
    const bind = decodeBind(body, isWhole, BIND_HEAD_BYTES_MAX);
    // Bytes of a chunk do not stay what they are.
    const kept = isWhole && this.#gate.mayHold ? Buffer.from(body) : undefined;
    const doubt = names.doubtOf(bind.statement);
    // What is judged and recorded must be what runs: where that is not known yet, the answer is waited for.
    const answer = doubt && owed.answerOf(doubt);
    return answer ? this.#boundLater(answer, bind, kept) : this.#bound(bind, kept);
  }

  async #boundLater(answer: Promise<void>, bind: Bind, kept: Buffer | undefined): Promise<Step> {
    await answer;
    this.#books.names.trust(bind.statement);
    return this.#bound(bind, kept);
  }

  #bound({ portal, statement, formats }: Bind, kept: Buffer | undefined): Step {
    const entry = newOwed('bind');
    entry.undo = this.#books.names.bind(portal, statement, formats, kept);
    this.#books.owed.push(entry);
    return 'pass';
  }
}

function bodyOf(chunk: Buffer, at: number, end: number): Buffer {
  return chunk.subarray(at + HEADER_BYTES, end);
}

function besideOf(portal: Portal, mask: Mask | undefined): Action['beside'] {
  return () => parametersLine(portal.bind, mask);
}

/** How much of a message must be there before it can be judged. */
function neededBytes(type: number, total: number): number {
  switch (type) {
    case COPY_DATA:
    case FLUSH:
    case SYNC:
    case COPY_DONE:
    case COPY_FAIL:
    case TERMINATE:
      return HEADER_BYTES;
    case BIND:
      return total <= BIND_WHOLE_BYTES_MAX ? total : HEADER_BYTES + BIND_HEAD_BYTES_MAX;
    case FUNCTION_CALL:
      return Math.min(total, HEADER_BYTES + 4);
    default:
      if (total > HELD_BYTES_MAX) throw tooLarge(total);
      return total;
  }
}

function tooLarge(total: number): PeerFault {
  return total < 0
    ? badLength(total)
    : new PeerFault('message_too_large', `A message of ${total} bytes is over the gateway's limit of ${HELD_BYTES_MAX} for statements`);
}

function functionText(oid: number): string {
  const name = LARGE_OBJECT_FUNCTIONS.get(oid);
  return name ? `FUNCTION CALL ${name}` : `FUNCTION CALL oid ${oid}`;
}
