import { randomBytes } from 'node:crypto';
import type { Denial } from '@hoop/core/action';
import { PeerFault } from '@hoop/core/errors';
import type { Decision, Gate, Permit } from '@hoop/core/gate';
import { type Cuts, Cutter } from '../shared/cutter.ts';
import type { Step } from '../shared/frames.ts';
import type { Names, Owed, OwedQueue } from './books.ts';
import { badLength, code, encodeMessage, HEADER_BYTES, int32, messageLength } from './frame.ts';
import { BIND_HEAD_BYTES_MAX, HELD_BYTES_MAX } from './limits.ts';
import {
  decodeBindHead,
  decodeExecute,
  decodeFunctionOid,
  decodeParse,
  decodeQuery,
  decodeTarget,
  LARGE_OBJECT_FUNCTIONS,
} from './messages/query.ts';
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

/** What the two directions know together. */
export interface Books {
  readonly owed: OwedQueue;
  readonly names: Names;
  /** The server takes copy data now, and ignores Sync until its end. */
  copyIn: boolean;
  /** A message of this batch failed or was denied: the server skips everything up to the Sync, so nothing is sent or judged until then. */
  skipping: boolean;
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
  readonly #nowhere = `hoop_denied_${randomBytes(12).toString('hex')}`;
  readonly #cutter: Cutter;

  constructor(gate: Gate, books: Books, send: (bytes: Buffer) => void | Promise<void>) {
    this.#gate = gate;
    this.#books = books;
    const cuts: Cuts = {
      needs: (chunk, at) => this.#needs(chunk, at),
      total: (chunk, at) => messageLength(chunk, at) + 1,
      take: (chunk, at, end) => (this.#isSkipped(chunk[at]) ? 'drop' : this.#take(chunk[at] ?? 0, chunk.subarray(at + HEADER_BYTES, end))),
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

  /** Looks at one message. `body` is whole, except of a Bind, of which it is the start, and of what passes unseen, where it is empty. */
  #take(type: number, body: Buffer): Step | Promise<Step> {
    const { owed, names } = this.#books;
    switch (type) {
      case QUERY:
        return this.#ask('query', decodeQuery(body));
      case PARSE:
        return this.#parse(body);
      case BIND:
        return this.#bind(body);
      case EXECUTE:
        return this.#ask('execute', names.textOf(decodeExecute(body).portal));
      case DESCRIBE:
        owed.push(entry('describe'));
        return 'pass';
      case CLOSE: {
        const { what, name } = decodeTarget(body);
        owed.push(entry('close', { undo: names.close(what, name) }));
        return 'pass';
      }
      case FUNCTION_CALL:
        return this.#ask('function', functionText(decodeFunctionOid(body)));
      case SYNC:
        this.#books.skipping = false;
        if (!this.#books.copyIn) owed.push(entry('sync'));
        return 'pass';
      case COPY_DONE:
      case COPY_FAIL:
        if (this.#books.copyIn) this.#books.copyIn = false;
        else if (owed.length > 0) owed.push(entry('copy-end'));
        return 'pass';
      case FLUSH:
      case COPY_DATA:
      case TERMINATE:
        return 'pass';
      default:
        throw new PeerFault('bad_message', `Invalid frontend message type ${type}`);
    }
  }

  #ask(kind: 'query' | 'execute' | 'function', text: string): Step | Promise<Step> {
    const decision = this.#gate.ask(kind, text);
    return decision instanceof Promise ? decision.then((settled) => this.#decided(kind, settled)) : this.#decided(kind, decision);
  }

  #decided(kind: 'query' | 'execute' | 'function', decision: Decision): Step {
    if (decision.permit) {
      this.#books.owed.push(entry(kind, { permit: decision.permit }));
      return 'pass';
    }
    return this.#deny(kind, decision.denial);
  }

  #deny(kind: 'query' | 'execute' | 'function', denial: Denial): Step {
    this.#books.owed.push(entry(kind, { refusal: denialWords(denial) }));
    // A query stands in for a query: so it ends a batch, or is passed over behind an error, as the denied one would have been.
    if (kind !== 'execute') return encodeMessage('Q', `EXECUTE ${this.#nowhere}`);
    this.#books.skipping = true;
    return encodeMessage('E', this.#nowhere, int32(0));
  }

  #parse(body: Buffer): Step | Promise<Step> {
    const { name, text } = decodeParse(body);
    const decided = (denial: Denial | undefined): Step => {
      if (denial) return this.#deny('execute', denial);
      this.#books.owed.push(this.#books.names.parse(name, text));
      return 'pass';
    };
    const denial = this.#gate.check('parse', text);
    return denial instanceof Promise ? denial.then(decided) : decided(denial);
  }

  #bind(body: Buffer): Step | Promise<Step> {
    const { owed, names } = this.#books;
    const { portal, statement } = decodeBindHead(body);
    const bound = (): Step => {
      owed.push(entry('bind', { undo: names.bind(portal, statement) }));
      return 'pass';
    };
    const doubt = names.doubtOf(statement);
    if (!doubt) return bound();
    // What is judged and recorded must be what runs: where that is not known yet, the answer is waited for.
    const answer = owed.answerOf(doubt);
    if (!answer) return bound();
    return answer.then(() => {
      names.trust(statement);
      return bound();
    });
  }
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
      return Math.min(total, HEADER_BYTES + BIND_HEAD_BYTES_MAX);
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

function entry(kind: Owed['kind'], more: { permit?: Permit; refusal?: Buffer; undo?: () => void } = {}): Owed {
  return { kind, ...more, rows: 0, bytes: 0 };
}
