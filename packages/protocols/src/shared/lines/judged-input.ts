import { setTimeout as pause } from 'node:timers/promises';
import type { Denial } from '@hoop/core/action';
import type { Gate, Permit } from '@hoop/core/gate';
import { CLEAR_WAIT_MS, ECHO_WAIT_MS, QUIET_MS } from '../limits.ts';
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
  /** What a rule has to say about a line that is about to be handed over. Absent where the client hears of it in another way. */
  warn?(notice: string): void | Promise<void>;
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
  /** The line of the terminal on which Enter was pressed. */
  #leftLine = -1;
  #firstKeyAt_ms = 0;
  #lastKeyAt_ms = 0;
  #feeds = 0;
  /** The piece of input in which a line was not shown. */
  #hiddenIn = -1;
  /** What had been shown when a key came that brings in text which was not typed. */
  #shownAtKey = -1;
  #isFresh = true;
  #inPaste = false;
  #open: Permit | undefined;
  #bytes = 0;
  #isOver = false;
  /** Of a line that passed already: in how many more rows than the cursor's it may stand. */
  #rowsAhead = 0;
  /** What was looked at last had passed already. */
  #isWatching = false;

  constructor(ports: InputPorts) {
    this.#ports = ports;
  }

  /** Of the line that was handed over last. */
  get permit(): Permit | undefined {
    return this.#open;
  }

  /** Whether the beginning of a key is kept back. */
  get holdsKey(): boolean {
    return !this.#isWatching && this.#keys.isMidKey;
  }

  /** Counts output as the answer to the line before it. */
  noteOutput(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The terminal is over: the last line gets no more output, and what is kept back goes nowhere. */
  end(error?: string): void {
    this.#isOver = true;
    this.#ports.shown.wake();
    this.#settle(error);
  }

  #settle(error?: string): void {
    if (this.#open) this.#ports.gate.settle(this.#open, { rows: 0, bytes: this.#bytes, ...(error === undefined ? {} : { error }) });
    this.#open = undefined;
    this.#bytes = 0;
  }

  /** Takes what was typed, once what came before is passed on. */
  feed(payload: Uint8Array): void | Promise<void> {
    this.#feeds++;
    if (this.#isWatching) this.#keys.forget();
    this.#isWatching = false;
    const keys = this.#keys.push(payload);
    const passing: Buffer[] = [];
    const asking = this.#upToEnter(keys, passing);
    return asking ? this.#ask(keys, passing, asking) : this.#send(passing);
  }

  /**
   * Looks at what was typed and has passed already, because no rule judges it: its lines are recorded. `isLate`: more has been shown since
   * than what stood there when it was typed.
   */
  watch(payload: Uint8Array, isLate = false): void | Promise<void> {
    const { shown } = this.#ports;
    this.#feeds++;
    this.#isWatching = true;
    shown.isStepwise = isLate;
    const keys = this.#keys.push(payload);
    const enter = this.#upToEnter(keys);
    if (enter) return this.#record(keys, enter, isLate);
    shown.isStepwise = false;
  }

  /** Something passed that was not looked at. What comes next is taken to begin a line. */
  skip(): void {
    this.#keys.forget();
    this.#begin();
    this.#inPaste = false;
  }

  /** The next key that hands something over; those before it edit the line. */
  #upToEnter(keys: Iterator<Key>, passing?: Buffer[]): Key | undefined {
    for (let next = keys.next(); !next.done; next = keys.next()) {
      const key = next.value;
      if (this.#asks(key)) return key;
      this.#edit(key);
      passing?.push(key.bytes);
    }
    return undefined;
  }

  async #ask(keys: Iterator<Key>, first: Buffer[], enter: Key): Promise<void> {
    let passing = first;
    for (let key: Key | undefined = enter; key; key = this.#upToEnter(keys, passing)) {
      await this.#send(passing);
      passing = [];
      // What is behind a denied line was meant to run after it.
      if (!(await this.#pass(key))) return;
    }
    await this.#send(passing);
  }

  async #record(keys: Iterator<Key>, enter: Key, isLate: boolean): Promise<void> {
    const { shown } = this.#ports;
    // What comes from here on may be about what the line did.
    if (!isLate) shown.draw();
    shown.isStepwise = true;
    let wasLeft = isLate;
    for (let key: Key | undefined = enter; key; key = this.#upToEnter(keys)) {
      this.#rowsAhead = wasLeft ? Number.POSITIVE_INFINITY : this.#line.rows - 1;
      await this.#recordLine(key);
      wasLeft ||= !this.#inPaste;
    }
    shown.isStepwise = false;
  }

  #send(parts: readonly Buffer[]): void | Promise<void> {
    return parts.length > 0 && !this.#isOver ? this.#ports.send(Buffer.concat(parts)) : undefined;
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
    else if (!isPart) this.#leave();
    await this.#send([bytes]);
    return !this.#isOver;
  }

  /** A line that was handed over: the terminal may have left it meanwhile, so it is looked for in what was shown, row by row. */
  async #recordLine({ code }: Key): Promise<void> {
    if (this.#inPaste || code === CONTROL_D) {
      if (this.#inPaste) this.#line.insertBreak();
      return;
    }
    const { gate } = this.#ports;
    const text = await this.#lineText();
    this.#leave();
    // A rule that came meanwhile would say no to what has run.
    if (text === undefined || !gate.allowsAll) return;
    const { permit } = await gate.ask('line', text);
    this.#settle();
    this.#open = permit;
    // As `exit` does, it may have ended what it was typed into.
    if (this.#isOver) this.#settle();
  }

  #leave(): void {
    this.#begin();
    this.#leftLine = this.#ports.shown.lines;
  }

  /** A new line. */
  #begin(): void {
    this.#line.clear();
    this.#isFresh = true;
    this.#shownAtKey = -1;
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
    this.#settle();
    this.#open = decision.permit;
    // What its echo ended is on record all the same.
    if (this.#isOver) this.#settle('the terminal was closed before it ran');
    else if (decision.permit.notice !== undefined) await this.#ports.warn?.(decision.permit.notice);
    return undefined;
  }

  /** What the line says; undefined for an empty one. */
  async #lineText(): Promise<string | undefined> {
    const { text, isCertain, runs } = this.#line;
    if (this.#isFresh || (isCertain && text.trim() === '')) return undefined;
    if (!this.#isEchoed()) await this.#untilEchoed();
    if (!isCertain) await this.#untilDrawn();
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
    return this.#line.isCertain ? this.#shownText().includes(this.#line.lastRow.trim()) : this.#isPartlyShown();
  }

  #isPartlyShown(): boolean {
    const { runs } = this.#line;
    const shown = this.#shownText();
    return runs.length === 0 || runs.some((run) => shown.includes(run));
  }

  /** Whether the echo is there, or cannot come any more: of a line that passed already it stands in the rows behind the cursor. */
  #isDecided(): boolean {
    const { shown } = this.#ports;
    while (!this.#isEchoed()) {
      if (!shown.isStepwise) return false;
      if (shown.drawRow()) continue;
      if (!shown.isRowOver) return false;
      if (this.#rowsAhead <= 0) return true;
      this.#rowsAhead--;
      if (!shown.step()) return false;
    }
    return true;
  }

  /** What an editor puts in of its own is there when something has been shown since it was asked to. */
  async #untilDrawn(): Promise<void> {
    const { shown } = this.#ports;
    await this.#untilShown(() => shown.pieces !== this.#shownAtKey, this.#lastKeyAt_ms + ECHO_WAIT_MS);
    if (shown.isStepwise) shown.drawRow();
    else await this.#untilQuiet();
  }

  /** A program under load draws what it was told in several pieces; what comes after the last of them is not waited for long. */
  async #untilQuiet(): Promise<void> {
    const { shown } = this.#ports;
    const deadline = this.#lastKeyAt_ms + ECHO_WAIT_MS;
    for (let seen = -1; seen !== shown.pieces && performance.now() < deadline; ) {
      seen = shown.pieces;
      await this.#untilShown(() => shown.pieces !== seen, Math.min(deadline, performance.now() + QUIET_MS));
    }
  }

  async #untilEchoed(): Promise<void> {
    if (this.#isDecided()) return;
    const now = performance.now();
    // The first of several keys has no echo yet: nor will the last one.
    if (!this.#isPartlyShown() && now > this.#firstKeyAt_ms + ECHO_WAIT_MS) return;
    // The line before was hidden, and this one came with it.
    if (this.#hiddenIn === this.#feeds) return;
    const deadline = this.#lastKeyAt_ms + ECHO_WAIT_MS;
    await this.#untilShown(() => this.#isDecided(), deadline);
  }

  /** Looks again whenever more is shown. `deadline` on the clock of `performance`. */
  async #untilShown(holds: () => boolean, deadline: number): Promise<void> {
    const { shown } = this.#ports;
    while (!holds() && !this.#isOver) {
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
    await this.#send(this.#inPaste ? [PASTE_END, CLEAR_LINE] : [CLEAR_LINE]);
    this.#inPaste = false;
    this.#begin();
    // What the program draws over the cleared line must not fall on our words.
    await this.#untilShown(() => shown.text.trimEnd() === prompt.trimEnd(), performance.now() + CLEAR_WAIT_MS);
    if (!this.#isOver) await this.#ports.tell(denial, prompt);
  }

  #edit({ kind, text, code }: Key): void {
    const { shown } = this.#ports;
    if (shown.inAlternateScreen) {
      this.#begin();
      return;
    }
    if (kind === 'sequence' && REPLY.test(text)) return;
    this.#lastKeyAt_ms = performance.now();
    if (this.#isFresh) {
      this.#isFresh = false;
      // What was typed ahead comes while the terminal still shows the line before.
      this.#prompt = shown.lines === this.#leftLine ? '' : shown.text;
      this.#firstKeyAt_ms = this.#lastKeyAt_ms;
    }
    // What is looked at together is what comes between two keys.
    else if (!shown.isStepwise) shown.draw();
    if (kind === 'text') this.#line.insert(text);
    else if (kind === 'control') this.#control(code);
    else this.#sequence(text);
    if (kind !== 'text' && !this.#line.isCertain && !shown.isStepwise) this.#shownAtKey = shown.pieces;
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
