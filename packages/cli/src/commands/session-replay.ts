import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { printable } from '../output/table.ts';
import { note, show, type Terminal } from '../output/terminal.ts';
import { parseDuration } from '../output/time.ts';
import { pause } from '../pause.ts';
import { enterRawMode, leaveRawMode } from '../terminal/raw-mode.ts';
import { ScreenModes } from '../terminal/screen-modes.ts';
import { type OutputPiece, outputOf } from './session-output.ts';
import { chooseTerminal, noteChoice } from './session-terminals.ts';

export interface ReplayOptions {
  readonly speed?: string;
  readonly maxPause?: string;
  /** Which of several, counted from 1. */
  readonly terminal?: string;
}

/** Nobody wants to watch somebody think. */
const PAUSE_S_DEFAULT = 2;
const SPEED_MAX = 1_000;

const CTRL_C = 0x03;
const LETTER_Q = 0x71;

/** `hoop sessions replay ID`: shows what was shown, when it was; without pauses where stdout is no terminal. Returns the exit code. */
export async function replay(context: Context, id: string, options: ReplayOptions): Promise<number> {
  const speed = speedOption(options.speed);
  const pause_ms_max = pauseOption(options.maxPause);
  const { client } = openGateway(context);
  const { terminal } = context;
  const chosen = await chooseTerminal(client, id, options.terminal);
  noteChoice(terminal, chosen);
  const stage = new Stage(terminal, context.stopSignal({ hangUp: true }));
  let last_ms: number | undefined;
  let isEmpty = true;
  try {
    for await (const piece of outputOf(client, id, chosen.seq)) {
      if (stage.over.aborted) break;
      isEmpty = false;
      if (piece === 'cut') continue;
      const wait_ms = Math.min(Math.max(0, piece.at_ms - (last_ms ?? piece.at_ms)), pause_ms_max) / speed;
      last_ms = piece.at_ms;
      if (stage.isLive && wait_ms > 0) await pause(wait_ms, stage.over);
      if (stage.over.aborted) break;
      await stage.show(piece);
    }
  } finally {
    stage.clear();
  }
  if (isEmpty && !stage.over.aborted) note(terminal, 'Nothing was shown in this session, or its protocol has no recording');
  return stage.over.aborted ? EXIT.interrupted : EXIT.ok;
}

/** The person's terminal while a recording plays: keys only end it. */
class Stage {
  readonly over: AbortSignal;
  readonly isLive: boolean;
  readonly #terminal: Terminal;
  readonly #left = new AbortController();
  readonly #modes = new ScreenModes();
  readonly #hasKeys: boolean;

  constructor(terminal: Terminal, stop: AbortSignal) {
    this.#terminal = terminal;
    this.over = AbortSignal.any([stop, this.#left.signal]);
    this.isLive = terminal.stdout.isTTY === true;
    this.#hasKeys = this.isLive && terminal.stdin.isTTY === true;
    if (!this.#hasKeys) return;
    enterRawMode(terminal.stdin);
    terminal.stdin.on('data', this.#onKey);
  }

  show({ bytes, stream, isTerminal }: OutputPiece): void | Promise<void> {
    const { stdout, outStyle } = this.#terminal;
    const end = this.#hasKeys ? '\r\n' : '\n';
    if (stream === 'notice') return show(stdout, Buffer.from(`${end}${outStyle.yellow(printable(bytes.toString('utf8')))}${end}`));
    this.#modes.watch(bytes);
    // A pipe's line feed is a new line, which this terminal does not make of it now.
    const shown = this.#hasKeys && !isTerminal ? Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') : bytes;
    return show(stdout, shown);
  }

  clear(): void {
    if (this.isLive) this.#terminal.stdout.write(this.#modes.undo());
    if (!this.#hasKeys) return;
    const { stdin } = this.#terminal;
    stdin.off('data', this.#onKey);
    stdin.pause();
    leaveRawMode(stdin);
    note(this.#terminal, '');
  }

  readonly #onKey = (keys: Buffer): void => {
    if (keys.includes(CTRL_C) || keys.includes(LETTER_Q)) this.#left.abort();
  };
}

function speedOption(given: string | undefined): number {
  const speed = Number(given ?? 1);
  if (speed > 0 && speed <= SPEED_MAX) return speed;
  throw usage(`--speed "${given}" is no number above 0 and up to ${SPEED_MAX}`);
}

function pauseOption(given: string | undefined): number {
  const pause_s = given === undefined ? PAUSE_S_DEFAULT : parseDuration(given);
  if (pause_s === undefined) throw usage(`--max-pause "${given}" is no duration. Write it as 5s or 1m`);
  return pause_s * 1_000;
}
