import type { Found, RunEntity } from './detector.ts';

interface Bound {
  readonly run: RunEntity;
  readonly found: Found;
}

/** Looks for all secrets that are wanted in one pass over a run: only where a word begins as one of them does it is looked at closer. */
export class Runs {
  readonly #all: readonly Bound[];
  /** Those that are called in front of a text, and those that are for whole runs. */
  readonly #beginning: readonly RunEntity[];
  readonly #whole: readonly Bound[];
  /** By the first byte of a word: which of `#all` may begin there. */
  readonly #byFirst: (readonly number[] | undefined)[] = [];
  /** What is before this place was looked at by them. */
  readonly #until: Int32Array;

  constructor(all: readonly Bound[]) {
    this.#all = all;
    this.#beginning = all.map(({ run }) => run).filter(({ begin }) => begin !== undefined);
    this.#whole = all.filter(({ run }) => run.find !== undefined);
    this.#until = new Int32Array(all.length);
    for (let byte = 0; byte < 256; byte++) {
      const own = all.flatMap(({ run }, index) => (run.firsts?.includes(String.fromCharCode(byte)) ? [index] : []));
      this.#byFirst.push(own.length > 0 ? own : undefined);
    }
  }

  /** Called once in front of each text. */
  begin(): void {
    for (const run of this.#beginning) run.begin?.();
  }

  find(bytes: Buffer, from: number, to: number): void {
    for (let index = 0; index < this.#until.length; index++) this.#until[index] = 0;
    for (let at = from; at < to; at++) {
      if (WORD[bytes[at] ?? 0] === 0) continue;
      const some = this.#byFirst[bytes[at] ?? 0];
      if (some) this.#at(some, bytes, at, to);
      while (at < to && WORD[bytes[at] ?? 0] === 1) at++;
    }
    for (const { run, found } of this.#whole) run.find?.(bytes, from, to, found);
  }

  #at(some: readonly number[], bytes: Buffer, at: number, to: number): void {
    for (const index of some) {
      const bound = this.#all[index];
      if (bound && at >= (this.#until[index] ?? 0)) this.#until[index] = bound.run.begins?.(bytes, at, to, bound.found) ?? 0;
    }
  }
}

/** Letters and digits. */
const WORD = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 0x80 && /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? 1 : 0));
