import { ALIASES, CODES, RUNS, SCANS, WORDS } from './all.ts';
import { Blocks } from './blocks.ts';
import type { CompiledCustom } from './custom.ts';
import type { CodeEntity, Found, Hints, RunEntity, ScanEntity } from './detector.ts';
import { decodedText } from './encoded.ts';
import { prefilter } from './prefilter.ts';
import { findRuns, RUN_BYTES_MIN } from './runs.ts';
import { type View, viewOf } from './view.ts';

/** A sensitive value in a text, in bytes. */
export interface Finding {
  readonly entity: string;
  readonly from: number;
  readonly to: number;
  /** Between 0 and 1. */
  readonly score: number;
}

/** Names of all entities that can be looked for, with their other names. */
export const ENTITIES: readonly string[] = [
  ...[...CODES, ...SCANS, ...WORDS, ...RUNS].map(({ entity }) => entity),
  ...Object.keys(ALIASES),
].sort();

/** Texts are looked at in pieces, so that what is kept of them has a limit. A value may reach so far into the next piece. */
const PIECE_BYTES = 64 * 1024;
const BEHIND_BYTES = 16 * 1024;

/** Nobody else is served while a text is searched. What takes longer is taken for what could not be searched. */
export const SEARCH_MS_MAX = 2_000;
const BEFORE_BYTES = 512;

/** What is in a text at all, as bits. */
const BITS = { at: 1, colon: 2, dot: 4, slash: 8, dash: 16, digit: 32, letter: 64, odd: 128 } as const;
const SIGNS = new Map<number, number>([
  [0x40, BITS.at],
  [0x3a, BITS.colon],
  [0x2e, BITS.dot],
  [0x2f, BITS.slash],
  [0x2d, BITS.dash],
  // What has to be undone before a text can be read.
  [0x5c, BITS.odd],
  [0x25, BITS.odd],
  [0x1b, BITS.odd],
]);
const BIT = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x09) return BITS.odd;
  if (byte >= 0x80) return BITS.odd | BITS.letter;
  if (byte >= 0x30 && byte <= 0x39) return BITS.digit;
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a ? BITS.letter : (SIGNS.get(byte) ?? 0);
});

function bitsOf(bytes: Buffer): number {
  let bits = 0;
  for (let at = 0; at < bytes.length; at++) bits |= BIT[bytes[at] ?? 0] ?? 0;
  return bits;
}

/** What has to be in a text for this to be worth a try. */
function bitsFor({ hints }: ScanEntity): number {
  return hints.bytes ? hints.bytes.reduce((sum, byte) => sum | (BIT[byte] ?? 0), 0) : BITS.dash;
}

/** A detector with what it is to call. */
interface Bound {
  readonly bits: number;
  readonly found: Found;
}

type Emit = (entity: string, from: number, to: number, score: number) => void;

/** Looks for some entities, each from a score of its own. */
export class Search {
  /** Says of a run of bytes whether anything can be in it: a `false` is certain. */
  readonly suspects: (bytes: Buffer) => boolean;
  readonly #thresholds: ReadonlyMap<string, number>;
  readonly #blocks: Blocks | undefined;
  #emit: Emit = () => undefined;
  readonly #scans: readonly (ScanEntity & Bound)[];
  readonly #blockBits: number;
  readonly #runs: readonly (RunEntity & Bound)[];
  readonly #customs: readonly CompiledCustom[];

