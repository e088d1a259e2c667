import type { Code } from './checks.ts';
import { CLASS, DIGIT, GAP_MAX, isInRun, JOINS, LETTER, UPPER } from './classes.ts';
import type { Layout } from './detector.ts';
import { ibanLength } from './iban.ts';
import { CODE_CHARACTERS_MAX, layoutWith, type Shapes, type Wanted } from './shapes.ts';

/** Groups of a code; one more than the longest that is written digit by digit. */
const GROUPS_MAX = 20;
/** The shortest IBAN, and the country with its check digits, which are in one group. */
const IBAN_MIN = 15;
const IBAN_START_MIN = 4;
const CODES_BYTES = 512;

/** @param code in upper case, without what stands between; more may stand behind it */
export type Check = (
  bytes: Buffer,
  code: Code,
  from: number,
  to: number,
  length: number,
  layout: Layout,
  wanted: readonly Wanted[],
) => void;
export type CheckIban = (code: Code, from: number, to: number, length: number) => void;

const NOBODY: readonly Wanted[] = [];

/** The last runs of letters and digits, and which of them could be one code together. */
export class Sequences {
  /** The last runs: where they begin and end, which of their characters are letters, how many are digits. */
  readonly #from = new Int32Array(GROUPS_MAX);
  readonly #to = new Int32Array(GROUPS_MAX);
  readonly #mask = new Int32Array(GROUPS_MAX);
  readonly #digits = new Int32Array(GROUPS_MAX);
  /** How many characters an IBAN has that begins with it; 0 when none does. */
  readonly #starts = new Int32Array(GROUPS_MAX);
  /** How many characters stood before each, and behind the last one. */
  readonly #before = new Int32Array(GROUPS_MAX);
  #total = 0;
  /** Where each stands in `#codes`; -1 when nobody has asked for it yet. */
  readonly #places = new Int32Array(GROUPS_MAX);
  /** The characters of runs, one behind the other, and what is there from each place on. */
  readonly #codes = new Uint8Array(CODES_BYTES);
  readonly #codesFrom: readonly Code[] = Array.from({ length: CODES_BYTES }, (_, at) => this.#codes.subarray(at));
  #codesEnd = 0;
  /** The last run that is there, and where those begin that it is in a row with. */
  #coded = 0;
  #codedFrom = 0;
  /** A bit for each of the last runs that an IBAN may begin with, the lowest for the last one. */
  #startBits = 0;
  #head = 0;
  /** So many groups of digits only, all of one size, are the last ones, and the last ones but one: at least. */
  #row = 0;
  #rowBefore = 0;
  #rowSize = 0;
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
    this.#total = 0;
  }

  /** The words before a number, as far as a code may reach. They are not kept while they pass: hardly any stands before a number. */
  readBack(bytes: Buffer, from: number, most: number, floor: number): void {
    let room = most;
    let first = from;
    let slot = this.#head;
    let groups = 0;
    let starts = 0;
    let total = 0;
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
      this.#places[slot] = -1;
      if (this.#wantsIban) starts |= this.#start(bytes, slot) << groups;
      total -= to - start;
      this.#before[slot] = total;
      slot = (slot + GROUPS_MAX - 1) % GROUPS_MAX;
      room -= to - start;
      first = start;
      groups++;
    }
    this.#chain = groups - 1;
    this.#ones = 0;
    this.#row = 0;
    this.#total = 0;
    this.#startBits = starts;
  }

  /** The last run is always the last in the arrays; they are short. */
  push(bytes: Buffer, from: number, to: number, mask: number, count: number): void {
    const slot = (this.#head = (this.#head + 1) % GROUPS_MAX);
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#mask[slot] = mask;
    this.#digits[slot] = count;
    this.#places[slot] = -1;
    this.#before[slot] = this.#total;
    this.#total += to - from;
    this.#chain = Math.min(this.#chain + 1, GROUPS_MAX - 1);
    const size = to - from;
    this.#rowBefore = this.#chain === 0 ? 0 : this.#row;
    this.#row = count < size ? 0 : size === this.#rowSize ? this.#rowBefore + 1 : 1;
    this.#rowSize = size;
    this.#ones = size === 1 ? (this.#chain === 0 ? 1 : this.#ones + 1) : 0;
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
    if (shaped) this.#check(bytes, this.#code(bytes, slot), from, to, to - from, 'plain', shaped.all);
    if (this.#startBits !== 0) this.#lookForIban(bytes, slot, to);
    if (this.#chain === 0) return;
    const listed = this.#lookListed(bytes, slot, to);
    if (this.#shapes.regularMax <= to - from) return;
    const before = slot === 0 ? GROUPS_MAX - 1 : slot - 1;
    const size = (this.#to[before] ?? 0) - (this.#from[before] ?? 0);
    // Digit by digit, a code is alone: otherwise every place in a row of small numbers would be one.
    if (size < to - from || (size === 1 && (this.#shapes.regularLengths & (1 << (this.#chain + 1))) === 0)) return;
    if (this.#row > 0 && size > 1 && this.#rowBefore * size >= this.#shapes.regularMax) this.#lookInRow(bytes, slot, to, size, listed);
    else this.#lookRegular(bytes, slot, to, listed);
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
      const shaped = shapes.isLayout(node) ? shapes.get(length, mask) : undefined;
      const wanted = shaped?.byLayout.get(layout);
      if (!wanted) continue;
      listed |= 1 << groups;
      this.#others[groups] = shaped?.othersByLayout.get(layout);
      this.#check(bytes, this.#code(bytes, slot), from, to, length, 'listed', wanted);
    }
    return listed;
  }

  /** By how many groups they have: what is still to be looked for when the groups are listed. */
  readonly #others: (readonly Wanted[] | undefined)[] = Array.from({ length: GROUPS_MAX + 1 });

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
      if (groups > 2 && own !== size) return;
      size = own;
      mask |= (this.#mask[slot] ?? 0) << length;
      length += own;
      if (length > shapes.regularMax || !shapes.mayEnd(length, mask)) return;
      if ((shapes.regularLengths & (1 << length)) === 0) continue;
      if (size === 1 && groups < end) continue;
      const wanted = this.#regular(length, mask, groups, listed);
      if (wanted.length > 0) this.#check(bytes, this.#code(bytes, slot), from, to, length, 'regular', wanted);
    }
  }

  /** The same in a long row of numbers of one size, without a look at each of them once more for every one that comes. */
  #lookInRow(bytes: Buffer, last: number, to: number, size: number, listed: number): void {
    const shapes = this.#shapes;
    let length = to - (this.#from[last] ?? 0) + size;
    for (let groups = 2; length <= shapes.regularMax; groups++, length += size) {
      if ((shapes.regularLengths & (1 << length)) === 0) continue;
      const wanted = this.#regular(length, 0, groups, listed);
      if (wanted.length === 0) continue;
      const slot = last - groups + (last < groups - 1 ? GROUPS_MAX + 1 : 1);
      this.#check(bytes, this.#code(bytes, slot), this.#from[slot] ?? 0, to, length, 'regular', wanted);
    }
  }

  /** Whom there is to ask about groups of one size. @param listed what was asked about already, by numbers of groups */
  #regular(length: number, mask: number, groups: number, listed: number): readonly Wanted[] {
    return ((listed & (1 << groups)) === 0 ? this.#shapes.get(length, mask)?.regular : this.#others[groups]) ?? NOBODY;
  }

  /** Groups of any sizes, from a country's letters on. */
  #lookForIban(bytes: Buffer, last: number, to: number): void {
    for (let bits = this.#startBits; bits !== 0; bits &= bits - 1) {
      const back = 31 - Math.clz32(bits & -bits);
      const slot = last - back + (last < back ? GROUPS_MAX : 0);
      const length = this.#total - (this.#before[slot] ?? 0);
      const wanted = this.#starts[slot] ?? 0;
      // What is longer once will not be shorter.
      if (back >= GROUPS_MAX || length > wanted) this.#startBits &= ~(1 << back);
      else if (length === wanted && length >= IBAN_MIN && this.#digitsFrom(slot) >= this.#shapes.digitsMin)
        this.#checkIban(this.#code(bytes, slot), this.#from[slot] ?? 0, to, length);
    }
  }

  #digitsFrom(first: number): number {
    let sum = this.#digits[this.#head] ?? 0;
    for (let slot = first; slot !== this.#head; slot = slot === GROUPS_MAX - 1 ? 0 : slot + 1) sum += this.#digits[slot] ?? 0;
    return sum;
  }

  /** The runs from one to the last, together. Of a row of runs only those are read that have come since somebody asked. */
  #code(bytes: Buffer, first: number): Code {
    if (this.#codesEnd + CODE_CHARACTERS_MAX > CODES_BYTES) {
      this.#codesEnd = 0;
      this.#codedFrom = 0;
      this.#places.fill(-1);
    }
    let place = this.#places[first] ?? -1;
    let slot = this.#coded;
    if (place < this.#codedFrom) {
      place = this.#codesEnd;
      const before = first === 0 ? GROUPS_MAX - 1 : first - 1;
      if (slot !== before || (this.#places[slot] ?? -1) < this.#codedFrom) this.#codedFrom = place;
      slot = before;
    }
    while (slot !== this.#head) {
      slot = slot === GROUPS_MAX - 1 ? 0 : slot + 1;
      this.#places[slot] = this.#codesEnd;
      const to = this.#to[slot] ?? 0;
      for (let at = this.#from[slot] ?? 0; at < to; at++) this.#codes[this.#codesEnd++] = UPPER[bytes[at] ?? 0] ?? 0;
    }
    this.#coded = slot;
    return this.#codesFrom[place] ?? this.#codes;
  }
}
