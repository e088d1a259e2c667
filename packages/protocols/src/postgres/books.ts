import type { Denial } from '@hoop/core/action';
import { PeerFault } from '@hoop/core/errors';
import type { Permit } from '@hoop/core/gate';
import { PENDING_ACTIONS_MAX } from '@hoop/core/limits';
import type { CopyOut } from './copying.ts';
import { CURSORS_MAX, NAMED_TEXT_BYTES_MAX, NAMES_MAX } from './limits.ts';
import { decodeRowDescription } from './messages/row.ts';
import { Result } from './results.ts';

/** What stands behind a name, and how the server described its rows: RowDescription's body, empty where it has none. */
export interface Named {
  readonly text: string;
  described: Buffer | undefined;
  /** A name leads to it: then what it takes is counted. */
  isNamed: boolean;
  /** Of a portal, its Bind: kept where somebody may have to approve what it runs. */
  readonly bind?: Buffer | undefined;
}

/** A prepared statement. */
export type Statement = Named;

/** Rows that were shown of something that is fetched in portions. */
export interface Shown {
  shown: number;
}

export interface Portal extends Named, Shown {
  readonly statement: Statement | undefined;
  /** Formats of its columns as they were asked for: none (text), one for all, or one each. Undefined: not known. */
  readonly formats: readonly number[] | undefined;
}

/** What the server still owes for a message that was sent to it. All have the same fields: there is one for every message. */
export interface Owed {
  readonly kind: 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'function' | 'sync' | 'copy-end';
  /** The judged action that it answers; only query, execute and function have one. */
  permit: Permit | undefined;
  /** Instead of the server's error for this entry the client is told this: the action was denied, and the server was made to fail in its place. */
  refusal: Buffer | undefined;
  /** Takes back what sending the message did to the names, when the server skips it. */
  undo: (() => void) | undefined;
  /** Does it again, after the names were put in doubt by something that was sent before. */
  redo: (() => void) | undefined;
  /** What a Describe is about. */
  describes: Named | undefined;
  /** What an Execute runs. */
  portal: Portal | undefined;
  /** The cursor of a FETCH. */
  cursor: Shown | undefined;
  /** The rows that come now. */
  result: Result | undefined;
  /** The lines that are copied out now. */
  copy: CopyOut | undefined;
  rows: number;
  bytes: number;
  /** Rows that were shown. */
  shown: number;
  /** Nothing more of the answer is shown, and why. */
  ended: Denial | undefined;
  /** The server is made to fail now, because the answer was ended when the statement had ended already. */
  failing: boolean;
  error: string | undefined;
}

/** Who sends the message fills in what is known of it then. */
export function newOwed(kind: Owed['kind']): Owed {
  return {
    kind,
    permit: undefined,
    refusal: undefined,
    undo: undefined,
    redo: undefined,
    describes: undefined,
    portal: undefined,
    cursor: undefined,
    result: undefined,
    copy: undefined,
    rows: 0,
    bytes: 0,
    shown: 0,
    ended: undefined,
    failing: false,
    error: undefined,
  };
}

/** The rows that an answer has where it does not describe them itself. */
export function undescribedResult({ portal, permit }: Owed): Result {
  const hides = permit?.answer?.hides;
  if (portal?.described?.length) return new Result(decodeRowDescription(portal.described), 'described', hides);
  const { described } = portal?.statement ?? {};
  return new Result(described?.length ? decodeRowDescription(described) : undefined, portal?.formats, hides);
}

/**
 * The queue of owed answers: what was sent, in order, and not answered yet.
 * A ring would be smaller; an array with a moving head is simpler and as fast.
 */
export class OwedQueue {
  #entries: Owed[] = [];
  #head = 0;
  #waiting: (() => void) | undefined;
  #awaited: { readonly entry: Owed; answered(): void } | undefined;

  /** Past half of the limit whoever adds should wait for `room`; the limit itself is only reached by one chunk of tiny messages. */
  get isFull(): boolean {
    return this.length > PENDING_ACTIONS_MAX / 2;
  }

