import { setTimeout as pause } from 'node:timers/promises';
import type { Denial } from '@hoop/core/action';
import type { Gate, Permit } from '@hoop/core/gate';
import { CLEAR_WAIT_MS, ECHO_WAIT_MS } from '../limits.ts';
import { type Key, KeyReader } from './keys.ts';
import type { ShownLine } from './shown-line.ts';
import { TypedLine } from './typed-line.ts';

export interface InputPorts {
  readonly gate: Gate;
  readonly shown: ShownLine;
  /** To the command. A promise means: it reads slowly. */
  send(bytes: Buffer): void | Promise<void>;
  /** A line was denied and is cleared; `prompt` is what stood before it. */
  tell(denial: Denial, prompt: string): void | Promise<void>;
}

/** What is recorded of a line that the terminal did not show. */
export const NOT_SHOWN = '(not shown)';

/** To the end of the line, then take all of it away: what line editors and the system's own one understand alike. */
const CLEAR_LINE = Buffer.from('\x05\x15');
const PASTE_END = Buffer.from('\x1b[201~');

const TOO_LONG: Denial = { rule: 'line-length', message: 'This line is too long to be judged; put it into a file or a script' };

/**
 * What is typed into a terminal, passed on key by key, but for the Enter: that waits until the gate has judged the line. A line
 * that the terminal does not show (a password) is neither judged nor recorded, only that there was one.
 */
export class JudgedInput {
  readonly #ports: InputPorts;
  readonly #keys = new KeyReader();
  readonly #line = new TypedLine();
  /** What stood on the line before the first key: the prompt. */
  #prompt = '';
  #firstKeyAt_ms = 0;
  #lastKeyAt_ms = 0;
  #feeds = 0;
  /** The piece of input in which a line was not shown. */
  #hiddenIn = -1;
  #isFresh = true;
  #inPaste = false;
  #open: Permit | undefined;
  #bytes = 0;

  constructor(ports: InputPorts) {
    this.#ports = ports;
  }

  /** Of the line that was handed over last. */
  get permit(): Permit | undefined {
    return this.#open;
  }

