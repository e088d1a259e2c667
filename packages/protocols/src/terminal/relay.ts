import {
  decodeResize,
  ExitMessage,
  type StartMessage,
  TERMINAL_FRAMES,
  type TerminalFrame,
  TerminalFrameError,
  TerminalFrameReader,
} from '@hoop/contract/terminal';
import type { Denial } from '@hoop/core/action';
import { type AppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Decision, Permit } from '@hoop/core/gate';
import { EXEC_OUTPUT_BYTES_MAX } from '@hoop/core/limits';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { deniedWords } from '../shared/lines/denied-words.ts';
import { JudgedInput } from '../shared/lines/judged-input.ts';
import { ShownLine } from '../shared/lines/shown-line.ts';
import { SCRIPT_BYTES_MAX } from './limits.ts';
import { Output } from './output.ts';
import { exitCodeOf, exitFrame, frame, framesOf, noticeFrame, REFUSED } from './words.ts';

export interface TerminalRelayOptions {
  readonly start: StartMessage;
  /** What would be started, as a person would write it. */
  readonly commandLine: string;
  readonly verb: 'connect' | 'exec';
  /** Ends the command, and with it the session. */
  stop(): void;
}

const NOTHING = Buffer.alloc(0);

/**
 * Both directions of a session with a command. Nothing is started before the gate has permitted it: a terminal's command by its
 * command line, a script's by the whole script.
 */
export class TerminalRelay implements Relay {
  readonly #options: TerminalRelayOptions;
  readonly #ports: RelayPorts;
  readonly #fromClient = new TerminalFrameReader();
  readonly #fromTarget = new TerminalFrameReader();
  readonly #output: Output;
  readonly #shown: ShownLine;
  readonly #typed: JudgedInput;
  #script: Uint8Array[] = [];
  #scriptBytes = 0;
  #isComplete = false;
  #permit: Permit | undefined;
  #deciding: Promise<void> | undefined;
  /** The client has heard how it ended. */
  #isOver = false;
  lastWord: AppError | undefined;

