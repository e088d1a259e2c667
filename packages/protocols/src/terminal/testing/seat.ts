import assert from 'node:assert/strict';
import { type ExitMessage, type StartMessage, TERMINAL_FRAMES, type TerminalFrameKind, TerminalFrameReader } from '@hoop/contract/terminal';
import { type Action, ALLOW, type Outcome, type Verdict } from '@hoop/core/action';
import type { AppError } from '@hoop/core/errors';
import { Gate, type Mask } from '@hoop/core/gate';
import { silentLog } from '@hoop/core/log';
import type { Relay, SessionFacts, Target } from '@hoop/core/protocol';
import { connect } from '../connect.ts';
import { startToOptions } from '../start.ts';
import { frame, framesOf } from '../words.ts';

export interface SeatOptions {
  readonly command: readonly string[];
  readonly start?: Partial<StartMessage>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly session?: Partial<SessionFacts>;
  readonly judge?: (action: Action) => Verdict | Promise<Verdict>;
  readonly mask?: Mask;
  /** Holds what goes to the client. */
  readonly slow?: () => Promise<void> | undefined;
}

const PATIENCE_MS = 10_000;
let sessions = 0;

/** A client's seat at a command: what the agent does around a target, without a tunnel. */
export class Seat implements AsyncDisposable {
  readonly target: Target;
  readonly #relay: Relay;
  readonly #reader = new TerminalFrameReader();
  readonly #over: Promise<void>;
  readonly id: string;
  /** `seq via verdict text`, then `seq settled …`, in order. */
  readonly audit: string[];
  readonly outcomes: Outcome[];
  stdout = '';
  stderr = '';
  notices: string[] = [];
  exit: ExitMessage | undefined;
  frames: TerminalFrameKind[] = [];
  #input: Promise<void> = Promise.resolve();

  private constructor(id: string, target: Target, options: SeatOptions) {
    this.id = id;
    this.target = target;
    const { judge = () => ALLOW, mask } = options;
    const audit: string[] = [];
    const outcomes: Outcome[] = [];
    this.audit = audit;
    this.outcomes = outcomes;
    const sink = {
      intent: ({ via, text }: Action, verdict: Verdict) => void audit.push(`${via} ${verdict.allow ? 'allow' : 'deny'} ${text}`),
      settled: ({ via }: Action, outcome: Outcome) => {
        audit.push(`${via} settled`);
        outcomes.push(outcome);
      },
    };
    const gate = new Gate({ revision: 1, mask, judge }, sink);
    this.#relay = target.relay({
      gate,
      toTarget: (bytes) => target.wire.write(bytes),
      toClient: (bytes) => {
        this.#hear(bytes);
        return options.slow?.();
      },
    });
    this.#over = target.wire.pump((chunk) => this.#relay.fromTarget(chunk));
  }

  static async take(options: SeatOptions): Promise<Seat> {
    const id = `seat-${process.pid}-${++sessions}`;
    const start: StartMessage = { mode: 'pipe', args: [], columns: 80, rows: 24, term: 'xterm-256color', timeout_ms: 0, ...options.start };
    const session: SessionFacts = {
      id,
      connection: 'tools',
      type: 'custom',
      subtype: '',
      verb: start.mode === 'pipe' ? 'exec' : 'connect',
      origin: 'cli',
      user: { id: 'u-1', email: 'ann@example.test' },
      command: options.command,
      ...options.session,
    };
    const hello = { user: '', options: startToOptions(start) };
    const target = await connect({ settings: { ...options.settings }, hello, log: silentLog(), session });
    return new Seat(id, target, options);
  }

  send(bytes: Buffer): Promise<void> {
    this.#input = this.#input.then(() => this.#relay.fromClient(bytes));
    return this.#input;
  }

  type(text: string | Buffer): Promise<void> {
    return this.send(Buffer.concat(framesOf(TERMINAL_FRAMES.input, Buffer.from(text))));
  }

  /** Sends a script and its end. */
  async script(text: string | Buffer): Promise<void> {
    await this.type(text);
    await this.send(frame(TERMINAL_FRAMES.inputEnd, Buffer.alloc(0)));
  }

  signal(name: string): Promise<void> {
    return this.send(frame(TERMINAL_FRAMES.signal, Buffer.from(name)));
  }

  /** Runs until the command has ended. */
  async ended(): Promise<this> {
    await within('the command ends', this.#over);
    await this.target.released?.();
    return this;
  }

  /** Waits until the terminal has shown this. */
  async shows(what: string | RegExp): Promise<void> {
    await eventually(
      () => `${what} in ${JSON.stringify(this.stdout.slice(-400))}`,
      () => (typeof what === 'string' ? this.stdout.includes(what) : what.test(this.stdout)),
    );
  }

  /** As the agent does when the session ends. */
  finish(reason?: AppError): Buffer {
    const words = this.#relay.end(reason);
    this.#hear(words);
    this.target.wire.destroy();
    return words;
  }

  get busy(): boolean {
    return this.#relay.busy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.target.wire.destroy();
    await this.target.released?.();
  }

  #hear(bytes: Buffer): void {
    for (const { kind, payload } of this.#reader.push(Buffer.from(bytes))) {
      const text = Buffer.from(payload).toString('utf8');
      this.frames.push(kind as TerminalFrameKind);
      if (kind === TERMINAL_FRAMES.stdout) this.stdout += Buffer.from(payload).toString('latin1');
      else if (kind === TERMINAL_FRAMES.stderr) this.stderr += text;
      else if (kind === TERMINAL_FRAMES.notice) this.notices.push(text);
      else if (kind === TERMINAL_FRAMES.exit) this.exit = JSON.parse(text) as ExitMessage;
    }
  }
}

/** A script's whole session. */
export async function ran(options: SeatOptions, script = ''): Promise<Seat> {
  await using seat = await Seat.take(options);
  await seat.script(script);
  return await seat.ended();
}

export async function eventually(what: string | (() => string), holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) assert.fail(`Waited in vain for: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Waited in vain for: ${what}`)), PATIENCE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function denying(word: string): (action: Action) => Verdict {
  return ({ text }) => (text.includes(word) ? { allow: false, denial: { rule: 'r', message: `no ${word} here` } } : ALLOW);
}

/** Lets everything begin, and forbids a word in what comes of it. */
export function forbidding(word: string): () => Verdict {
  const forbids = (text: Buffer) => (text.includes(word) ? { rule: 'r', message: `no ${word} here` } : undefined);
  return () => ({ allow: true, answer: { forbids } });
}

/** Hides every address, in place; written anew here, so that the stream is tested and not the detector. */
export const MASK: Mask = {
  suspects: (bytes) => bytes.includes('@'),
  apply: (bytes, counts) => {
    let found = 0;
    const masked = bytes.toString('latin1').replace(/[a-z]+@[a-z]+\.[a-z]+/g, (hit) => {
      found++;
      return '#'.repeat(hit.length);
    });
    if (found === 0) return bytes;
    counts.MAIL = (counts.MAIL ?? 0) + found;
    return Buffer.from(masked, 'latin1');
  },
};