  /** Resolves when a quarter of the limit is owed at most. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Resolves when this entry is answered, if it is sure to be soon: the server has been told to answer, by a sync behind it. */
  answerOf(entry: Owed): Promise<void> | undefined {
    const at = this.#entries.indexOf(entry, this.#head);
    if (at < 0 || !this.#entries.slice(at).some(({ kind }) => kind === 'sync')) return undefined;
    return new Promise((answered) => {
      this.#awaited = { entry, answered };
    });
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get first(): Owed | undefined {
    return this.#entries[this.#head];
  }

  /** What is answered behind the first. */
  get second(): Owed | undefined {
    return this.#entries[this.#head + 1];
  }

  /** @throws PeerFault `too_many_pending` */
  push(entry: Owed): void {
    if (this.length >= PENDING_ACTIONS_MAX) {
      throw new PeerFault('too_many_pending', `More than ${PENDING_ACTIONS_MAX} messages wait for their answers; send a Sync and read`);
    }
    this.#entries.push(entry);
  }

  shift(): Owed | undefined {
    if (this.#head === this.#entries.length) return undefined;
    const entry = this.#entries[this.#head++];
    if (this.#awaited && this.#awaited.entry === entry) {
      this.#awaited.answered();
      this.#awaited = undefined;
    }
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

  /** Drops the syncs behind the first entry and before the end of its copy: a server that takes copy data ignores them. */
  dropSyncsOfCopy(): void {
    const waiting = this.#entries.slice(this.#head + 1);
    const end = waiting.findIndex((entry) => entry.kind === 'copy-end');
    const kept = waiting.filter((entry, index) => entry.kind !== 'sync' || (end >= 0 && index > end));
    const { first } = this;
    this.#entries = first ? [first, ...kept] : kept;
    this.#head = 0;
  }

  /** Does again what those that are still owed did to the names. */
  redo(): void {
    for (let index = this.#head; index < this.#entries.length; index++) this.#entries[index]?.redo?.();
  }

  some(matches: (entry: Owed) => boolean): boolean {
    return this.find(matches) !== undefined;
  }

  find(matches: (entry: Owed) => boolean): Owed | undefined {
    for (let index = this.#head; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry && matches(entry)) return entry;
    }
    return undefined;
  }
}

/**
 * Prepared statements and portals by name, as the server will have them when it has worked off what was sent.
 * Every change returns how to take it back: a server that skips the message never made it, and a record must not name a statement
 * that did not run.
 */
export class Names {
  readonly #statements = new Map<string, Statement>();
  readonly #portals = new Map<string, Portal>();
  /** Parses of names that were taken already: the server refuses them, unless it refused what took the name. */
  readonly #doubts = new Map<string, Owed>();
  readonly #cursors = new Map<string, Shown>();
  #bytes = 0;

  /** Names the statement; the result is what the Parse will be owed. @throws PeerFault `too_many_names` */
  parse(name: string, text: string): Owed {
    const isDoubtful = name !== '' && this.#statements.has(name);
    const statement: Statement = { text, described: undefined, isNamed: true };
    const owed = newOwed('parse');
    owed.undo = this.#set(this.#statements, name, statement);
    owed.redo = () => this.#put(this.#statements, name, statement);
    if (isDoubtful) this.#doubts.set(name, owed);
    return owed;
  }

  /** The Parse whose answer decides what this name stands for, when it may be something else than what was sent last. */
  doubtOf(statement: string): Owed | undefined {
    return this.#doubts.size === 0 ? undefined : this.#doubts.get(statement);
  }

  /** No more doubt about this name. */
  trust(statement: string): void {
    this.#doubts.delete(statement);
  }

  /** The portal runs what the statement is now. @throws PeerFault `too_many_names` */
  bind(portal: string, name: string, formats?: readonly number[], bind?: Buffer): () => void {
    const statement = this.#statements.get(name);
    const text = statement?.text ?? `EXECUTE ${quoted(name)} /* prepared in SQL */`;
    return this.#set(this.#portals, portal, { text, described: undefined, isNamed: true, statement, formats, bind, shown: 0 });
  }

  close(what: 'statement' | 'portal', name: string): () => void {
    return what === 'statement' ? this.#set(this.#statements, name, undefined) : this.#set(this.#portals, name, undefined);
  }

  named(what: 'statement' | 'portal', name: string): Named | undefined {
    return what === 'statement' ? this.#statements.get(name) : this.#portals.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  /** What an Execute of this portal runs. A portal that is not known here was made in SQL, as a cursor. */
  textOf(portal: string): string {
    return this.#portals.get(portal)?.text ?? `FETCH FROM ${quoted(portal)} /* cursor made in SQL */`;
  }

  /** Keeps how the server described something. @throws PeerFault `too_many_names` */
  describe(named: Named, described: Buffer): void {
    if (named.isNamed) this.#bytes += described.length - (named.described?.length ?? 0);
    named.described = Buffer.from(described);
    this.#check();
  }

  /** Statements were dropped in SQL (DEALLOCATE, DISCARD ALL), nobody knows which: any name may have got another statement since. */
  doubtStatements(): void {
    for (const [name, { text }] of this.#statements) {
      const doubted = text.startsWith('EXECUTE "') ? text : `EXECUTE ${quoted(name)} /* prepared in SQL, or as: */ ${text}`;
      this.#put(this.#statements, name, { text: doubted, described: undefined, isNamed: true });
    }
  }

  /** What was shown of the cursor that a text fetches from; undefined when it does nothing of the kind. */
  cursorOf(text: string): Shown | undefined {
    const name = FETCH.exec(text.length > FETCH_BYTES_MAX ? '' : text)?.[1];
    if (name === undefined) return undefined;
    const known = name.startsWith('"') ? name.slice(1, -1) : name.toLowerCase();
    const shown = this.#cursors.get(known) ?? { shown: 0 };
    if (this.#cursors.size < CURSORS_MAX) this.#cursors.set(known, shown);
    return shown;
  }

  /** Cursors were made or closed, nobody knows which. */
  forgetCursors(): void {
    if (this.#cursors.size > 0) this.#cursors.clear();
  }

  /** The transaction is over, and with it every portal of the protocol. */
  forgetPortals(): void {
    if (this.#portals.size === 0) return;
    for (const portal of this.#portals.values()) {
      this.#bytes -= sizeOf(portal);
      portal.isNamed = false;
    }
    this.#portals.clear();
  }

  #set<T extends Named>(map: Map<string, T>, name: string, named: T | undefined): () => void {
    const before = map.get(name);
    this.#put(map, name, named);
    return () => {
      if (map.get(name) === named) this.#put(map, name, before);
    };
  }

  #put<T extends Named>(map: Map<string, T>, name: string, named: T | undefined): void {
    const before = map.get(name);
    this.#bytes += sizeOf(named) - sizeOf(before);
    if (before) before.isNamed = false;
    if (named === undefined) map.delete(name);
    else {
      named.isNamed = true;
      map.set(name, named);
    }
    this.#check();
  }

  #check(): void {
    if (this.#statements.size + this.#portals.size > NAMES_MAX || this.#bytes > NAMED_TEXT_BYTES_MAX) {
      throw new PeerFault('too_many_names', 'The session holds too many prepared statements; close those that are not needed');
    }
  }
}

/** Texts count by their length, not by their bytes: it is a bound and no bill. */
function sizeOf(named: Named | undefined): number {
  return named ? named.text.length + (named.described?.length ?? 0) + (named.bind?.length ?? 0) : 0;
}

/** The name comes last, whatever else a FETCH says. */
const FETCH = /^\s*fetch\s[^;]*?("[^"]+"|[\p{L}_][\p{L}\p{N}_$]*)\s*(?:;\s*|\/\*[^*]*\*\/)?$/iu;
const FETCH_BYTES_MAX = 1_000;

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
