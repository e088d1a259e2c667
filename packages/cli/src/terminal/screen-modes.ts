const ESC = 0x1b;
/** `ESC [ ? numbers h` or `l`; a longer one is none that a screen knows. */
const SEQUENCE_LENGTH_MAX = 32;

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const PRIVATE_MODE = /\x1b\[\?([\d;]{1,28})([hl])/g;

/** What a screen has without being told: lines that wrap, and a visible cursor. */
const ON_BY_DEFAULT: ReadonlySet<string> = new Set(['7', '25']);

/** There are not so many modes; what prints more of them is no program that needs a screen. */
const MODES_MAX = 64;

/**
 * Remembers what a program turned on or off on the screen (DEC private modes: the other screen, mouse reports, a hidden cursor),
 * so that a session that breaks off in the middle of an editor leaves a screen that a person can use.
 */
export class ScreenModes {
  readonly #changed = new Set<string>();
  #tail = '';

  /** Looks at output that is about to be shown. */
  watch(bytes: Buffer): void {
    // Most output has no escape at all: that is found quickly.
    if (this.#tail === '' && bytes.indexOf(ESC) < 0) return;
    const text = this.#tail + bytes.toString('latin1');
    let end = 0;
    for (const match of text.matchAll(PRIVATE_MODE)) {
      end = match.index + match[0].length;
      for (const mode of (match[1] ?? '').split(';')) this.#set(mode, match[2] === 'h');
    }
    const last = text.lastIndexOf('\x1b');
    this.#tail = last >= end && text.length - last < SEQUENCE_LENGTH_MAX ? text.slice(last) : '';
  }

  /** What to write so that the screen is as it was; empty where nothing is to be done. */
  undo(): string {
    const modes = [...this.#changed].map((mode) => `\x1b[?${mode}${ON_BY_DEFAULT.has(mode) ? 'h' : 'l'}`);
    this.#changed.clear();
    return modes.length === 0 ? '' : `${modes.join('')}\x1b>\x1b[0m`;
  }

  #set(mode: string, on: boolean): void {
    if (on === ON_BY_DEFAULT.has(mode)) this.#changed.delete(mode);
    else if (this.#changed.size < MODES_MAX) this.#changed.add(mode);
  }
}
