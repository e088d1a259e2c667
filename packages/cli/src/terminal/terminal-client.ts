import {
  ExitMessage,
  encodeResize,
  encodeTerminalFrame,
  encodeTerminalMessage,
  type StartMessage,
  TERMINAL_CHUNK_BYTES,
  TERMINAL_FRAMES,
  type TerminalFrame,
  TerminalFrameError,
  type TerminalFrameKind,
  TerminalFrameReader,
  type TerminalSignal,
} from '@hoop/contract/terminal';
import { PeerFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Where what a command says goes to. A promise holds back what comes next, and with it the command. */
export interface TerminalSink {
  stdout(bytes: Buffer): void | Promise<void>;
  stderr(bytes: Buffer): void | Promise<void>;
  /** Words of the gateway, a line. */
  notice(text: string): void;
}

/** This machine's end of a session with a command: the frames of contract/terminal.ts over a wire. */
export class TerminalClient {
  readonly #wire: Wire;
  readonly #reader = new TerminalFrameReader();
  #exit: ExitMessage | undefined;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The first thing to say. */
  start(message: StartMessage): void {
    void this.#wire.write(Buffer.from(encodeTerminalMessage(TERMINAL_FRAMES.start, message)));
  }

  /** What was typed, or a piece of the script. A promise means: the command is slow, await it before the next. */
  input(bytes: Uint8Array): void | Promise<void> {
    if (bytes.length <= TERMINAL_CHUNK_BYTES) return this.#send(TERMINAL_FRAMES.input, bytes);
    return this.#inputPieces(bytes);
  }

  inputEnd(): void {
    void this.#send(TERMINAL_FRAMES.inputEnd, new Uint8Array());
  }

  resize(columns: number, rows: number): void {
    void this.#wire.write(Buffer.from(encodeResize(columns, rows)));
  }

  /** For the command and everything that it started. */
  signal(name: TerminalSignal): void {
    void this.#send(TERMINAL_FRAMES.signal, Buffer.from(name));
  }

  /**
   * Hands on what the command says until it is over.
   * @throws what the gateway said instead, PeerFault for frames that are none, Failure `session_lost` where the link broke
   */
  run(sink: TerminalSink): Promise<ExitMessage> {
    return new Promise((resolve, reject) => {
      const consume = async (chunk: Buffer): Promise<void> => {
        for (const frame of this.#cut(chunk)) {
          const held = this.#take(frame, sink);
          if (held) await held;
          if (!this.#exit) continue;
          resolve(this.#exit);
          return;
        }
      };
      this.#wire.pump(consume).then(() => reject(sessionLost()), reject);
    });
  }

  close(): void {
    this.#wire.destroy();
  }

  async #inputPieces(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += TERMINAL_CHUNK_BYTES) {
      await this.#send(TERMINAL_FRAMES.input, bytes.subarray(at, at + TERMINAL_CHUNK_BYTES));
    }
  }

  #send(kind: TerminalFrameKind, payload: Uint8Array): void | Promise<void> {
    return this.#wire.write(Buffer.from(encodeTerminalFrame(kind, payload)));
  }

  #cut(chunk: Buffer): readonly TerminalFrame[] {
    try {
      return this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof TerminalFrameError)) throw error;
      throw new PeerFault('terminal_frame', error.message, { cause: error });
    }
  }

  /** A kind that is not known is of a later version, and left out. */
  #take({ kind, payload }: TerminalFrame, sink: TerminalSink): void | Promise<void> {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (kind === TERMINAL_FRAMES.stdout) return sink.stdout(bytes);
    if (kind === TERMINAL_FRAMES.stderr) return sink.stderr(bytes);
    if (kind === TERMINAL_FRAMES.notice) sink.notice(bytes.toString('utf8'));
    if (kind === TERMINAL_FRAMES.exit) this.#exit = exitOf(bytes);
    return undefined;
  }
}

/** A shell's exit code is one byte; anything else says only that it failed. */
export function exitCodeOfExit({ code }: ExitMessage): number {
  return code >= 0 && code <= 255 ? code : EXIT.failed;
}

function exitOf(bytes: Buffer): ExitMessage {
  try {
    return ExitMessage.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw new PeerFault('terminal_exit', 'The gateway told the end of the command in words that this version does not know', {
      cause: error,
    });
  }
}

function sessionLost(): Failure {
  return new Failure('session_lost', 'The session broke off before the command was done: the gateway or the agent went away', {
    exitCode: EXIT.unavailable,
  });
}
