import { Doubt } from '../facts.ts';
import type { Run } from './run.ts';

/** Statements of one batch, and of all others that a person or a program sends at once. */
const PARTS_MAX = 5_000;

/** One part of a batch: from a word that begins a statement to the next. */
export interface Part {
  readonly run: Run;
  /** It goes on with what the part before it began: the SELECT of an INSERT, the body of a procedure. */
  readonly continues: boolean;
}

/** Words that begin a statement wherever they stand: they are reserved, so nothing else can be called so without brackets. */
const STARTERS = new Set(
  `select insert update delete merge truncate create alter drop grant revoke deny exec execute backup restore bulk use set declare if
  while begin end else print raiserror kill shutdown reconfigure dbcc waitfor open fetch close deallocate return commit rollback save
  checkpoint revert setuser readtext writetext updatetext goto break continue`.split(/\s+/),
);

/** These only order what other statements do. */
const CONTROL = new Set(['if', 'while', 'begin', 'end', 'else', 'return', 'goto', 'break', 'continue']);

const BODIES = /^(procedure|proc|function|trigger|view)$/;

/**
 * Cuts a batch into its statements. They need no semicolon between them, so every reserved word that can begin one does, except where
 * it is known to be a part of the one before. @throws Doubt when there are too many
 */
export function partsOf(all: Run): readonly Part[] {
  return new Cutter(all).parts();
}

class Cutter {
  readonly #all: Run;
  readonly #parts: Part[] = [];
  #from = 0;
  #verb = '';
  #continues = false;
  /** Everything up to the end of the batch is the body of something that is created. */
  #inBody = false;
  #depth = 0;
  #cases = 0;

  constructor(all: Run) {
    this.#all = all;
  }

