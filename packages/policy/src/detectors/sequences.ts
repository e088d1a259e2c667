import { CLASS, DIGIT, GAP_MAX, isInRun, JOINS, LETTER } from './classes.ts';
import type { Layout } from './detector.ts';
import { ibanLength } from './iban.ts';
import { CODE_CHARACTERS_MAX, layoutWith, type Shapes, type Wanted } from './shapes.ts';

/** Groups of a code; one more than the longest that is written digit by digit. */
const GROUPS_MAX = 20;
/** The shortest IBAN, and the country with its check digits, which are in one group. */
const IBAN_MIN = 15;
const IBAN_START_MIN = 4;

/** @param done of those that are wanted, the ones that were asked already */
export type Check = (
  bytes: Buffer,
  from: number,
  to: number,
  length: number,
  layout: Layout,
  wanted: readonly Wanted[],
  done: readonly Wanted[] | undefined,
) => void;
export type CheckIban = (bytes: Buffer, from: number, to: number, length: number) => void;

/** The last runs of letters and digits, and which of them could be one code together. */
export class Sequences {
  /** The last runs: where they begin and end, which of their characters are letters, how many are digits. */
  readonly #from = new Int32Array(GROUPS_MAX);
  readonly #to = new Int32Array(GROUPS_MAX);
  readonly #mask = new Int32Array(GROUPS_MAX);
  readonly #digits = new Int32Array(GROUPS_MAX);
  /** How many characters an IBAN has that begins with it; 0 when none does. */
  readonly #starts = new Int32Array(GROUPS_MAX);
  /** A bit for each of the last runs that an IBAN may begin with, the lowest for the last one. */
  #startBits = 0;
  #head = 0;
  /** How many of them stand before the last one, joined to it and to each other. */
  #chain = 0;

  readonly #shapes: Shapes;
  readonly #wantsIban: boolean;
  readonly #check: Check;
  readonly #checkIban: CheckIban;

  /** @param check is called for each sequence that has the shape of a code, `checkIban` for each that has the length of an IBAN */
  constructor(shapes: Shapes, wantsIban: boolean, check: Check, checkIban: CheckIban) {
    this.#shapes = shapes;
    this.#wantsIban = wantsIban;
    this.#check = check;
    this.#checkIban = checkIban;
  }

  /** What is pushed next has nothing to do with what was pushed before. */
  begin(): void {
    this.#chain = -1;
  }

