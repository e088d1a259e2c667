import { StatementFacts } from '../facts.ts';
import { isSameColumn } from './condition.ts';
import { Cursor, UNCERTAIN } from './cursor.ts';
import { OPERATOR_SIGNS, QUANTIFIERS } from './scan-words.ts';

/** Expressions and queries in each other. */
const DEPTH_MAX = 50;

/** Levels of the tree, at most: each operator may be one. The parser's reader has room for a few times more. */
const HEIGHT_MAX = 200;

const QUERY_HEIGHT = 4;

/** What an operand is, as far as conditions that are always true are concerned. */
export interface Operand {
  /** The name of the column that it is, and nothing more. */
  readonly column?: string | undefined;
  /** Of a parenthesis, and of FALSE: whether it is true for every row. */
  readonly always?: boolean | undefined;
}

export const VALUE: Operand = {};

/**
 * Expressions. Their operators need no order here: what is called and read is the same whatever binds stronger. Only of a condition it
 * is asked whether it is always true, and for that AND, OR and NOT are told apart, as `condition.ts` does it in the parser's tree.
 */
export abstract class Expressions extends Cursor {
  facts = new StatementFacts(false);
  /** Something in a condition that only the parser can weigh. */
  isUnsure = false;
  /** Columns that were met so far. */
  #columns = 0;
  /** Whether there were `IS NULL` and `IS NOT NULL` of a column, and OR. */
  #seesNull = false;
  #seesNotNull = false;
  #seesOr = false;
  #depth = 0;
  /** Levels of what was read since it was last set to 0. */
  #height = 0;

  /** One value, without signs before it and casts behind it. */
  abstract operand(): Operand;

  /** What stands in parentheses here. */
  abstract parenthesis(): Operand;

  /** True when a string stands here that is in single quotes, with nothing before it that says how it is read. */
  abstract isPlainString(): boolean;

  meetsColumn(): void {
    this.#columns++;
  }

  deeper(read: () => void): void {
    if (++this.#depth > DEPTH_MAX) throw UNCERTAIN;
    const height = this.#height;
    this.#height = QUERY_HEIGHT;
    read();
    this.#depth--;
    this.#height = Math.max(this.#height, height);
  }

  /** What was just read stands so many levels further down. */
  rises(levels: number): void {
    this.#height += levels;
    if (this.#height > HEIGHT_MAX) throw UNCERTAIN;
  }

  /**
   * A WHERE of what changes rows: whether it lets every row through. What was hard to weigh anywhere before it counts too: rarely, and
   * then the parser reads it.
   * @throws Doubt when only the parser can tell
   */
  condition(): boolean {
    const always = this.expression();
    if (this.isUnsure || (this.#seesOr && this.#seesNull && this.#seesNotNull)) throw UNCERTAIN;
    return always;
  }

  expressions(): number {
    let count = 0;
    do {
      this.expression();
      count++;
    } while (this.takesSymbol(','));
    return count;
  }

  /** The only column that the last expression was. */
  column: string | undefined;

  /** True when it would let every row through as a condition, as far as its form tells. */
  expression(): boolean {
    if (this.#isAlone()) {
      this.next();
      this.column = undefined;
      return true;
    }
    if (++this.#depth > DEPTH_MAX) throw UNCERTAIN;
    const comparing = this.#comparing;
    this.#comparing = undefined;
    const height = this.#height;
    this.#height = 0;
    let always = false;
    let parts = 0;
    for (;;) {
      let every = true;
      do {
        const one = this.#negatable();
        every &&= one;
        parts++;
      } while (this.takes('and'));
      always ||= every;
      if (!this.takes('or')) break;
      this.#seesOr = true;
    }
    if (parts > 1) this.column = undefined;
    this.#comparing = comparing;
    this.#depth--;
    this.rises(1);
    this.#height = Math.max(this.#height, height);
    return always;
  }

  /** A constant with nothing to it, as in lists and rows. */
  #isAlone(): boolean {
    const { kind } = this.here;
    if (kind !== 'number' && kind !== 'string' && kind !== 'parameter') return false;
    const after = this.symbolAfter();
    return after === ',' || after === ')';
  }

  #negatable(): boolean {
    if (this.word !== 'not') return this.chain();
    const before = this.#columns;
    while (this.takes('not'));
    this.chain();
    this.column = undefined;
    return this.#columns === before;
  }

  /** Operands with operators between them, but for AND, OR and NOT. */
  chain(): boolean {
    const before = this.#columns;
    const patterns = this.#patterns;
    const height = this.#height;
    this.#height = 0;
    let operand = this.signed();
    let links = 0;
    for (;;) {
      const isPredicate = this.#predicate(operand, links);
      if (!isPredicate && !this.#infix()) break;
      links++;
      this.rises(1);
      if (isPredicate) operand = VALUE;
      else {
        const left = operand.column;
        operand = this.#compared();
        // Equal to itself, also in parentheses: for the parser.
        if (left !== undefined && isSameColumn(left, operand.column)) this.isUnsure = true;
      }
    }
    this.#height = Math.max(this.#height, height);
    this.column = links === 0 ? operand.column : undefined;
    if (links === 0 && operand.always !== undefined) return operand.always;
    if (this.#columns > before) return false;
    if (this.#patterns > patterns) this.isUnsure = true;
    return true;
  }

  /** What stands behind an operator: a value, or ANY of some. */
  #compared(): Operand {
    if (!QUANTIFIERS.has(this.word) || this.symbolAfter() !== '(') return this.signed();
    this.next();
    return this.parenthesis();
  }

  signed(): Operand {
    let isSigned = false;
    while (OPERATOR_SIGNS.has(this.symbol) && this.symbol !== '*') {
      isSigned = true;
      this.next();
    }
    const operand = this.operand();
    return this.#postfix() || isSigned ? VALUE : operand;
  }

  /** `::text`, `[1]`, `.field`, COLLATE, AT TIME ZONE. */
  #postfix(): boolean {
    for (let count = 0; ; count++) {
      const { symbol, word } = this;
      if (symbol === ':' && this.symbolAfter() === ':') {
        this.next(2);
        this.type();
      } else if (symbol === '[') this.subscript();
      else if (symbol === '.') {
        this.next();
        if (!this.takesSymbol('*')) this.anyName();
      } else if (word === 'collate') {
        this.next();
        this.simpleName();
        while (this.takesSymbol('.')) this.anyName();
      } else if (word === 'at') this.#atTimeZone();
      else return count > 0;
      this.rises(1);
    }
  }

  /** `[1]`, `[1:2]`. */
  subscript(): void {
    this.next();
    if (this.symbol !== ':') this.expression();
    if (this.takesSymbol(':') && this.here.text !== ']') this.expression();
    this.expectSymbol(']');
  }

  #atTimeZone(): void {
    this.next();
    this.facts.calls('pg_catalog.timezone');
    if (this.takes('local')) return;
    this.expect('time');
    this.expect('zone');
    this.signed();
  }

  /** What says something of the operand before it, and takes no operand of its own. */
  #predicate({ column }: Operand, links: number): boolean {
    const isNot = this.word === 'not';
    const word = isNot ? this.wordAfter() : this.word;
    switch (word) {
      case 'isnull':
      case 'notnull':
        if (isNot) return false;
        this.#nulls(column, links, word === 'isnull');
        this.next();
        return true;
      case 'is':
        return !isNot && this.#is(column, links);
      case 'between':
        this.next(isNot ? 2 : 1);
        if (this.word === 'symmetric' || this.word === 'asymmetric') this.next();
        this.chain();
        this.expect('and');
        this.signed();
        return true;
      case 'in':
        this.next(isNot ? 2 : 1);
        this.parenthesis();
        return true;
      default:
        return false;
    }
  }

  #nulls(column: string | undefined, links: number, isNull: boolean): void {
    if (column === undefined || links > 0) return;
    if (isNull) this.#seesNull = true;
    else this.#seesNotNull = true;
  }

  /** `IS NULL`, `IS NOT TRUE`; `IS DISTINCT FROM` is an operator. */
  #is(column: string | undefined, links: number): boolean {
    const isNot = this.wordAfter() === 'not';
    const word = this.wordAfter(isNot ? 2 : 1);
    switch (word) {
      case 'null':
        this.#nulls(column, links, !isNot);
        break;
      case 'true':
      case 'false':
      case 'unknown':
      case 'document':
        break;
      default:
        return false;
    }
    this.next(isNot ? 3 : 2);
    return true;
  }

