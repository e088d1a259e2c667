import { StringDecoder } from 'node:string_decoder';
import { sequenceAt } from '../escapes.ts';
import { COLUMNS_MAX, SHOWN_CELLS_MAX, SHOWN_PENDING_BYTES_MAX } from '../limits.ts';

const ESC = 0x1b;
const LINE_FEED = 0x0a;

/** A run of output that is longer than this is no line being edited: only its end is looked at. */
const BULK_BYTES = 4 * 1024;

/** Output is taken in pieces of so many bytes at most. */
const PIECE_BYTES = 32 * 1024;

/** How a sequence begins that switches a mode of the terminal. */
const MODE = Buffer.from('\x1b[?');

/** What the largest line that is kept may take of output that has no line end. */
const LINE_BYTES_MAX = 4 * SHOWN_CELLS_MAX;

/** Columns of a terminal that does not say how many it has. */
const COLUMNS_DEFAULT = 80;

/** Characters that take two columns: East Asian wide and fullwidth forms, and most pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/**
 * The line that a terminal shows where its cursor is: what is typed appears in it, however it came to stand there. Not a terminal;
 * it follows what line editors do within one line, which may go over several rows. Output is only kept as it comes, and drawn when
 * somebody looks: a file that runs over the screen costs a copy of it.
 */
export class ShownLine {
  #columns: number;
  #cells: string[] = [];
  #at = 0;
  /** The cursor stands behind the last column: the next character wraps. */
  #wraps = false;
  /** Output that is not drawn yet, [from, to), and beginnings of sequences that go on in what comes. */
  #pending: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #shortenAt = SHOWN_PENDING_BYTES_MAX;
  #decoder = new StringDecoder('utf8');
  #heard: (() => void) | undefined;
  #inAlternateScreen = false;
  #takesPastes = false;
  /** Pieces of output so far. */
  pieces = 0;
  #lines = 0;
  /** Draws only what `step` is asked for, so that a line can be looked at that was left meanwhile. */
  isStepwise = false;

  constructor(columns: number) {
    this.#columns = columnsOf(columns);
  }

  resize(columns: number): void {
    this.draw();
    this.#columns = columnsOf(columns);
  }

  /** The line without colours and cursor movements. */
  get text(): string {
    this.#look();
    return this.#cells.map((cell) => cell ?? ' ').join('');
  }

  /** Lines that were begun. */
  get lines(): number {
    this.#look();
    return this.#lines;
  }

  /** A full-screen program has the terminal. */
  get inAlternateScreen(): boolean {
    this.#look();
    return this.#inAlternateScreen;
  }

  /** The program wants pasted text to be marked as such, and does not take a line end in it for an Enter. */
  get takesPastes(): boolean {
    this.#look();
    return this.#takesPastes;
  }

  /** Calls back once, when more was shown. */
  onMore(heard: (() => void) | undefined): void {
    this.#heard = heard;
  }

