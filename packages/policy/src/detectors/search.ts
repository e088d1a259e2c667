import { ALIASES, CODES, RUNS, SCANS, WORDS } from './all.ts';
import { Blocks } from './blocks.ts';
import { forgetContext } from './context.ts';
import type { CompiledCustom } from './custom.ts';
import type { CodeEntity, Found, Hints, ScanEntity } from './detector.ts';
import { isEmail } from './email.ts';
import { DECODED, decodedText } from './encoded.ts';
import { Facts, FOLDS } from './facts.ts';
import { Known } from './known.ts';
import type { Plan } from './plans.ts';
import { prefilter } from './prefilter.ts';
import { Runs } from './run-search.ts';
import { findRuns, hasRun, IN_RUN, RUN_BYTES_MIN } from './runs.ts';
import { BITS, survey } from './survey.ts';
import { roomFor, type View, viewOf } from './view.ts';

/** A sensitive value in a text, in bytes. */
export interface Finding {
  readonly entity: string;
  readonly from: number;
  readonly to: number;
  /** Between 0 and 1. */
  readonly score: number;
}

/** One that the next may belong to. */
interface Growing extends Finding {
  to: number;
  score: number;
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

/** A detector with what it is to call. */
interface Bound {
  readonly found: Found;
}

type Emit = (entity: string, from: number, to: number, score: number) => void;

/** Looks for some entities, each from a score of its own. */
export class Search {
  /** Says of a run of bytes whether anything can be in it: a `false` is certain. */
  readonly suspects: (bytes: Buffer) => boolean;
  readonly #thresholds: ReadonlyMap<string, number>;
  readonly #blocks: Blocks | undefined;
  readonly #scans: readonly (ScanEntity & Bound)[];
  readonly #scanBits: number;
  readonly #runs: Runs | undefined;
  readonly #customs: readonly CompiledCustom[];
  readonly #wantsRuns: boolean;
  /** Whether a value that is an address, and nothing else, need not be looked at closer. */
  readonly #isWholeEnough: boolean;
  #known: Known | undefined;
  /** What there is to be done for values of digits, by their shape; null where it is too much. */
  #plans: Known<Plan | null> | undefined;

  /** What is being searched: where its bytes stand in the text, and which of it is this piece's own. */
  #view: View | undefined;
  #start = 0;
  #ownFrom = 0;
  #ownTo = 0;
  /** While what was decoded is searched: all of it is one value. */
  #isInner = false;
  /** What was found in it, with the best score. */
  readonly #inner = new Map<string, number>();
  #findings: Finding[] = NONE;
  /** The last one of them. */
  #last: Growing | undefined;