  /** Counts output as the answer to the line before it. */
  noteOutput(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The session is over: the last line gets no more output. */
  end(error?: string): void {
    if (this.#open) this.#ports.gate.settle(this.#open, { rows: 0, bytes: this.#bytes, ...(error === undefined ? {} : { error }) });
    this.#open = undefined;
    this.#bytes = 0;
  }

  /** Takes what was typed, once what came before is passed on. */
  async feed(payload: Uint8Array): Promise<void> {
    this.#feeds++;
    let passing: Buffer[] = [];
    for (const key of this.#keys.push(payload)) {
      if (!this.#asks(key)) {
        this.#edit(key);
        passing.push(key.bytes);
        continue;
      }
      await this.#send(passing);
      passing = [];
      // What is behind a denied line was meant to run after it.
      if (!(await this.#pass(key))) return;
    }
    await this.#send(passing);
  }

  async #send(parts: readonly Buffer[]): Promise<void> {
    if (parts.length > 0) await this.#ports.send(Buffer.concat(parts));
  }

  /** Keys that hand a line over, or a part of it: Enter, its relatives, and the end of input in the middle of a line. */
  #asks({ kind, code }: Key): boolean {
    if (kind !== 'control' || this.#ports.shown.inAlternateScreen) return false;
    return code === ENTER || code === LINE_FEED || (code === CONTROL_O && !this.#inPaste) || (code === CONTROL_D && !this.#line.isEmpty);
  }

  async #pass({ code, bytes }: Key): Promise<boolean> {
    const isPart = this.#inPaste || code === CONTROL_D;
    const denial = await (isPart ? this.#checkPart() : this.#judge());
    if (denial) {
      await this.#clear(denial);
      return false;
    }
    if (isPart && this.#inPaste) this.#line.insertBreak();
    else if (!isPart) this.#begin();
    await this.#ports.send(bytes);
    return true;
  }

  /** A new line. */
  #begin(): void {
    this.#line.clear();
    this.#isFresh = true;
  }

  /** A part of a line that goes on is judged as it stands; it is recorded when it is whole, or when it is denied. */
  async #checkPart(): Promise<Denial | undefined> {
    const { gate } = this.#ports;
    const { text } = this.#line;
    if (text.trim() === '') return undefined;
    // In a paste an editor shows nothing before its end.
    if (this.#inPaste) return gate.check('line', text.slice(text.lastIndexOf('\n') + 1));
    if (!this.#isEchoed()) await this.#untilEchoed();
    return this.#isEchoed() ? gate.check('line', text) : undefined;
  }

  async #judge(): Promise<Denial | undefined> {
    const { gate } = this.#ports;
    if (this.#line.isTooLong) return TOO_LONG;
    const text = await this.#lineText();
    if (text === undefined) return undefined;
    const typed = this.#line.text;
    if (text !== NOT_SHOWN && text !== typed && typed.trim() !== '') {
      const denial = await gate.check('line', typed);
      if (denial) return denial;
    }
    const decision = await gate.ask('line', text);
    if (decision.denial) return decision.denial;
    this.end();
    this.#open = decision.permit;
    return undefined;
  }

  /** What the line says; undefined for an empty one. */
  async #lineText(): Promise<string | undefined> {
    const { text, isCertain, runs } = this.#line;
    if (this.#isFresh || (isCertain && text.trim() === '')) return undefined;
    if (!this.#isEchoed()) await this.#untilEchoed();
    const shown = this.#shownText().trim();
    if (runs.length === 0) return shown === '' ? undefined : shown;
    if (isCertain && this.#isEchoed()) return text;
    // Of pasted lines only the last one is on the cursor's line.
    if (this.#isPartlyShown()) return text.includes('\n') ? text : shown;
    this.#hiddenIn = this.#feeds;
    return NOT_SHOWN;
  }

  #shownText(): string {
    const { text } = this.#ports.shown;
    return text.startsWith(this.#prompt) ? text.slice(this.#prompt.length) : text;
  }

  #isEchoed(): boolean {
    return this.#line.isCertain ? this.#shownText().includes(this.#line.text.trim()) : this.#isPartlyShown();
  }

  #isPartlyShown(): boolean {
    const { runs } = this.#line;
    const shown = this.#shownText();
    return runs.length === 0 || runs.some((run) => shown.includes(run));
  }

  async #untilEchoed(): Promise<void> {
    const now = performance.now();
    // The first of several keys has no echo yet: nor will the last one.
    if (!this.#isPartlyShown() && now > this.#firstKeyAt_ms + ECHO_WAIT_MS) return;
    // The line before was hidden, and this one came with it.
    if (this.#hiddenIn === this.#feeds) return;
    const deadline = this.#lastKeyAt_ms + ECHO_WAIT_MS;
    await this.#untilShown(() => this.#isEchoed(), deadline);
  }

  /** Looks again whenever more is shown. `deadline` on the clock of `performance`. */
  async #untilShown(holds: () => boolean, deadline: number): Promise<void> {
    const { shown } = this.#ports;
    while (!holds()) {
      const left_ms = deadline - performance.now();
      if (left_ms <= 0) break;
      const stop = new AbortController();
      const more = new Promise<void>((resolve) => shown.onMore(resolve));
      await Promise.race([more, pause(left_ms, undefined, { signal: stop.signal }).catch(() => undefined)]);
      stop.abort();
    }
    shown.onMore(undefined);
  }

  async #clear(denial: Denial): Promise<void> {
    const { shown } = this.#ports;
    const prompt = this.#prompt;
    await this.#ports.send(this.#inPaste ? Buffer.concat([PASTE_END, CLEAR_LINE]) : CLEAR_LINE);
    this.#inPaste = false;
    this.#begin();
    // What the program draws over the cleared line must not fall on our words.
    await this.#untilShown(() => shown.text.trimEnd() === prompt.trimEnd(), performance.now() + CLEAR_WAIT_MS);
    await this.#ports.tell(denial, prompt);
  }

  #edit({ kind, text, code }: Key): void {
    if (this.#ports.shown.inAlternateScreen) {
      this.#begin();
      return;
    }
    if (kind === 'sequence' && REPLY.test(text)) return;
    this.#lastKeyAt_ms = performance.now();
    if (this.#isFresh) {
      this.#isFresh = false;
      this.#prompt = this.#ports.shown.text;
      this.#firstKeyAt_ms = this.#lastKeyAt_ms;
    }
    if (kind === 'text') this.#line.insert(text);
    else if (kind === 'control') this.#control(code);
    else this.#sequence(text);
  }

  #control(code: number): void {
    if (code === CONTROL_C || code === CONTROL_Z || code === CONTROL_BACKSLASH) this.#begin();
    else if (code === CONTROL_D || code === CONTROL_L) return;
    else {
      const edit = CONTROLS[code];
      if (edit) edit(this.#line);
      else this.#line.makeUncertain();
    }
  }

  #sequence(text: string): void {
    if (text === '[200~' && this.#ports.shown.takesPastes) this.#inPaste = true;
    else if (text === '[201~') this.#inPaste = false;
    else {
      const edit = SEQUENCES[text];
      if (edit) edit(this.#line);
      else this.#line.makeUncertain();
    }
  }
}

const ENTER = 0x0d;
const LINE_FEED = 0x0a;
const CONTROL_C = 0x03;
const CONTROL_D = 0x04;
const CONTROL_L = 0x0c;
const CONTROL_O = 0x0f;
const CONTROL_Z = 0x1a;
const CONTROL_BACKSLASH = 0x1c;

/** A terminal's answers to a program's questions, focus and mouse: nobody typed them. */
const REPLY = /^(?:\[[?>=]?[\d;]*[Rcntuy$]|\[[IO]|\[<[\d;]*[Mm]|[\]P])/;

type Edit = (line: TypedLine) => void;

const CONTROLS: Readonly<Record<number, Edit>> = {
  1: (line) => line.home(),
  2: (line) => line.left(),
  5: (line) => line.end(),
  6: (line) => line.right(),
  8: (line) => line.backspace(),
  11: (line) => line.killForward(),
  21: (line) => line.killBack(),
  23: (line) => line.killWord(),
  127: (line) => line.backspace(),
};

const SEQUENCES: Readonly<Record<string, Edit>> = {
  '[D': (line) => line.left(),
  OD: (line) => line.left(),
  '[C': (line) => line.right(),
  OC: (line) => line.right(),
  '[H': (line) => line.home(),
  OH: (line) => line.home(),
  '[1~': (line) => line.home(),
  '[7~': (line) => line.home(),
  '[F': (line) => line.end(),
  OF: (line) => line.end(),
  '[4~': (line) => line.end(),
  '[8~': (line) => line.end(),
  '[3~': (line) => line.delete(),
};
