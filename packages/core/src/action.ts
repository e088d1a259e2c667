import type { AnswerRules } from './answer.ts';

/** One unit of intent in a session: a statement, a command, a request. */
export interface Action {
  /** 1, 2, 3 … within its session. */
  readonly seq: number;
  /** What the user asked for, as the protocol has it: SQL text, a command line, a request line. */
  readonly text: string;
  /** The protocol's own name of the message that carried it, such as `query` or `execute`. */
  readonly via: string;
  /** What else the client sent for it, such as parameters, in one line for people; empty for nothing. Asked for only where somebody must approve. */
  readonly beside?: () => string | Promise<string>;
}

/** What an action goes on with after it was judged, such as the rest of a long body: one piece of it as a text. */
export interface LaterPart {
  /** As the action's. */
  readonly via: string;
  /** What the action began with, such as its request line; it stands in front of each piece, and was judged. */
  readonly head: string;
  /** The end of what was judged before this piece. */
  readonly before: string;
  /** What nobody has judged. */
  readonly text: string;
}

/** How an action ended, as far as the wire told. */
export interface Outcome {
  /** Rows that went to the client, or that the target says it changed. */
  readonly rows: number;
  /** Bytes of the answer, as the target sent them. */
  readonly bytes: number;
  readonly duration_us: number;
  /** The target's error, in one line: `42P01: relation "x" does not exist`. */
  readonly error?: string;
  /** What a protocol with numbers for it answered, such as 404. */
  readonly status?: number;
  /** Bytes of a request's body. */
  readonly bytes_in?: number;
  /** What a command ended with, as a shell tells it. */
  readonly exit_code?: number;
  /** Masked values per entity. Never the values. */
  readonly masked?: Readonly<Record<string, number>>;
}

/** What a rule said. */
export interface Denial {
  readonly rule: string;
  /** For the user, in one line, with what to do next. */
  readonly message: string;
}

/** Why an action waits for a person's approval. */
export interface Hold {
  readonly rule: string;
  /** For the user and for whoever decides, in one line. */
  readonly message: string;
}

/** What a rule found in an action that it lets pass: for the record. */
export interface Matched {
  readonly rule: string;
  readonly message: string;
}

/** `hold` is truthy and not a yes: compare `allow` with true. */
export type Verdict =
  | { readonly allow: true; readonly notice?: string; readonly matched?: Matched; readonly answer?: AnswerRules }
  | { readonly allow: false; readonly denial: Denial }
  | { readonly allow: 'hold'; readonly hold: Hold; readonly answer?: AnswerRules };

/** What came of asking people. */
export type Approval =
  | { readonly approved: true; readonly by: string }
  | { readonly approved: false; readonly by?: string; readonly reason: string };

export const ALLOW: Verdict = Object.freeze({ allow: true });