  parts(): readonly Part[] {
    const all = this.#all;
    for (let index = 0; index < all.length; index++) {
      const symbol = all.symbol(index);
      const word = all.word(index);
      if (symbol === '(') this.#depth++;
      else if (symbol === ')') this.#depth = Math.max(0, this.#depth - 1);
      else if (symbol === ';') {
        this.#close(index);
        this.#begin(index + 1, '', false);
        this.#depth = 0;
        this.#cases = 0;
      } else if (word === 'go' && this.#isAlone(index)) {
        this.#close(index);
        this.#begin(index + 1, '', false);
        this.#inBody = false;
      } else if (word === 'case') this.#cases++;
      else if (word === 'end' && this.#cases > 0) this.#cases--;
      else if (this.#cases === 0 && this.#starts(index, word)) this.#start(index, word);
      if (word === 'set' || word === 'to' || word === 'from') this.#seen.add(word);
    }
    this.#close(all.length);
    return this.#parts;
  }

  #start(index: number, word: string): void {
    const verb = this.#verb;
    const isSource =
      (verb === 'insert' && (word === 'select' || word === 'exec' || word === 'execute')) ||
      ((verb === 'declare' || verb === 'with') && word === 'select');
    const isOfWith = verb === 'with' || verb === 'bulk';
    this.#close(index);
    this.#begin(index, word, isSource || isOfWith);
    if ((word === 'create' || word === 'alter') && BODIES.test(this.#objectAt(index + 1))) this.#inBody = true;
  }

  #objectAt(index: number): string {
    let at = index;
    while (/^(or|alter|replace)$/.test(this.#all.word(at))) at++;
    return this.#all.word(at);
  }

  #begin(from: number, verb: string, continues: boolean): void {
    this.#seen.clear();
    const isFirstOfBody = this.#inBody;
    this.#from = from;
    this.#verb = verb === '' && this.#all.word(from) === 'with' ? 'with' : verb;
    this.#continues = continues || isFirstOfBody;
  }

  #close(end: number): void {
    if (this.#parts.length > PARTS_MAX) throw new Doubt('it has too many statements to be read in time');
    const run = this.#all.cut(this.#from, end);
    if (run.length > 0 && !(CONTROL.has(run.word(0)) && run.length === 1))
      this.#parts.push({ run, continues: this.#continues || CONTROL.has(run.word(0)) });
  }

  #isAlone(index: number): boolean {
    return this.#depth === 0 && (index === 0 || this.#all.symbol(index - 1) !== '.') && this.#all.symbol(index + 1) !== '.';
  }

  #starts(index: number, word: string): boolean {
    if (index === this.#from) {
      this.#verb = STARTERS.has(word) || word === 'with' ? word : '';
      if ((word === 'create' || word === 'alter') && BODIES.test(this.#objectAt(index + 1))) this.#inBody = true;
      return false;
    }
    if (word === 'with' && this.#depth === 0 && this.#isTableOfWith(index)) return true;
    if (!STARTERS.has(word) || this.#all.symbol(index - 1) === '.') return false;
    // In a parenthesis only a sub-select can stand, and what an outer statement reads of it is read there.
    if (this.#depth > 0) return false;
    const before = this.#all.word(index - 1);
    const next = this.#all.word(index + 1);
    switch (this.#verb) {
      case 'grant':
      case 'revoke':
      case 'deny':
        return this.#behindGrant(index);
      case 'merge':
        return false;
      case 'drop':
        if (word === 'if' && next === 'exists') return false;
        break;
      case 'alter':
        if (/^(drop|alter)$/.test(word) && /^(column|constraint|period|member|file|index|partition)$/.test(next)) return false;
        if (word === 'set') return false;
        break;
      case 'update':
        if (word === 'set' && !this.#seen.has('set')) return false;
        break;
      default:
    }
    const isListed = this.#all.symbol(index - 1) === ',';
    const isTrigger = this.#objectAt(this.#from + 1) === 'trigger';
    return !isPart({ word, before, next, symbol: this.#all.symbol(index + 1), verb: this.#verb, isListed, isTrigger });
  }

  /** The rights in a GRANT are words that begin statements elsewhere. */
  #behindGrant(index: number): boolean {
    return this.#seen.has('to') || this.#seen.has('from')
      ? !['option', 'with'].includes(this.#all.word(index - 1)) && this.#all.symbol(index - 1) !== ','
      : false;
  }

  /** `WITH name AS (` and `WITH name (columns) AS (`; what else follows a WITH are options. */
  #isTableOfWith(index: number): boolean {
    const at = this.#all.symbol(index + 2) === '(' ? this.#all.behind(index + 2) : index + 2;
    return this.#all.word(at) === 'as' && this.#all.symbol(at + 1) === '(';
  }

  /** Words of this statement that decide what later ones mean. */
  readonly #seen = new Set<string>();
}

interface Spot {
  readonly word: string;
  readonly before: string;
  readonly next: string;
  readonly symbol: string;
  readonly verb: string;
  /** Behind a comma. */
  readonly isListed: boolean;
  /** In the head of a trigger, which names the changes that it is for. */
  readonly isTrigger: boolean;
}

/** A word that begins statements, but here is a part of one. */
function isPart({ word, before, next, symbol, verb, isListed, isTrigger }: Spot): boolean {
  const isDefinition = verb === 'create' || verb === 'alter';
  switch (word) {
    case 'select':
      return /^(union|all|except|intersect|for)$/.test(before);
    case 'update':
    case 'delete':
    case 'insert':
      if (word === 'update' && (symbol === '(' || before === 'for')) return true;
      if (before === 'on') return isDefinition && /^(cascade|no|set)$/.test(next);
      return isDefinition && isTrigger && (/^(for|after|of)$/.test(before) || isListed);
    case 'set':
      return /^(delete|update|on)$/.test(before) || next === 'null' || next === 'default';
    case 'fetch':
      return /^(row|rows)$/.test(before);
    case 'execute':
    case 'exec':
      return before === 'with';
    case 'open':
    case 'close':
    case 'save':
    case 'checkpoint':
      return before === 'as';
    default:
      return false;
  }
}
