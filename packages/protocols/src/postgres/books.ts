import { PeerFault } from '@hoop/core/errors';
import type { Permit } from '@hoop/core/gate';
import { PENDING_ACTIONS_MAX } from '@hoop/core/limits';
import { NAMED_TEXT_BYTES_MAX, NAMES_MAX } from './limits.ts';

/** What the server still owes for a message that was sent to it. */
export interface Owed {
  readonly kind: 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'function' | 'sync' | 'copy-end';
  /** The judged action that it answers; only query, execute and function have one. */
  readonly permit?: Permit;
  /** Instead of the server's error for this entry the client is told this: the action was denied, and the server was made to fail in its place. */
  readonly refusal?: Buffer;
  /** Takes back what sending the message did to the names, when the server skips it. */
  readonly undo?: () => void;
  /** Does it again, after the names were put in doubt by something that was sent before. */
  readonly redo?: () => void;
  rows: number;
  bytes: number;
  error?: string;
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
    for (let index = this.#head; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry && matches(entry)) return true;
    }
    return false;
  }
}

/**
 * Prepared statements and portals by name, as the server will have them when it has worked off what was sent.
 * Every change returns how to take it back: a server that skips the message never made it, and a record must not name a statement
 * that did not run.
 */
export class Names {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  /** Parses of names that were taken already: the server refuses them, unless it refused what took the name. */
  readonly #doubts = new Map<string, Owed>();
  #textBytes = 0;

  /** Names the statement; the result is what the Parse will be owed. @throws PeerFault `too_many_names` */
  parse(name: string, text: string): Owed {
    const isDoubtful = name !== '' && this.#statements.has(name);
    const undo = this.#set(this.#statements, name, text);
    const redo = (): void => this.#put(this.#statements, name, text);
    const owed: Owed = { kind: 'parse', undo, redo, rows: 0, bytes: 0 };
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
  bind(portal: string, statement: string): () => void {
    const text = this.#statements.get(statement) ?? `EXECUTE ${quoted(statement)} /* prepared in SQL */`;
    return this.#set(this.#portals, portal, text);
  }

  close(what: 'statement' | 'portal', name: string): () => void {
    return this.#set(what === 'statement' ? this.#statements : this.#portals, name, undefined);
  }

  /** What an Execute of this portal runs. A portal that is not known here was made in SQL, as a cursor. */
  textOf(portal: string): string {
    return this.#portals.get(portal) ?? `FETCH FROM ${quoted(portal)} /* cursor made in SQL */`;
  }

  /** Statements were dropped in SQL (DEALLOCATE, DISCARD ALL), nobody knows which: any name may have got another statement since. */
  doubtStatements(): void {
    for (const [name, text] of this.#statements) {
      if (!text.startsWith('EXECUTE "')) this.#put(this.#statements, name, `EXECUTE ${quoted(name)} /* prepared in SQL, or as: */ ${text}`);
    }
  }

  /** The transaction is over, and with it every portal of the protocol. */
  forgetPortals(): void {
    if (this.#portals.size === 0) return;
    for (const text of this.#portals.values()) this.#textBytes -= text.length;
    this.#portals.clear();
  }

  #set(map: Map<string, string>, name: string, text: string | undefined): () => void {
    const before = map.get(name);
    this.#put(map, name, text);
    return () => {
      if (map.get(name) === text) this.#put(map, name, before);
    };
  }

  #put(map: Map<string, string>, name: string, text: string | undefined): void {
    const before = map.get(name);
    this.#textBytes += (text?.length ?? 0) - (before?.length ?? 0);
    if (text === undefined) map.delete(name);
    else map.set(name, text);
    if (this.#statements.size + this.#portals.size > NAMES_MAX || this.#textBytes > NAMED_TEXT_BYTES_MAX) {
      throw new PeerFault('too_many_names', 'The session holds too many prepared statements; close those that are not needed');
    }
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
