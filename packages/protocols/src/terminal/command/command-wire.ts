import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  decodeResize,
  type StartMessage,
  TERMINAL_FRAMES,
  TERMINAL_SIGNALS,
  type TerminalFrame,
  type TerminalFrameKind,
  TerminalFrameReader,
} from '@hoop/contract/terminal';
import { asAppError } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { Wire } from '@hoop/core/wire';
import { COMMAND_MS_MAX, OUTPUT_IDLE_MS } from '../limits.ts';
import { exitCodeOf, exitFrame, framesOf, noticeFrame } from '../words.ts';
import { startInPipes } from './pipe.ts';
import { ProcessGroup } from './process-group.ts';
import { startInTerminal } from './pty.ts';
import type { CommandPlan, RunningCommand } from './running.ts';
import { Slot } from './slot.ts';

export interface CommandOptions {
  readonly plan: Omit<CommandPlan, 'directory'>;
  /** Where the command runs; a new directory, which is gone afterwards, when undefined. */
  readonly cwd: string | undefined;
  readonly start: StartMessage;
  readonly session: string;
  readonly log: Log;
}

/**
 * A command as a wire that speaks terminal frames: written to it are `start`, input, size and signals; read from it are its output
 * and its exit. Nothing runs before `start` is written, and nothing of it is left when `released` resolves.
 */
export class CommandWire implements Wire {
  readonly peer: string;
  readonly #options: CommandOptions;
  readonly #reader = new TerminalFrameReader();
  readonly #slot = new Slot();
  #returned: Buffer[] = [];
  #running: Promise<void> | undefined;
  #command: RunningCommand | undefined;
  #group: ProcessGroup | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Input that was written before the command was there. */
  #early: TerminalFrame[] | undefined;
  #over = false;
  #lastRead = 0;

  constructor(options: CommandOptions) {
    this.#options = options;
    this.peer = options.plan.argv[0];
  }

  get open(): boolean {
    return !this.#over;
  }

  async read(): Promise<Buffer | undefined> {
    return this.#returned.pop() ?? (await this.#slot.take());
  }

  unread(chunk: Buffer): void {
    this.#returned.push(chunk);
  }

  async pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    for (let chunk = await this.read(); chunk; chunk = await this.read()) await consume(chunk);
  }

  write(bytes: Buffer): void | Promise<void> {
    if (this.#over) return undefined;
    const waits = this.#reader.push(bytes).map((each) => this.#take(each));
    return waits.findLast((slow) => slow !== undefined);
  }

  /** Who would have written more is gone: the command ends too. */
  end(): void {
    this.#stop();
    if (!this.#running) this.#slot.close();
  }

  destroy(): void {
    this.#over = true;
    this.#stop();
    this.#slot.close(true);
  }

  /** Resolves when nothing runs and no file is left. Called after `destroy` or at the end of the stream. */
  async released(): Promise<void> {
    await this.#running;
  }

  /** Interrupts what runs, as a key would. */
  async interrupt(): Promise<void> {
    await this.#group?.signal('SIGINT');
  }

  #stop(): void {
    this.#over = true;
    void this.#group?.end();
  }

  #take(frame: TerminalFrame): void | Promise<void> {
    if (frame.kind === TERMINAL_FRAMES.start) this.#running ??= this.#run();
    else if (this.#command) return this.#give(this.#command, frame);
    else this.#early?.push(frame);
  }

  #give(command: RunningCommand, { kind, payload }: TerminalFrame): void | Promise<void> {
    if (kind === TERMINAL_FRAMES.input) return command.write(payload);
    if (kind === TERMINAL_FRAMES.inputEnd) command.endInput();
    else if (kind === TERMINAL_FRAMES.resize) {
      const size = decodeResize(payload);
      if (size) command.resize(size.columns, size.rows);
    } else if (kind === TERMINAL_FRAMES.signal) {
      const name = TERMINAL_SIGNALS.find((each) => each === Buffer.from(payload).toString('latin1'));
      if (name) void this.#group?.signal(`SIG${name}`);
    }
  }

  async #run(): Promise<void> {
    this.#early = [];
    const { cwd } = this.#options;
    let own: string | undefined;
    try {
      own = cwd === undefined ? await fs.mkdtemp(join(tmpdir(), 'hoop-session-')) : undefined;
      if (!this.#over) await this.#runIn(cwd ?? own ?? tmpdir());
    } catch (thrown) {
      const error = asAppError(thrown);
      await this.#slot.put(noticeFrame(error.message));
      await this.#slot.put(exitFrame({ code: exitCodeOf(error) }));
    } finally {
      clearTimeout(this.#timer);
      this.#over = true;
      this.#slot.close();
      if (own !== undefined) await this.#remove(own);
    }
  }

  async #remove(directory: string): Promise<void> {
    await fs.rm(directory, { recursive: true, force: true }).catch((error: Error) => {
      this.#options.log.warn({ err: error, session: this.#options.session }, 'A session’s directory could not be removed');
    });
  }

  async #runIn(directory: string): Promise<void> {
    const { plan, start, session } = this.#options;
    const isTerminal = start.mode === 'pty';
    const whole = { ...plan, directory };
    const command = isTerminal ? startInTerminal(whole, start.columns, start.rows) : await startInPipes(whole);
    const group = new ProcessGroup(command.pid, session, isTerminal);
    this.#group = group;
    this.#command = command;
    if (this.#over) void group.end();
    this.#giveEarly(command);
    this.#limit(start.timeout_ms, group);
    const reading = Promise.all(command.outputs.map(({ kind, stream }) => this.#readAll(kind, stream)));
    const exit = await command.exited;
    // The command is what the session is about: what it leaves behind ends with it.
    await group.end();
    await this.#untilRead(reading);
    command.close();
    await this.#slot.put(exitFrame(exit));
  }

  /** At once and in order: what is written later must come behind it. */
  #giveEarly(command: RunningCommand): void {
    for (const each of this.#early?.splice(0) ?? []) void this.#give(command, each);
  }

  async #readAll(kind: TerminalFrameKind, stream: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#lastRead = performance.now();
        for (const piece of framesOf(kind, chunk)) await this.#slot.put(piece);
      }
    } catch {
      // A terminal whose programs are all gone breaks when it is read: that is its end.
    }
  }

  /** Until all output is read, however slow the client; or, where somebody still holds the other end, until nothing comes any more. */
  async #untilRead(reading: Promise<unknown>): Promise<void> {
    let done = false;
    const all = reading.then(() => {
      done = true;
    });
    this.#lastRead = performance.now();
    while (!done) {
      await Promise.race([all, pause(OUTPUT_IDLE_MS)]);
      if (!this.#slot.isFull && performance.now() - this.#lastRead >= OUTPUT_IDLE_MS) return;
    }
  }

  #limit(timeout_ms: number, group: ProcessGroup): void {
    const limit_ms = timeout_ms > 0 ? Math.min(timeout_ms, COMMAND_MS_MAX) : COMMAND_MS_MAX;
    this.#timer = setTimeout(() => {
      void this.#slot.put(noticeFrame(`The command was ended because it ran for ${limit_ms} ms, which is as long as it may`));
      void group.end();
    }, limit_ms);
    this.#timer.unref();
  }
}