  /**
   * @param thresholds the least score by entity; of those that are not known and not among `customs` nothing is found
   * @param isWholeEnough all findings are treated alike: beside one that is sure and covers all of a value, the others need not be told
   */
  constructor(thresholds: ReadonlyMap<string, number>, customs: readonly CompiledCustom[] = [], isWholeEnough = false) {
    this.#thresholds = thresholds;
    const isWanted = ({ entity }: { entity: string }): boolean => thresholds.has(entity);
    const codes = CODES.filter(isWanted);
    const words = WORDS.filter(isWanted);
    const runs = RUNS.filter(isWanted);
    this.#scans = SCANS.filter(isWanted).map((scan) => ({ ...scan, found: this.#bound(scan.entity) }));
    this.#scanBits = this.#scans.reduce((sum, { bits }) => sum | bits, 0);
    this.#runs = runs.length > 0 ? new Runs(runs.map((run) => ({ run, found: this.#bound(run.entity) }))) : undefined;
    this.#customs = customs;
    this.#blocks = codes.length + words.length > 0 ? new Blocks(codes, words, thresholds) : undefined;
    this.#wantsRuns = thresholds.size > 0;
    this.#isWholeEnough = isWholeEnough && (thresholds.get(EMAIL) ?? 2) <= 1;
    const hints: Hints[] = [
      ...[...this.#scans, ...words].map((each) => each.hints),
      ...codes.map((code) => ({ digits: digitsOf(code) })),
      ...(runs.length > 0 ? [{ run: RUN_BYTES_MIN }] : []),
      // A pattern may fit anything.
      ...(customs.length > 0 ? [{ words: true }] : []),
    ];
    this.suspects = prefilter(hints);
  }

  /** What is there, in no order; findings may overlap. Do not change what is given back. @throws Error when it takes longer than `SEARCH_MS_MAX` */
  find(text: Buffer): Finding[] {
    return this.findIn(text, 0, text.length);
  }

  /** The same in what stands in [from, to), which is a text of its own. What is found is counted from `from` on. */
  findIn(bytes: Buffer, from: number, to: number): Finding[] {
    const length = to - from;
    if (length <= Facts.BYTES_MAX) return this.#findShort(bytes, from, to);
    if (length > PIECE_BYTES) return this.findPlainly(length === bytes.length ? bytes : bytes.subarray(from, to));
    return this.#findSuspected(bytes, from, to) ?? NONE;
  }

  /** Whether `findIn` would find anything; false is certain. */
  suspectsIn(bytes: Buffer, from: number, to: number): boolean {
    return to - from > PIECE_BYTES || this.#isSuspect(bytes, from, to) || this.#hasRun(bytes, from, to);
  }

  /** Of a piece: it is cut out only where something may be in it. Undefined: nothing can be. */
  #findSuspected(bytes: Buffer, from: number, to: number): Finding[] | undefined {
    const isSuspect = this.#isSuspect(bytes, from, to);
    if (!isSuspect && !this.#hasRun(bytes, from, to)) return undefined;
    const text = to - from === bytes.length ? bytes : bytes.subarray(from, to);
    if (isSuspect) return this.findPlainly(text);
    // Nothing but a run of letters and digits, which is what numbers and keys of programs look like.
    this.#begin(text.length);
    this.#findIn(text, 0);
    return this.#findings;
  }

  /** Whether anything may be there beside what is in long runs. */
  #isSuspect(bytes: Buffer, from: number, to: number): boolean {
    if (this.#customs.length > 0) return true;
    if (this.#blocks) return this.#blocks.suspects(bytes, from, to, this.#scanBits);
    return (survey(bytes, from, to) & (this.#scanBits | BITS.odd)) !== 0;
  }

  #hasRun(bytes: Buffer, from: number, to: number): boolean {
    return this.#wantsRuns && hasRun(bytes, RUN_BYTES_MIN, IN_RUN, from, to);
  }

  /** A value that may have come before, or one of the same shape. */
  #findShort(bytes: Buffer, from: number, to: number): Finding[] {
    const facts = FACTS;
    facts.read(bytes, from, to);
    const keeps = Known.keeps(to - from);
    this.#known ??= new Known();
    const known = keeps ? this.#known.get(bytes, from, to, facts.tag) : undefined;
    if (known) return known;
    let findings: Finding[] | undefined;
    if (facts.isNumeric) findings = this.#findNumeric(bytes, from, to);
    else if (facts.hasAt && this.#isWholeEnough && !facts.isOdd && isEmail(bytes, from, to))
      findings = [{ entity: EMAIL, from: 0, to: to - from, score: 1 }];
    if (findings === NONE) return NONE;
    if (!findings) {
      findings = this.#findSuspected(bytes, from, to);
      if (!findings) return NONE;
    }
    if (keeps) this.#known.add(bytes, findings, from, to);
    return findings;
  }

  /** Undefined: there is no plan for such a value yet, or none at all. */
  #findNumeric(bytes: Buffer, from: number, to: number): Finding[] | undefined {
    const blocks = this.#blocks;
    if (!blocks) return undefined;
    this.#plans ??= new Known<Plan | null>(FOLDS);
    const text = FACTS.take(bytes, from, to);
    const plan = this.#plans.get(bytes, from, to, FACTS.shapeTag);
    if (plan) {
      if (plan.isEmpty && (plan.bits & this.#scanBits) === 0 && to - from < RUN_BYTES_MIN && this.#customs.length === 0) return NONE;
      this.#begin(text.length);
      blocks.findBy(plan, text, FACTS.digits, this.#keep);
      this.#findIn(text, plan.bits);
      return this.#findings;
    }
    if (plan === undefined) this.#plans.add(bytes, this.#plans.cameBefore ? (blocks.planFor(text) ?? null) : null, from, to);
    return undefined;
  }

  /** As `find`, without anything that would spare a closer look: what this says is what the others have to say. */
  findPlainly(text: Buffer): Finding[] {
    const { length } = text;
    this.#begin(length);
    if (length <= PIECE_BYTES) this.#piece(text);
    else this.#pieces(text);
    return this.#findings;
  }

  #begin(length: number): void {
    this.#findings = NONE;
    this.#last = undefined;
    this.#view = undefined;
    this.#start = 0;
    this.#ownFrom = 0;
    this.#ownTo = length;
  }

  #pieces(text: Buffer): void {
    const deadline = performance.now() + SEARCH_MS_MAX;
    for (let own = 0; own < text.length; own += PIECE_BYTES) {
      if (own > 0 && performance.now() > deadline) throw new Error(`A text of ${text.length} bytes takes too long to be searched`);
      this.#ownFrom = own;
      this.#ownTo = own + PIECE_BYTES;
      this.#start = Math.max(0, own - BEFORE_BYTES);
      this.#piece(text.subarray(this.#start, own + PIECE_BYTES + BEHIND_BYTES));
    }
  }

  #piece(piece: Buffer): void {
    this.#view = undefined;
    const known = this.#findings.length;
    const bits = this.#look(piece, true);
    if ((bits & BITS.odd) === 0) {
      this.#findIn(piece, bits);
      return;
    }
    if (this.#findings.length > known) {
      this.#findings.length = known;
      this.#last = undefined;
    }
    const view = viewOf(piece, ROOM);
    this.#view = view;
    this.#findIn(view.bytes, this.#look(view.bytes, false));
    this.#view = undefined;
  }

  /** The one pass over all bytes. Says what else is to be looked for. */
  #look(bytes: Buffer, isRaw: boolean): number {
    return this.#blocks ? this.#blocks.find(bytes, this.#keep, isRaw) : survey(bytes, 0, bytes.length, isRaw ? BITS.odd : 0);
  }

  #bound(entity: string): Found {
    const threshold = this.#thresholds.get(entity) ?? 2;
    return (from, to, score) => {
      if (score >= threshold) this.#note(entity, from, to, score);
    };
  }

