import { PeerFault } from '@hoop/core/errors';
import type { Permit } from '@hoop/core/gate';
import { PENDING_ACTIONS_MAX } from '@hoop/core/limits';
import { Columns } from './columns.ts';
import { STATEMENT_BYTES_MAX, STATEMENTS_MAX } from './limits.ts';

/**
 * What the server still owes for a command that was sent to it. All have the same fields: there is one for every command.
 * By the form of the answer, `ok`: one packet; `text`: one packet without a type; `result`: results, one or several; `prepare`: a statement's number and its columns;
 * `fetch`: rows of a cursor; `fields`: column definitions.
 */
export interface Owed {
  readonly kind: 'ok' | 'text' | 'result' | 'prepare' | 'fetch' | 'fields';
  /** The judged action that it answers. */
  permit: Permit | undefined;
  /** The sequence number that the answer begins with. */
  readonly sequence: number;
  /** Instead of the server's first answer the client is told this: the command was denied, and another one went in its place. */
  refusal: Buffer | undefined;
  /** What was asked for, to see whether it asked for a file. */
  text: string | undefined;
  /** The prepared statement that was executed or fetched from: its rows are in the binary format. */
  statement: Statement | undefined;
  /** What a rule said about the statement before: SHOW WARNINGS tells it. */
  notice: string | undefined;
  /** A command of our own, about which the client knows nothing. */
  isOwn: boolean;
  /** The client has heard the end of this answer, whatever the server still says to it. */
  isSettled: boolean;
  rows: number;
  bytes: number;
  error: string | undefined;
}

/** Who sends the command fills in what is known of it then. */
export function newOwed(kind: Owed['kind'], sequence: number): Owed {
  return {
    kind,
    permit: undefined,
    sequence,
    refusal: undefined,
    text: undefined,
    statement: undefined,
    notice: undefined,
    isOwn: false,
    isSettled: false,
    rows: 0,
    bytes: 0,
    error: undefined,
  };
}

/** A prepared statement, as both sides know it by its number. */
export interface Statement {
  readonly text: string;
  readonly parameters: number;
  /** Types of the parameters: they are sent with the first execution, and with others only when they change. */
  parameterTypes: readonly number[] | undefined;
  /** Parameters that were sent ahead, in pieces. */
  readonly longData: Map<number, { bytes: number; head: Buffer }>;
  /** Of the result that a cursor gives later. */
  columns: Columns;
  /**
   * As they were described when it was prepared. Of what it keeps for a cursor a server forgets where it came from, and calls by its
   * alias what has one.
   */
  prepared: Columns;
  /** Rows that were fetched since it was executed. */
  shown: number;
  /** What ran last: text and parameters. */
  executed: string;
}

/** The queue of owed answers: what was sent, in order, and not answered yet. */
export class OwedQueue {
  #entries: Owed[] = [];
  #head = 0;
  #waiting: (() => void) | undefined;

  /** Past half of the limit whoever adds should wait for `room`; the limit itself is only reached by one chunk of tiny commands. */
  get isFull(): boolean {
    return this.length > PENDING_ACTIONS_MAX / 2;
  }

  /** Resolves when a quarter of the limit is owed at most. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The entry that is answered as the `index`th from now. */
  at(index: number): Owed | undefined {
    return this.#entries[this.#head + index];
  }

  get first(): Owed | undefined {
    return this.#entries[this.#head];
  }

  /** @throws PeerFault `too_many_pending` */
  push(entry: Owed): void {
    if (this.length >= PENDING_ACTIONS_MAX) {
      throw new PeerFault('too_many_pending', `More than ${PENDING_ACTIONS_MAX} commands wait for their answers; read them first`);
    }
    this.#entries.push(entry);
  }

  shift(): Owed | undefined {
    if (this.#head === this.#entries.length) return undefined;
    const entry = this.#entries[this.#head++];
    if (this.#waiting && this.length < PENDING_ACTIONS_MAX / 4) {
      this.#waiting();
      this.#waiting = undefined;
    }
    if (this.#head === this.#entries.length) {
      this.#entries.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

/** Prepared statements by the number that the server gave them. A number is believed only when the server has said it. */
export class Statements {
  readonly #byNumber = new Map<number, Statement>();
  #bytes = 0;

  /** @throws PeerFault `too_many_names` */
  add(number: number, text: string, parameters: number): Statement {
    this.remove(number);
    const none = new Columns();
    const more = { parameterTypes: undefined, longData: new Map(), columns: none, prepared: none, shown: 0, executed: text };
    const statement: Statement = { text, parameters, ...more };
    this.#byNumber.set(number, statement);
    this.#count(text.length);
    return statement;
  }

  get(number: number): Statement | undefined {
    return this.#byNumber.get(number);
  }

  /** Keeps a description of the columns. @throws PeerFault `too_many_names` */
  describe(statement: Statement, as: 'columns' | 'prepared', columns: Columns): void {
    const before = statement[as].bytes;
    statement[as] = columns.kept();
    this.#count(statement[as].bytes - before);
  }

  remove(number: number): void {
    const statement = this.#byNumber.get(number);
    if (!statement) return;
    this.#bytes -= statement.text.length + statement.columns.bytes + statement.prepared.bytes;
    this.#byNumber.delete(number);
  }

  clear(): void {
    this.#byNumber.clear();
    this.#bytes = 0;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#byNumber.size > STATEMENTS_MAX || this.#bytes > STATEMENT_BYTES_MAX) {
      throw new PeerFault('too_many_names', 'The session holds too many prepared statements; close those that are not needed');
    }
  }
}

/** What the two directions know together. */
export interface Books {
  /** What a rule has to say about the statement that was let through last, for a client that asks for warnings. */
  notice?: string | undefined;
  readonly owed: OwedQueue;
  readonly statements: Statements;
  /** The server takes a file now: what the client sends are pieces of it and no commands, up to an empty packet. */
  uploading: boolean;
  /** The server is being asked to stop what runs: nothing may be sent meanwhile, or it would be hit instead. */
  stopping: Promise<void> | undefined;
  /** The client has said goodbye. */
  left: boolean;
}
