import type { StartMessage } from '@hoop/contract/terminal';
import type { Wire } from '@hoop/core/wire';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Exit, usage } from '../failure.ts';
import { printable } from '../output/table.ts';
import { note, type Output, show, type Terminal } from '../output/terminal.ts';
import { type EscapeAction, EscapeFilter } from './escapes.ts';
import { Keyboard } from './keyboard.ts';
import { enterRawMode, leaveRawMode } from './raw-mode.ts';
import { ScreenModes } from './screen-modes.ts';
import { exitCodeOfExit, TerminalClient } from './terminal-client.ts';

const CELLS_MAX = 10_000;
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;
const TERM_DEFAULT = 'xterm-256color';
const TERM_LENGTH_MAX = 64;

export interface InteractiveOptions {
  /** Appended to the connection's command. */
  readonly args: readonly string[];
  /** The escape character; undefined: there is none. */
  readonly escapeKey: string | undefined;
  readonly timeout_ms: number;
}

/** `--escape` as it was given. @throws Failure for what is neither one character nor `none` */
export function escapeOption(given: string | undefined): string | undefined {
  if (given === undefined) return '~';
  if (given === 'none') return undefined;
  if (/^[!-~]$/.test(given)) return given;
  throw usage(`--escape "${given}" is neither one character, such as ~, nor "none"`);
}

/**
 * Makes this terminal the command's until the command is over, and gives its exit code. Every key goes to the command,
 * Ctrl-C too. However it ends, the terminal is as it was before.
 * @throws Exit when the person left, or when the process is told to stop
 */
export async function takeOver(context: Context, wire: Wire, options: InteractiveOptions): Promise<number> {
  const { terminal } = context;
  const client = new TerminalClient(wire);
  const left = Promise.withResolvers<never>();
  // Nobody may be waiting when it comes.
  left.promise.catch(() => undefined);
  const stop = context.stopSignal({ hangUp: true });
  const onStop = (): void => left.reject(stop.reason);
  const screen = new ScreenKeeper(terminal);
  const resize = (): void => client.resize(...sizeOf(terminal));
  const keyboard = new Keyboard({
    stdin: terminal.stdin,
    escapes: options.escapeKey === undefined ? undefined : new EscapeFilter(options.escapeKey),
    send: (bytes) => client.input(bytes),
    escaped: (action) => escaped(action, options.escapeKey ?? '', screen, left.reject),
    ended: () => left.reject(new Exit(EXIT.hungUp)),
  });
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  terminal.stdout.on?.('resize', resize);
  try {
    client.start(startOf(context, options));
    screen.enter();
    keyboard.start();
    return exitCodeOfExit(await Promise.race([client.run(screen), left.promise]));
  } finally {
    stop.removeEventListener('abort', onStop);
    terminal.stdout.off?.('resize', resize);
    keyboard.stop();
    client.close();
    screen.leave();
  }
}

/** The person's screen while a command has it. */
class ScreenKeeper {
  readonly #terminal: Terminal;
  readonly #modes = new ScreenModes();
  #atLineStart = true;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  enter(): void {
    enterRawMode(this.#terminal.stdin);
  }

  leave(): void {
    const undo = this.#modes.undo();
    if (undo !== '') this.#terminal.stdout.write(undo);
    leaveRawMode(this.#terminal.stdin);
    if (!this.#atLineStart) note(this.#terminal, '');
  }

  stdout(bytes: Buffer): void | Promise<void> {
    this.#modes.watch(bytes);
    this.#atLineStart = bytes.at(-1) === 0x0a;
    return show(this.#terminal.stdout, bytes);
  }

  /** A terminal has one stream; whoever tells of another means the same screen. */
  stderr(bytes: Buffer): void | Promise<void> {
    return this.stdout(bytes);
  }

  /** In raw mode nobody goes back to the line's beginning by himself. */
  notice(text: string): void {
    const { stderr, errStyle } = this.#terminal;
    stderr.write(`${this.#atLineStart ? '' : '\r\n'}${errStyle.yellow(printable(text))}\r\n`);
    this.#atLineStart = true;
  }
}

function escaped(action: EscapeAction, character: string, screen: ScreenKeeper, leave: (reason: Exit) => void): void {
  if (action === 'leave') {
    screen.notice('Left the session');
    leave(new Exit(EXIT.interrupted));
    return;
  }
  screen.notice(`After Enter: ${character}. leaves the session, ${character}${character} is one ${character}, ${character}? shows this`);
}

function startOf(context: Context, { args, timeout_ms }: InteractiveOptions): StartMessage {
  const [columns, rows] = sizeOf(context.terminal);
  const term = (context.env.term ?? TERM_DEFAULT).slice(0, TERM_LENGTH_MAX);
  return { mode: 'pty', args: [...args], columns, rows, term, timeout_ms };
}

/** Of the stream that is a screen: stdout may be going into a file. */
function sizeOf({ stdout, stderr }: Terminal): readonly [columns: number, rows: number] {
  const screen: Output = stdout.columns === undefined ? stderr : stdout;
  return [cells(screen.columns, COLUMNS_DEFAULT), cells(screen.rows, ROWS_DEFAULT)];
}

/** A terminal that knows no size says 0. */
function cells(count: number | undefined, otherwise: number): number {
  return count === undefined || count < 1 ? otherwise : Math.min(count, CELLS_MAX);
}