  constructor(options: TerminalRelayOptions, ports: RelayPorts) {
    this.#options = options;
    this.#ports = ports;
    const { gate } = ports;
    const bytesMax = options.verb === 'exec' ? EXEC_OUTPUT_BYTES_MAX : Number.POSITIVE_INFINITY;
    this.#output = new Output({
      gate,
      bytesMax,
      toClient: (bytes) => ports.toClient(bytes),
      // Of the line that was typed last, or of what started the command.
      rules: () => this.#typed.permit?.answer ?? this.#permit?.answer,
    });
    this.#shown = new ShownLine(options.start.columns);
    this.#typed = new JudgedInput({
      gate,
      shown: this.#shown,
      send: (bytes) => this.#toCommand(framesOf(TERMINAL_FRAMES.input, bytes)),
      tell: (denial, prompt) => this.#tellDenied(denial, prompt),
    });
    if (options.start.mode === 'pty') this.#ask('terminal', options.commandLine);
  }

  get busy(): boolean {
    return this.#permit !== undefined;
  }

  fromClient(chunk: Buffer): void | Promise<void> {
    const frames = readFrames(this.#fromClient, chunk);
    return this.#deciding ? this.#deciding.then(() => this.#takeAll(frames, 0)) : this.#takeAll(frames, 0);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    const waits = this.#fromTarget.push(chunk).map(({ kind, payload }) => this.#show(kind, Buffer.from(payload)));
    return waits.findLast((slow) => slow !== undefined);
  }

  notice(text: string): Buffer | undefined {
    return this.#isOver ? undefined : noticeFrame(text);
  }

  end(reason: AppError | undefined): Buffer {
    const held = this.#output.end();
    const error = reason ? `session ended: ${reason.code}` : 'session ended before the command';
    this.#settle({ error });
    if (this.#isOver) return NOTHING;
    this.#isOver = true;
    return reason ? Buffer.concat([...held, noticeFrame(reason.message), exitFrame({ code: exitCodeOf(reason) })]) : Buffer.concat(held);
  }

  #takeAll(frames: readonly TerminalFrame[], from: number): void | Promise<void> {
    for (let index = from; index < frames.length; index++) {
      const slow = this.#take(frames[index]);
      if (slow) return slow.then(() => this.#takeAll(frames, index + 1));
    }
  }

  #take(given: TerminalFrame | undefined): void | Promise<void> {
    if (!given || this.#isOver) return undefined;
    const { kind, payload } = given;
    const isTerminal = this.#options.start.mode === 'pty';
    if (kind === TERMINAL_FRAMES.input) return isTerminal ? this.#typed.feed(payload) : this.#addToScript(payload);
    if (kind === TERMINAL_FRAMES.inputEnd) return isTerminal ? undefined : this.#finishScript();
    if (kind === TERMINAL_FRAMES.resize) this.#resize(payload);
    if (kind === TERMINAL_FRAMES.resize || kind === TERMINAL_FRAMES.signal) return this.#control(frame(kind, payload));
    throw new PeerFault('bad_message', `A client does not send frames of kind ${kind}`);
  }

  #resize(payload: Uint8Array): void {
    const size = decodeResize(payload);
    if (!size) throw new PeerFault('bad_message', 'The client sent a size that is none');
    this.#shown.resize(size.columns);
  }

  /** Not held back by a command that does not read its input. */
  #control(bytes: Buffer): void {
    if (this.#permit) void this.#ports.toTarget(bytes);
  }

  #addToScript(payload: Uint8Array): void {
    if (this.#isComplete) throw new PeerFault('bad_message', 'The client goes on with a script that it has ended');
    this.#scriptBytes += payload.length;
    if (this.#scriptBytes > SCRIPT_BYTES_MAX)
      throw new Refusal('script_too_long', `A script may have at most ${SCRIPT_BYTES_MAX} bytes; put it into a file at the target`);
    this.#script.push(payload);
  }

  #finishScript(): void | Promise<void> {
    if (this.#isComplete) return undefined;
    this.#isComplete = true;
    const { start, commandLine } = this.#options;
    const script = Buffer.concat(this.#script).toString('utf8');
    const parts = [...(start.args.length > 0 || script === '' ? [commandLine] : []), ...(script === '' ? [] : [script])];
    this.#ask('exec', parts.join('\n'));
    return this.#deciding;
  }

  #ask(via: string, text: string): void {
    const decision = this.#ports.gate.ask(via, text);
    if (!(decision instanceof Promise)) {
      this.#decided(decision);
      return;
    }
    this.#deciding = decision.then((late) => {
      this.#deciding = undefined;
      if (!this.#isOver) this.#decided(late);
    });
  }

  #decided(decision: Decision): void {
    if (decision.denial) {
      this.#refuse(decision.denial);
      return;
    }
    this.#permit = decision.permit;
    const { start } = this.#options;
    const isTerminal = start.mode === 'pty';
    const script = isTerminal
      ? []
      : [...this.#script.flatMap((piece) => framesOf(TERMINAL_FRAMES.input, piece)), frame(TERMINAL_FRAMES.inputEnd, NOTHING)];
    this.#script = [];
    // The script is held in any case; whoever waits for it to be read could not hear of a signal meanwhile.
    void this.#toCommand([frame(TERMINAL_FRAMES.start, Buffer.from(JSON.stringify(start))), ...script]);
  }

  #refuse(denial: Denial): void {
    this.#isOver = true;
    this.lastWord = new Refusal('denied', denial.message);
    void this.#ports.toClient(Buffer.concat([noticeFrame(denial.message), exitFrame({ code: REFUSED })]));
    this.#options.stop();
  }

  #toCommand(frames: readonly Buffer[]): void | Promise<void> {
    return frames.length === 0 ? undefined : this.#ports.toTarget(Buffer.concat(frames));
  }

  #show(kind: number, payload: Buffer): void | Promise<void> {
    if (this.#isOver) return undefined;
    if (kind === TERMINAL_FRAMES.stdout || kind === TERMINAL_FRAMES.stderr) {
      if (this.#options.start.mode === 'pty') {
        this.#typed.noteOutput(payload.length);
        this.#shown.feed(payload);
      }
      const slow = this.#output.write(kind, payload);
      if (this.#output.denial) return this.#forbid(this.#output.denial);
      if (!this.#output.truncated) return slow?.then(() => this.#cutOff());
      this.#cutOff();
      return slow;
    }
    if (kind === TERMINAL_FRAMES.exit) return this.#exit(ExitMessage.parse(JSON.parse(payload.toString('utf8'))));
    return this.#ports.toClient(frame(TERMINAL_FRAMES.notice, payload));
  }

  /** A rule forbids what the command says: that is the end of it. */
  #forbid({ rule, message }: Denial): void | Promise<void> {
    this.#isOver = true;
    this.lastWord = new Refusal('denied', message);
    this.#settle({ error: `denied: ${rule}`, exit_code: REFUSED });
    const told = this.#ports.toClient(Buffer.concat([noticeFrame(message), exitFrame({ code: REFUSED })]));
    this.#options.stop();
    return told;
  }

  /** Nobody sees what the command would say from here on: it is ended, so that it does not go on unseen for hours. */
  #cutOff(): void {
    if (this.#isOver || !this.#output.truncated) return;
    this.#isOver = true;
    const words = noticeFrame(`The output was cut at ${EXEC_OUTPUT_BYTES_MAX} bytes and the command was ended`);
    const code = 128 + SIGTERM;
    this.#settle({ error: 'output cut', exit_code: code });
    void this.#ports.toClient(Buffer.concat([words, exitFrame({ code, signal: 'TERM', truncated: true })]));
    this.#options.stop();
  }

  #exit(message: ExitMessage): void | Promise<void> {
    const held = this.#output.finish();
    return held instanceof Promise ? held.then((late) => this.#exited(message, late)) : this.#exited(message, held);
  }

  #exited(message: ExitMessage, held: readonly Buffer[]): void | Promise<void> {
    // The session may have been ended while somebody was asked about the last output.
    if (this.#isOver) return undefined;
    this.#isOver = true;
    this.#settle({ exit_code: message.code, ...(message.signal ? { error: `ended by ${message.signal}` } : {}) });
    return this.#ports.toClient(Buffer.concat([...held, exitFrame(message)]));
  }

  #settle(more: { error?: string; exit_code?: number }): void {
    const permit = this.#permit;
    this.#permit = undefined;
    this.#typed.end(more.error);
    if (!permit) return;
    const { bytes, masked } = this.#output;
    const hidden = Object.keys(masked).length > 0 ? { masked } : {};
    this.#ports.gate.settle(permit, { rows: 0, bytes, ...hidden, ...more });
  }

  /** Both as words of the gateway, and on the terminal. */
  #tellDenied(denial: Denial, prompt: string): void | Promise<void> {
    const words = deniedWords(denial, prompt, this.#ports.gate.mask);
    this.#shown.feed(words);
    const frames = [...this.#output.flush(), noticeFrame(denial.message), ...framesOf(TERMINAL_FRAMES.stdout, words)];
    return this.#ports.toClient(Buffer.concat(frames));
  }
}

const SIGTERM = 15;

/** @throws PeerFault `bad_length` */
function readFrames(reader: TerminalFrameReader, chunk: Buffer): TerminalFrame[] {
  try {
    return reader.push(chunk);
  } catch (error) {
    if (error instanceof TerminalFrameError) throw new PeerFault('bad_length', error.message, { cause: error });
    throw error;
  }
}
