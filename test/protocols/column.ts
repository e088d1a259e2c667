import type { Kind } from '../support/office.ts';
import type { Place, TargetPlace } from './place.ts';

/** What a client can do beyond asking and being answered. Rows that need more are not run with clients that cannot. */
export type Skill = 'pipeline' | 'cancel' | 'half-close' | 'vanish' | 'stall' | 'last-words' | 'notices the end';

export interface Answer {
  /** The first cell of each row. */
  readonly rows: readonly string[];
  /** What went wrong, in the words that the client shows. */
  readonly error?: string;
}

/** One client's session, by the hands of somebody else's driver. */
export interface Client {
  /** Asks without waiting for what was asked before, where the client can pipeline; else one after the other. */
  ask(text: string): Promise<Answer>;
  /** Asks the server to stop what runs now. Resolves when the request was taken. */
  cancel?(): Promise<void>;
  /** Says that it will ask nothing more, and goes on listening. */
  halfClose?(): void;
  /** Is gone without a word. */
  vanish?(): void;
  /** Reads nothing any more. */
  stall?(): void;
  /** Resolves when the server has ended the session, with the last words that the client heard. */
  readonly ended: Promise<string>;
  leave(): Promise<void>;
}

export interface ClientKind {
  readonly name: string;
  readonly skills: ReadonlySet<Skill>;
  /** What goes over the wire for a text, where that is not the text itself. */
  readonly sends?: (text: string) => string;
  /** @throws Error with the words that the client was told */
  open(place: Place): Promise<Client>;
}

/** What to say to mean something. Texts of the protocol, such as statements. */
export interface Texts {
  /** Answers this word, as one row of one cell. */
  answer(word: string): string;
  /** Answers this word after a while. */
  answerLate(word: string, delay_ms: number): string;
  /** Answers so many rows, each of about so many bytes. */
  rows(count: number, bytes?: number): string;
  /** Runs until somebody stops it. */
  endless(): string;
  /** Leaves a mark at the target, which `TargetPlace.marks` sees. */
  mark(word: string): string;
  /** Fails at the target; `words` are in what the client is told. */
  readonly failing: { readonly text: string; readonly words: string };
  /** Changes this many rows of the target and answers none. */
  change(rows: number): string;
}

export type Break = 'garbage before login' | 'oversize message' | 'impossible length';

export interface Column {
  /** How many short sessions are tried, where logging in costs so much that a thousand take too long. */
  readonly shortSessions?: number;
  /** The adapter's name; its abilities decide which rows there are. */
  readonly protocol: string;
  /** What a connection to it is, as the API names it. */
  readonly kind: Kind;
  readonly clients: readonly ClientKind[];
  readonly texts: Texts;
  /** Starts a real target. */
  startTarget(): Promise<Target>;
  /** How many rows the audit counts where a target answers so many; absent: as many. */
  readonly counted?: (rows: number) => number;
  /** Ways to break the protocol, where it can be; each resolves with the words that were heard before the connection closed, '' for none. */
  readonly breaks: Readonly<Partial<Record<Break, (place: Place) => Promise<string>>>>;
  /** The words of an error, as any client shows them, for what every protocol has to tell. */
  readonly words: Readonly<
    Record<
      | 'target down'
      | 'wrong target password'
      | 'agent offline'
      | 'unknown secret'
      | 'killed'
      | 'revoked'
      | 'expired'
      | 'oversize'
      | 'cancelled',
      RegExp
    >
  >;
}

export interface Target {
  /** A part of the target of its own, such as a database. */
  place(): Promise<TargetPlace>;
  /** The settings of a target that nobody answers at. */
  nowhere(): Record<string, string>;
  close(): Promise<void>;
}