  /** Takes a copy. */
  feed(chunk: Buffer): void {
    this.pieces++;
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const count = Math.min(PIECE_BYTES, chunk.length - at);
      if (this.#to + count > this.#pending.length) this.#makePlace(count);
      chunk.copy(this.#pending, this.#to, at, at + count);
      this.#to += count;
    }
    if (this.#heard) this.wake();
  }

  /** Lets whoever waits for more look again. */
  wake(): void {
    const heard = this.#heard;
    this.#heard = undefined;
    heard?.();
  }

  /** Draws all that came. */
  draw(): void {
    if (this.#from === this.#to) return;
    if (this.#to - this.#from > BULK_BYTES) this.#skipTo(this.#lastLine());
    this.#drawTo(this.#to);
  }

  /** Draws what came up to the next line end behind the cursor. False: nothing more has come. */
  step(): boolean {
    return this.#drawRow(this.#from + 1);
  }

  /** The same, but stays before a line end. */
  drawRow(): boolean {
    return this.#drawRow(this.#from);
  }

  /** Whether a line end comes next. */
  get isRowOver(): boolean {
    return this.#from < this.#to && this.#pending[this.#from] === LINE_FEED;
  }

  #drawRow(from: number): boolean {
    const before = this.#from;
    if (before === this.#to) return false;
    const next = this.#pending.subarray(0, this.#to).indexOf(LINE_FEED, from);
    this.#drawTo(next < 0 ? this.#to : next);
    // A sequence without its end may be all that there is.
    return this.#from !== before;
  }

  #look(): void {
    if (!this.isStepwise) this.draw();
  }

  /** Where the last line begins that is whole, in what is long enough; nothing before it can still be edited. */
  #lastLine(): number {
    return this.#pending.subarray(0, this.#to).lastIndexOf(LINE_FEED, this.#to - BULK_BYTES) + 1;
  }

  /** For so many bytes more. */
  #makePlace(count: number): void {
    if (this.#to - this.#from + count > this.#shortenAt) this.#shorten();
    const length = this.#to - this.#from;
    const room = Math.min(Math.max(length + count, 2 * this.#pending.length), Math.max(length + count, SHOWN_PENDING_BYTES_MAX));
    const place = room > this.#pending.length ? Buffer.allocUnsafeSlow(room) : this.#pending;
    this.#pending.copy(place, 0, this.#from, this.#to);
    this.#pending = place;
    this.#from = 0;
    this.#to = length;
  }

  /** Nobody has looked for long: of what is not drawn, only the end can still matter. */
  #shorten(): void {
    const lastLine = this.#lastLine();
    const isEndless = lastLine <= this.#from && this.#to - this.#from > LINE_BYTES_MAX;
    this.#skipTo(isEndless ? this.#to - SHOWN_CELLS_MAX : lastLine);
    this.#shortenAt = Math.max(SHOWN_PENDING_BYTES_MAX, 2 * (this.#to - this.#from));
  }

  /** Of what is left out only the modes matter. */
  #skipTo(end: number): void {
    if (end <= this.#from) return;
    const bytes = this.#pending.subarray(0, this.#to);
    for (let at = bytes.indexOf(MODE, this.#from); at >= 0 && at < end; at = bytes.indexOf(MODE, at + 1)) {
      const sequence = sequenceAt(bytes, at);
      if (sequence.end !== undefined) this.#steer(bytes.toString('latin1', at + 2, sequence.end));
    }
    this.#newLine();
    this.#decoder = new StringDecoder('utf8');
    this.#from = end;
  }

  #drawTo(end: number): void {
    const bytes = this.#pending.subarray(0, end);
    while (this.#from < end) {
      const at = this.#from;
      if (bytes[at] !== ESC) {
        const next = bytes.indexOf(ESC, at);
        this.#from = next < 0 ? end : next;
        this.#print(this.#decoder.write(bytes.subarray(at, this.#from)));
        continue;
      }
      const sequence = sequenceAt(bytes, at);
      if (sequence.end === undefined) return;
      if (sequence.kind === 'csi') this.#steer(bytes.toString('latin1', at + 2, sequence.end));
      this.#from = Math.max(sequence.end, at + 1);
    }
    if (this.#from < this.#to) return;
    this.#from = 0;
    this.#to = 0;
    if (this.#pending.length > SHOWN_PENDING_BYTES_MAX) this.#pending = Buffer.alloc(0);
  }

  #print(text: string): void {
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0;
      if (code >= 0x20 && code !== 0x7f) this.#put(character);
      else if (code === 0x0d) this.#at = this.#rowStart();
      else if (code === 0x0a) this.#lineFeed();
      else if (code === 0x08) this.#at = Math.max(0, this.#at - 1);
      else if (code === 0x09) this.#at = Math.min(this.#at + 8 - (this.#at % 8), SHOWN_CELLS_MAX);
      if (code < 0x20) this.#wraps = false;
    }
  }

  #put(character: string): void {
    if (this.#at >= SHOWN_CELLS_MAX) this.#newLine();
    while (this.#cells.length < this.#at) this.#cells.push(' ');
    this.#cells[this.#at++] = character;
    if (WIDE.test(character)) this.#cells[this.#at++] = '';
    this.#wraps = this.#at % this.#columns === 0;
  }

  #rowStart(): number {
    if (this.#wraps) return this.#at - this.#columns;
    return this.#at - (this.#at % this.#columns);
  }

  /** Within a line that goes over several rows it is a movement; below its last row a new line begins. */
  #lineFeed(): void {
    const row = Math.floor((this.#wraps ? this.#at - 1 : this.#at) / this.#columns);
    const lastRow = Math.floor(Math.max(0, this.#cells.length - 1) / this.#columns);
    if (row < lastRow) this.#at += this.#columns;
    else this.#newLine();
  }

  #newLine(): void {
    this.#lines++;
    this.#cells = [];
    this.#at = 0;
    this.#wraps = false;
  }

  /** A control sequence without its introducer: parameters, then the byte that says what it does (ECMA-48, 8.3). */
  #steer(sequence: string): void {
    const what = sequence.at(-1) ?? '';
    const parameters = sequence.slice(0, -1);
    if (parameters.startsWith('?')) {
      if (what === 'h' || what === 'l') this.#switch(parameters.slice(1).split(';'), what === 'h');
      return;
    }
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    this.#move(what, count, parameters);
  }

  #move(what: string, count: number, parameters: string): void {
    const rowEnd = this.#rowStart() + this.#columns;
    if (what !== 'm') this.#wraps = false;
    if (what === 'C') this.#at = Math.min(this.#at + count, SHOWN_CELLS_MAX);
    else if (what === 'D') this.#at = Math.max(0, this.#at - count);
    else if (what === 'A') this.#at = Math.max(this.#at % this.#columns, this.#at - count * this.#columns);
    else if (what === 'B') this.#at = Math.min(this.#at + count * this.#columns, SHOWN_CELLS_MAX);
    else if (what === 'G') this.#at = rowEnd - this.#columns + Math.min(count, this.#columns) - 1;
    else if (what === 'H' || what === 'f') this.#newLine();
    else if (what === 'J') this.#erase(parameters, this.#cells.length);
    else if (what === 'K') this.#erase(parameters, rowEnd);
    else if (what === 'P') this.#cells.splice(this.#at, count);
    else if (what === '@') this.#makeRoom(Math.min(count, this.#columns));
    else if (what === 'X') this.#cells.fill(' ', this.#at, this.#at + count);
  }

  #makeRoom(count: number): void {
    this.#cells.splice(this.#at, 0, ...Array<string>(count).fill(' '));
    if (this.#cells.length > SHOWN_CELLS_MAX) this.#cells.length = SHOWN_CELLS_MAX;
  }

  #erase(parameters: string, end: number): void {
    if (parameters === '2' || parameters === '3') this.#cells.fill(' ');
    else if (parameters === '1') this.#cells.fill(' ', 0, this.#at + 1);
    else if (end >= this.#cells.length) this.#cells.length = Math.min(this.#cells.length, this.#at);
    else this.#cells.fill(' ', this.#at, end);
  }

  #switch(modes: readonly string[], on: boolean): void {
    for (const mode of modes) {
      if (mode === '1049' || mode === '1047' || mode === '47') this.#inAlternateScreen = on;
      if (mode === '2004') this.#takesPastes = on;
    }
    if (modes.some((mode) => mode.endsWith('47') || mode === '1049')) this.#newLine();
  }
}

function columnsOf(given: number): number {
  return given > 0 ? Math.min(given, COLUMNS_MAX) : COLUMNS_DEFAULT;
}