  readonly #emit: Emit = (entity, from, to, score) => {
    if (score >= (this.#thresholds.get(entity) ?? 2)) this.#note(entity, from, to, score);
  };

  readonly #keep: Emit = (entity, from, to, score) => this.#note(entity, from, to, score);

  #note(entity: string, first: number, end: number, score: number): void {
    if (this.#isInner) {
      this.#inner.set(entity, Math.max(score, this.#inner.get(entity) ?? 0));
      return;
    }
    const from = this.#start + (this.#view?.from?.[first] ?? first);
    // What begins in another piece is found there.
    if (from < this.#ownFrom || from >= this.#ownTo) return;
    const to = this.#start + (this.#view?.to?.[end - 1] ?? end);
    const last = this.#last;
    // What goes on from the value before is one with it: a row of digits would be a value from every place on.
    if (last && last.entity === entity && from >= last.from && from < last.to) {
      if (to > last.to) last.to = to;
      if (score > last.score) last.score = score;
      return;
    }
    const finding = { entity, from, to, score };
    this.#last = finding;
    if (this.#findings === NONE) this.#findings = [finding];
    else this.#findings.push(finding);
  }

  #findIn(bytes: Buffer, bits: number): void {
    if (bits & this.#scanBits) for (const { find, found, bits: needed } of this.#scans) if (bits & needed) find(bytes, found, bits);
    for (const { entity, find } of this.#customs) find(bytes, (from, to, score) => this.#emit(entity, from, to, score));
    if (bytes.length < RUN_BYTES_MIN || !this.#wantsRuns) return;
    forgetContext();
    if (!this.#isInner) this.#runs?.begin();
    findRuns(bytes, this.#run);
  }

  readonly #run = (bytes: Buffer, from: number, to: number): void => {
    this.#runs?.find(bytes, from, to);
    if (!this.#isInner) this.#findEncoded(bytes, from, to);
  };

  /** What is in a text that is written in hexadecimal digits or Base64 hides all of it. */
  #findEncoded(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      while (at < to && ENCODED[bytes[at] ?? 0] === 0) at++;
      const start = at;
      while (at < to && ENCODED[bytes[at] ?? 0] === 1) at++;
      if (at - start < RUN_BYTES_MIN) continue;
      const text = decodedText(bytes, start, at);
      if (!text) continue;
      if (this.#inner.size > 0) this.#inner.clear();
      this.#isInner = true;
      try {
        this.#findDecoded(text);
      } finally {
        this.#isInner = false;
      }
      if (this.#inner.size > 0) for (const [entity, score] of this.#inner) this.#note(entity, start, at, score);
    }
  }

  #findDecoded(text: Buffer): void {
    const bits = this.#look(text, true);
    if ((bits & BITS.odd) === 0) {
      this.#findIn(text, bits);
      return;
    }
    if (this.#inner.size > 0) this.#inner.clear();
    const { bytes } = viewOf(text, INNER_ROOM);
    this.#findIn(bytes, this.#look(bytes, false));
  }
}

const NONE: Finding[] = [];
const EMAIL = 'EMAIL_ADDRESS';

/** Of the value that is being searched. */
const FACTS = new Facts();

/** No two texts are searched at the same time. */
const ROOM = roomFor(BEFORE_BYTES + PIECE_BYTES + BEHIND_BYTES);
const INNER_ROOM = roomFor(DECODED.length);

/** The longest run of digits that every shape of a code has. */
function digitsOf({ shapes, entity }: CodeEntity): number {
  if (entity === 'IBAN_CODE') return 2;
  return Math.min(...shapes.map((shape) => Math.max(...shape.split(/[^9]+/).map((digits) => digits.length))));
}

/** Also the alphabet for names of files, and the ends of lines. */
const ENCODED = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9+/_\r\n-]/.test(String.fromCharCode(byte)) && byte < 128 ? 1 : 0,
);
