import type { SecureContext } from 'node:tls';
import type { ZodType } from 'zod';
import type { AnswerAbility } from './answer.ts';
import type { Catalogue } from './catalogue.ts';
import type { AppError } from './errors.ts';
import type { Gate } from './gate.ts';
import type { Log } from './log.ts';
import type { Secret } from './secret.ts';
import type { Wire } from './wire.ts';

/** What a protocol can keep of what policy may promise. A rule that needs more is refused when it is saved. */
export interface Abilities {
  readonly actions: 'parsed' | 'session-only';
  /** `answer`: a denial is told in the protocol's words and the session goes on. `close`: it ends the session. */
  readonly deny: 'answer' | 'close';
  readonly hold: boolean;
  readonly mask: 'cells' | 'body' | 'none';
  readonly cancel: boolean;
  /** What it keeps of `AnswerRules`. */
  readonly answers: readonly AnswerAbility[];
}

/** Languages whose comments and quotes differ. */
export type Dialect = 'postgres' | 'mysql' | 'mssql';

/** What `accept` learned about the client's wish. Plain JSON; it never carries a password. */
export interface Hello {
  readonly user: string;
  readonly database?: string;
  /** Start-up options of the client, such as `application_name`. */
  readonly options?: Readonly<Record<string, string>>;
  /** The cancel key that the client sees, in hex; minted by the gateway. */
  readonly cancelKey?: string;
  /** What the client speaks, as `major.minor`. */
  readonly version?: string;
}

/** The gateway's side of a client that has just connected: what `accept` may ask for. */
export interface Door<Grant> {
  /** For TLS on this listener; undefined where it has none, or where the stream is inside a tunnel already. */
  readonly tls: SecureContext | undefined;
  /** Refuse to take a secret in clear text. */
  readonly tlsRequired: boolean;
  /** The identity is proven already (`hoop connect`): no login of the protocol's own is needed. */
  readonly proven: Grant | undefined;
  /** Resolves what the client presented. @throws Refusal when it is unknown, expired or revoked. */
  login(attempt: LoginAttempt): Promise<Grant>;
  /** The gateway's own private key, for protocols in which a server proves itself with a bare key; absent: one that lasts as long as the process. */
  readonly hostKey?: Secret;
  /** Public keys of authorities whose certificates for users are believed, each as OpenSSH writes it. */
  readonly userAuthorities?: readonly string[];
  /** Whom a certificate that counts lets in, and where to. @throws Refusal */
  certified?(attempt: CertifiedAttempt): Promise<Grant>;
  /** Whom a user's own key lets in, and where to; asked when it is offered, and again when its signature has been found good. @throws Refusal */
  keyed?(attempt: KeyAttempt): Promise<Grant>;
  /** Passes a cancel request on to the session that has this key (hex). An unknown key is ignored, as servers do. */
  cancel(key: string): void;
  /** A fresh cancel key, in hex. `length` in bytes, at least 8: the first 4 are a process id. */
  mintCancelKey(length: number): string;
}

export interface LoginAttempt {
  /** The credential's secret, in whatever field the client put it. */
  readonly secret: string;
  readonly user: string;
  readonly database?: string;
}

export interface KeyAttempt {
  /** The name that the client gives: here that of the connection. */
  readonly user: string;
  /** Of the key, as OpenSSH shows it. */
  readonly fingerprint: string;
  /** Its signature was good; else it is only offered. */
  readonly isProven: boolean;
}

export interface CertifiedAttempt {
  /** The name that the client gives: here that of the connection. */
  readonly user: string;
  /** Whom the authority vouches for. */
  readonly principals: readonly string[];
  readonly keyId: string;
}

/** A client that is through the protocol's own start: who asks, and for what. */
export interface Accepted<Grant> {
  /** The cleartext stream: the one that came in, or TLS on top of it. */
  readonly wire: Wire;
  readonly grant: Grant;
  readonly hello: Hello;
  /** An error in the protocol's words, for the client, before or instead of a session. */
  refuse(error: AppError): Buffer;
  /** Words for a client that waits for its session, where the protocol has such. */
  notice?(text: string): Buffer;
}

/** What `connect` works with, in the agent. */
export interface ConnectContext<Settings> {
  readonly settings: Settings;
  /** The settings as they are now, where one of them is a token that lives shorter than the session may. Absent: they stay. @throws AppError */
  readonly current?: () => Promise<Settings>;
  readonly hello: Hello;
  readonly log: Log;
  readonly session: SessionFacts;
  /** What the agent remembers of targets; absent: nothing outlasts the session. */
  readonly memory?: TargetMemory;
}

/** What an agent remembers of a target from one session to the next, such as the host key that was seen first. */
export interface TargetMemory {
  /** What is remembered under this name; before anything is, `value` is from now on. */
  recallOr(name: string, value: string): string;
}

/** What the agent knows of a session beside its target. */
export interface SessionFacts {
  readonly id: string;
  readonly connection: string;
  readonly type: string;
  readonly subtype: string;
  readonly verb: 'connect' | 'exec';
  readonly origin: string;
  readonly user: { readonly id: string; readonly email: string };
  /** The connection's command with its arguments; empty where it has none. */
  readonly command: readonly string[];
  /** Where the command is to run; a new directory of its own when undefined. */
  readonly cwd?: string;
}

