import { write } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { plainEnv } from '../support/env.ts';
import { until } from '../support/until.ts';

export interface SeatOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

const writeTo = promisify(write);

/** A person at a terminal: what a program shows is on a screen, and what is typed goes to the program. */
export class Seat implements Disposable {
  readonly #program: pty.IPty;
  readonly #screen: xterm.Terminal;
  readonly ended: Promise<{ readonly exitCode: number; readonly signal?: number | undefined }>;
  #typing: Promise<void> = Promise.resolve();
  #over = false;
  /** Everything that came, as it came. */
  output = '';

  constructor(command: readonly [string, ...string[]], options: SeatOptions = {}) {
    const { env, columns = 80, rows = 24 } = options;
    const [file, ...args] = command;
    const size = { cols: columns, rows };
    this.#program = pty.spawn(file, args, { ...size, name: 'xterm-256color', env: plainEnv({ TERM: 'xterm-256color', ...env }) });
    this.#screen = new xterm.Terminal({ ...size, allowProposedApi: true });
    this.#program.onData((text) => {
      this.output += text;
      this.#screen.write(text);
    });
    // Programs ask what kind of terminal this is, and wait for the answer.
    this.#screen.onData((answer) => this.type(answer));
    this.ended = new Promise((resolve) => this.#program.onExit(resolve));
    void this.ended.then(() => {
      this.#over = true;
    });
  }

  get pid(): number {
    return this.#program.pid;
  }

  type(text: string): void {
    this.#typing = this.#typing.then(() => this.#write(Buffer.from(text)));
  }

  /**
   * A person's terminal shows what comes while it waits to pass on a paste. The package's own way of writing does not: it turns in a
   * circle until everything is taken, and a program that waits until its output is read takes nothing.
   */
  async #write(bytes: Buffer): Promise<void> {
    const { fd } = this.#program as unknown as { readonly fd: number };
    for (let at = 0; at < bytes.length && !this.#over; ) {
      try {
        at += (await writeTo(fd, bytes, at)).bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        await pause(1);
      }
    }
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    this.#program.resize(columns, rows);
  }

  /** The lines of the screen, without the blanks at their ends. */
  text(): string {
    const { buffer, rows } = this.#screen;
    const lines = Array.from({ length: rows }, (_, at) => buffer.active.getLine(buffer.active.baseY + at)?.translateToString(true) ?? '');
    return lines.join('\n').trimEnd();
  }

  /** Every cell with its colours, and where the cursor is. */
  picture(): string {
    const { buffer, rows, cols } = this.#screen;
    const { active } = buffer;
    const lines = Array.from({ length: rows }, (_, at) => {
      const line = active.getLine(active.baseY + at);
      return Array.from({ length: cols }, (__, column) => {
        const cell = line?.getCell(column);
        if (!cell) return '';
        const looks = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor(), cell.isBold(), cell.isInverse()];
        return `${cell.getChars()}<${looks.join()}>`;
      }).join('');
    });
    return [`${active.type} ${active.cursorX},${active.cursorY}`, ...lines].join('\n');
  }

  /** Waits until the screen shows it. */
  async sees(pattern: RegExp): Promise<void> {
    try {
      await until(`${pattern} on the screen`, () => pattern.test(this.text()));
    } catch (error) {
      throw new Error(`${String(error)}; it shows:\n${this.text()}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    try {
      this.#program.kill('SIGKILL');
    } catch {
      // It has ended by itself.
    }
    this.#screen.dispose();
  }
}