  /** @param thresholds the least score by entity; of those that are not known and not among `customs` nothing is found */
  constructor(thresholds: ReadonlyMap<string, number>, customs: readonly CompiledCustom[] = []) {
    this.#thresholds = thresholds;
    const isWanted = ({ entity }: { entity: string }): boolean => thresholds.has(entity);
    const codes = CODES.filter(isWanted);
    const words = WORDS.filter(isWanted);
    const bound =
      (entity: string): Found =>
      (from, to, score) =>
        this.#emit(entity, from, to, score);
    this.#scans = SCANS.filter(isWanted).map((scan) => ({ ...scan, bits: bitsFor(scan), found: bound(scan.entity) }));
    this.#blockBits = BITS.digit | (words.some(({ block }) => block) ? BITS.letter : 0);
    this.#runs = RUNS.filter(isWanted).map((run) => ({ ...run, bits: 0, found: bound(run.entity) }));
    this.#customs = customs;
    this.#blocks = codes.length + words.length > 0 ? new Blocks(codes, words) : undefined;
    const hints: Hints[] = [
      ...[...this.#scans, ...words].map((each) => each.hints),
      ...codes.map((code) => ({ digits: digitsOf(code) })),
      ...(this.#runs.length > 0 ? [{ run: RUN_BYTES_MIN }] : []),
      // A pattern may fit anything.
      ...(customs.length > 0 ? [{ words: true }] : []),
    ];
    this.suspects = prefilter(hints);
  }

  /** What is there, in no order; findings may overlap. @throws Error when it takes longer than `SEARCH_MS_MAX` */
  find(text: Buffer): Finding[] {
    const findings: Finding[] = [];
    const deadline = text.length > PIECE_BYTES ? performance.now() + SEARCH_MS_MAX : Number.POSITIVE_INFINITY;
    for (let own = 0; own < text.length; own += PIECE_BYTES) {
      if (own > 0 && performance.now() > deadline) throw new Error(`A text of ${text.length} bytes takes too long to be searched`);
      const start = Math.max(0, own - BEFORE_BYTES);
      const piece = own === 0 && text.length <= PIECE_BYTES ? text : text.subarray(start, own + PIECE_BYTES + BEHIND_BYTES);
      const bits = bitsOf(piece);
      const view = bits & BITS.odd ? viewOf(piece) : { bytes: piece, from: undefined, to: undefined };
      this.#findIn(view.bytes, view.from ? bitsOf(view.bytes) : bits, true, (entity, from, to, score) => {
        if (score < (this.#thresholds.get(entity) ?? 2)) return;
        const range = rangeIn(view, from, to);
        const first = start + range.from;
        // What begins in another piece is found there.
        if (first >= own && first < own + PIECE_BYTES) findings.push({ entity, from: first, to: start + range.to, score });
      });
    }
    return findings;
  }

  #findIn(bytes: Buffer, bits: number, isWhole: boolean, emit: Emit): void {
    if (bits & this.#blockBits) this.#blocks?.find(bytes, emit);
    this.#emit = emit;
    for (const { find, found, bits: needed } of this.#scans) if (bits & needed) find(bytes, found);
    for (const { entity, find } of this.#customs) find(bytes, (from, to, score) => emit(entity, from, to, score));
    if (bytes.length < RUN_BYTES_MIN) return;
    for (const { begin } of this.#runs) begin?.();
    findRuns(bytes, (from, to) => {
      this.#emit = emit;
      for (const { find, found } of this.#runs) find(bytes, from, to, found);
      if (isWhole) this.#findEncoded(bytes, from, to, emit);
    });
  }

  /** What is in a text that is written in hexadecimal digits or Base64 hides all of it. */
  #findEncoded(bytes: Buffer, from: number, to: number, emit: Emit): void {
    for (let at = from; at < to; ) {
      while (at < to && ENCODED[bytes[at] ?? 0] === 0) at++;
      const start = at;
      while (at < to && ENCODED[bytes[at] ?? 0] === 1) at++;
      if (at - start < RUN_BYTES_MIN) continue;
      const text = decodedText(bytes, start, at);
      if (!text) continue;
      const end = at;
      const found = new Map<string, number>();
      const { bytes: inner } = viewOf(text);
      this.#findIn(inner, bitsOf(inner), false, (entity, _, __, score) => {
        if (score >= (this.#thresholds.get(entity) ?? 2)) found.set(entity, Math.max(score, found.get(entity) ?? 0));
      });
      for (const [entity, score] of found) emit(entity, start, end, score);
    }
  }
}

function rangeIn({ from, to }: View, first: number, end: number): { from: number; to: number } {
  return { from: from?.[first] ?? first, to: to?.[end - 1] ?? end };
}

/** The longest run of digits that every shape of a code has. */
function digitsOf({ shapes, entity }: CodeEntity): number {
  if (entity === 'IBAN_CODE') return 2;
  return Math.min(...shapes.map((shape) => Math.max(...shape.split(/[^9]+/).map((digits) => digits.length))));
}

/** Also the alphabet for names of files, and the ends of lines. */
const ENCODED = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9+/_\r\n-]/.test(String.fromCharCode(byte)) && byte < 128 ? 1 : 0,
);