  /** Takes what stands between two operands; stands on the second then. */
  #infix(): boolean {
    if (OPERATOR_SIGNS.has(this.symbol)) {
      do this.next();
      while (OPERATOR_SIGNS.has(this.symbol));
      return true;
    }
    const isNot = this.word === 'not';
    switch (isNot ? this.wordAfter() : this.word) {
      case 'like':
      case 'ilike':
        this.next(isNot ? 2 : 1);
        this.#pattern();
        return true;
      case 'similar':
        this.next(isNot ? 2 : 1);
        this.expect('to');
        this.facts.calls('pg_catalog.similar_to_escape');
        this.#comparing = 'similar';
        return true;
      case 'escape':
        if (isNot || this.#comparing === undefined) return false;
        // The function of SIMILAR TO takes it too.
        if (this.#comparing === 'like') this.facts.calls('pg_catalog.like_escape');
        this.#comparing = undefined;
        this.next();
        return true;
      case 'is':
        return !isNot && this.#isDistinct();
      case 'overlaps':
        if (isNot) return false;
        this.facts.calls('pg_catalog.overlaps');
        this.next();
        return true;
      case 'operator':
        if (isNot) return false;
        this.#namedOperator();
        return true;
      default:
        return false;
    }
  }

  /** The pattern that was met last, as long as it has no ESCAPE. */
  #comparing: 'like' | 'similar' | undefined;

  /** How many LIKE there were. */
  #patterns = 0;

  /** `LIKE '%'` fits everything. */
  #pattern(): void {
    this.#comparing = 'like';
    this.#patterns++;
    const { kind, text } = this.here;
    if (this.symbol === '(' || (kind === 'string' && (/^%*$/.test(text) || !this.isPlainString()))) this.isUnsure = true;
  }

  #isDistinct(): boolean {
    const isNot = this.wordAfter() === 'not';
    const from = isNot ? 2 : 1;
    if (this.wordAfter(from) !== 'distinct' || this.wordAfter(from + 1) !== 'from') return false;
    this.next(from + 2);
    return true;
  }

  /** `OPERATOR(pg_catalog.=)`. */
  #namedOperator(): void {
    this.next();
    this.expectSymbol('(');
    while (this.here.kind === 'word' || this.here.kind === 'quoted') {
      this.simpleName();
      this.expectSymbol('.');
    }
    if (!this.#infix()) throw UNCERTAIN;
    this.expectSymbol(')');
  }
}