  /** The words before a number, as far as a code may reach. They are not kept while they pass: hardly any stands before a number. */
  readBack(bytes: Buffer, from: number, most: number, floor: number): void {
    let room = most;
    let first = from;
    let slot = this.#head;
    let groups = 0;
    let starts = 0;
    while (groups < GROUPS_MAX - 1) {
      let to = first;
      while (to > floor && first - to < GAP_MAX && JOINS[bytes[to - 1] ?? 0] === 1) to--;
      let start = to;
      let mask = 0;
      let count = 0;
      for (; start > floor && to - start < room; start--) {
        const kind = CLASS[bytes[start - 1] ?? 0];
        if (kind === DIGIT) count++;
        else if (kind === LETTER) mask |= 1 << (to - start);
        else break;
      }
      if (to === first || start === to || (start > floor && isInRun(bytes[start - 1] ?? 0))) break;
      this.#from[slot] = start;
      this.#to[slot] = to;
      this.#mask[slot] = mask;
      this.#digits[slot] = count;
      if (this.#wantsIban) starts |= this.#start(bytes, slot) << groups;
      slot = (slot + GROUPS_MAX - 1) % GROUPS_MAX;
      room -= to - start;
      first = start;
      groups++;
    }
    this.#chain = groups - 1;
    this.#ones = 0;
    this.#startBits = starts;
  }

  /** The last run is always the last in the arrays; they are short. */
  push(bytes: Buffer, from: number, to: number, mask: number, count: number): void {
    const slot = (this.#head = (this.#head + 1) % GROUPS_MAX);
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#mask[slot] = mask;
    this.#digits[slot] = count;
    this.#chain = Math.min(this.#chain + 1, GROUPS_MAX - 1);
    this.#ones = to - from === 1 ? (this.#chain === 0 ? 1 : this.#ones + 1) : 0;
    if (this.#wantsIban) this.#startBits = (this.#chain === 0 ? 0 : this.#startBits << 1) | this.#start(bytes, slot);
  }

  /** Whether an IBAN may begin with this run. */
  #start(bytes: Buffer, slot: number): number {
    const from = this.#from[slot] ?? 0;
    const length = (this.#to[slot] ?? 0) - from >= IBAN_START_MIN ? ibanLength(bytes, from) : 0;
    this.#starts[slot] = length;
    return length > 0 ? 1 : 0;
  }

  /** So many groups of one character each are the last ones. */
  #ones = 0;

  /** Every sequence of runs that ends with the last one and that a code may be written as. */
  lookBack(bytes: Buffer): void {
    // Nothing is written in twenty single characters, and here every one of them would be the end of one more sequence.
    if (this.#ones >= GROUPS_MAX) return;
    const slot = this.#head;
    const from = this.#from[slot] ?? 0;
    const to = this.#to[slot] ?? 0;
    const shaped = this.#shapes.get(to - from, this.#mask[slot] ?? 0);
    if (shaped) this.#check(bytes, from, to, to - from, 'plain', shaped.all, undefined);
    if (this.#startBits !== 0) this.#lookForIban(bytes, slot, to);
    if (this.#chain === 0) return;
    const listed = this.#lookListed(bytes, slot, to);
    if (this.#shapes.regularMax > to - from) this.#lookRegular(bytes, slot, to, listed);
  }

  /** Groups as the country of a code writes them. Says of how many groups there were such codes, as bits. */
  #lookListed(bytes: Buffer, last: number, to: number): number {
    const shapes = this.#shapes;
    const first = to - (this.#from[last] ?? 0);
    let slot = last;
    let length = first;
    let mask = this.#mask[last] ?? 0;
    let layout = layoutWith(0, first);
    let node = shapes.next(0, first);
    let listed = 0;
    for (let groups = 2; node > 0 && groups <= this.#chain + 1; groups++) {
      slot = slot === 0 ? GROUPS_MAX - 1 : slot - 1;
      const from = this.#from[slot] ?? 0;
      const size = (this.#to[slot] ?? 0) - from;
      node = shapes.next(node, size);
      if (node === 0) break;
      mask |= (this.#mask[slot] ?? 0) << length;
      length += size;
      layout = layoutWith(layout, size);
      const wanted = shapes.isLayout(node) ? shapes.get(length, mask)?.byLayout.get(layout) : undefined;
      if (!wanted) continue;
      listed |= 1 << groups;
      this.#listed[groups] = wanted;
      this.#check(bytes, from, to, length, 'listed', wanted, undefined);
    }
    return listed;
  }

  /** By how many groups they have: what was looked for last among groups that are listed. */
  readonly #listed: (readonly Wanted[] | undefined)[] = Array.from({ length: GROUPS_MAX + 1 });

  /** Groups of one size, of which the last may be shorter. */
  #lookRegular(bytes: Buffer, last: number, to: number, listed: number): void {
    const shapes = this.#shapes;
    const end = this.#chain + 1;
    let slot = last;
    let length = to - (this.#from[last] ?? 0);
    let mask = this.#mask[last] ?? 0;
    let size = 0;
    for (let groups = 2; groups <= end; groups++) {
      slot = slot === 0 ? GROUPS_MAX - 1 : slot - 1;
      const from = this.#from[slot] ?? 0;
      const own = (this.#to[slot] ?? 0) - from;
      if (groups > 2 ? own !== size : own < length) return;
      size = own;
      mask |= (this.#mask[slot] ?? 0) << length;
      length += own;
      if (length > shapes.regularMax || !shapes.mayEnd(length, mask)) return;
      if ((shapes.regularLengths & (1 << length)) === 0) continue;
      // Digit by digit, a code is alone: otherwise every place in a row of small numbers would be one.
      if (size === 1 && groups < end) continue;
      const wanted = shapes.get(length, mask)?.regular;
      if (!wanted) continue;
      const done = (listed & (1 << groups)) === 0 ? undefined : this.#listed[groups];
      this.#check(bytes, from, to, length, 'regular', wanted, done);
    }
  }

  /** Groups of any sizes, from a country's letters on. */
  #lookForIban(bytes: Buffer, last: number, to: number): void {
    let slot = last;
    let length = 0;
    let digits = 0;
    for (let starts = this.#startBits; starts !== 0; starts >>>= 1) {
      const from = this.#from[slot] ?? 0;
      length += (this.#to[slot] ?? 0) - from;
      digits += this.#digits[slot] ?? 0;
      if (length > CODE_CHARACTERS_MAX) return;
      if (length === this.#starts[slot] && length >= IBAN_MIN && digits >= this.#shapes.digitsMin) this.#checkIban(bytes, from, to, length);
      slot = slot === 0 ? GROUPS_MAX - 1 : slot - 1;
    }
  }
}