/** A target that is logged in and ready. */
export interface Target {
  readonly wire: Wire;
  /** What the client must see before the first answer: the rest of its login. */
  readonly greeting: Buffer;
  /** What of the session's start decides how its statements are read or as whom they run, as statements of the dialect. Rules judge it first. */
  readonly started?: readonly string[];
  /** Starts relaying. Called once. */
  relay(ports: RelayPorts): Relay;
  /** Asks the target to cancel what runs now. */
  cancel(): Promise<void>;
  /** Resolves when nothing of a target that runs in the agent's own machine is left, after its wire was destroyed. The session counts as open until then. */
  released?(): Promise<void>;
}

/** Where a relay sends what it lets pass. A promise means: await it before the next chunk. */
export interface RelayPorts {
  readonly gate: Gate;
  toTarget(bytes: Buffer): void | Promise<void>;
  toClient(bytes: Buffer): void | Promise<void>;
}

/**
 * The two directions of one session, without a socket in it: bytes in, bytes out through the ports.
 * Chunks may be cut anywhere. @throws PeerFault on bytes that the protocol does not allow.
 */
export interface Relay {
  fromClient(chunk: Buffer): void | Promise<void>;
  fromTarget(chunk: Buffer): void | Promise<void>;
  /** True while an action that was sent to the target has no answer yet: only then may a cancel be passed on. */
  readonly busy: boolean;
  /** False while the client has got only a part of a message, so that nothing may be said in between. Where it is not told, messages leave whole. */
  readonly atBoundary?: boolean;
  /** Words for the client beside its answers; undefined where the protocol has none, or they may not be said now. */
  notice?(text: string): Buffer | undefined;
  /** What the target ended the session with, when it said so; the client has been told. */
  readonly lastWord: AppError | undefined;
  /** The session ends for this reason: the protocol's last words to the client, and the books closed on open actions. */
  end(reason: AppError | undefined): Buffer;
}

/** What `execute` gives back: output as text, for a person or a pipe. */
export interface Execution {
  readonly exitCode: number;
  readonly truncated: boolean;
}

/** The client's half of the protocol, for `hoop exec` and the API: a driver, never a vendor's command line. */
export interface ExecuteContext {
  readonly wire: Wire;
  readonly script: string;
  write(output: Buffer): void | Promise<void>;
  readonly outputBytesMax: number;
}

/** One piece of what a client saw. */
export interface TranscriptPiece {
  readonly stream: 'stdout' | 'stderr' | 'notice';
  readonly bytes: Buffer;
}

/** Reads what passed to a client, in chunks that are cut anywhere. Never throws: a transcript is read long after it was made. */
export interface TranscriptReader {
  push(chunk: Buffer): readonly TranscriptPiece[];
}

/**
 * A protocol adapter: three verbs and honest data about itself.
 * `accept` runs in the gateway, `connect` and the relay in the agent, `execute` in the gateway as a client of its own relay.
 */
export interface Protocol<Settings = unknown> {
  readonly name: string;
  readonly abilities: Abilities;
  /** Checks and types the connection's secrets (`HOST`, `PORT` …); drives API validation, CLI flags and forms. */
  readonly settings: ZodType<Settings>;
  /** The usual port of the gateway's native listener and of `hoop connect`; undefined where there is none. */
  readonly ports: { readonly native?: number; readonly local: number };
  /** How the target reads statements: what rules must look through. PostgreSQL's way where nothing is said. */
  readonly dialect?: Dialect;
  /** What its actions are where they are not SQL: rules about the one cannot be about the other. */
  readonly carries?: 'commands' | 'requests';
  /** One side may say that it sends no more and go on listening. Elsewhere the session is over when its target has ended. */
  readonly halfClose?: boolean;
  /** A connection's `command` is what it runs: one without it is refused when it is saved. */
  readonly needsCommand?: boolean;
  /**
   * Present where what the client is shown is recorded byte for byte, by the gateway, before the client has it; this reads such a record.
   * What the client sends is then recorded as actions only: a password may be typed. Elsewhere nothing but actions is recorded.
   */
  transcript?(): TranscriptReader;
  /** What terminals inside of its sessions show, or all that passes, is recorded piece by piece, as its relay tells it (`Gate.show`). */
  readonly showsTerminals?: boolean;
  /** An error in the protocol's words, as the last thing that a client hears. */
  refuse(error: AppError): Buffer;
  /** Undefined when there is nothing more to do with this client (a cancel request, a probe). */
  accept<Grant>(wire: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined>;
  connect(context: ConnectContext<Settings>): Promise<Target>;
  /**
   * Present where a target can be asked what shows columns under other names. Over a login of its own, with nothing of the client's but
   * the name of the database. @throws AppError
   */
  catalogue?(context: ConnectContext<Settings>): Promise<Catalogue>;
  /** What a client of our own says first, for `execute` and for probes. */
  execute?(context: ExecuteContext): Promise<Execution>;
}
