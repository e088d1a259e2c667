/**
 * One base error and five kinds, by whose fault it is. Callers decide by kind and `code`, never by reading text.
 * Messages are in sentence case, have no final period, and say what to do next where there is something to do.
 */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>;

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Small facts for the log; never a secret, never a user's data. */
  readonly facts?: ErrorFacts;
}

export abstract class AppError extends Error {
  /** Stable API: clients may match on it. */
  readonly code: string;
  readonly facts: ErrorFacts;
  abstract readonly kind: ErrorKind;

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

export type ErrorKind = 'peer' | 'target' | 'refusal' | 'misconfigured' | 'bug';

/** The other side broke the protocol: close that session, count it. */
export class PeerFault extends AppError {
  readonly kind = 'peer';
}

/** The target is down, slow or said no: answer in the protocol's words, without internals. */
export class TargetFault extends AppError {
  readonly kind = 'target';
}

/** Policy or permission said no. An audit row, not a log error. */
export class Refusal extends AppError {
  readonly kind = 'refusal';
}

/** A person set something up wrongly; the message says the fix. */
export class Misconfigured extends AppError {
  readonly kind = 'misconfigured';
}

/** An invariant of ours broke: end the session, keep the process. */
export class Bug extends AppError {
  readonly kind = 'bug';
}

/** What crosses a process boundary of an error: no stack, no cause. */
export interface PlainError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
}

const KINDS = { peer: PeerFault, target: TargetFault, refusal: Refusal, misconfigured: Misconfigured, bug: Bug } as const;

/** Any thrown value as an AppError; an unknown one is a Bug with its cause kept. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Bug('internal', `Unexpected error: ${message}`, { cause: thrown });
}

/** The part of an error that may be shown to the other side of a link. */
export function toPlain(error: AppError): PlainError {
  return { kind: error.kind, code: error.code, message: error.message };
}

/** The error that `toPlain` described, on the other side of the link. */
export function fromPlain(plain: PlainError): AppError {
  return new KINDS[plain.kind](plain.code, plain.message);
}

/** For programmer errors: what must hold here, or a Bug. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Bug('invariant', `Invariant broken: ${what}`);
}
