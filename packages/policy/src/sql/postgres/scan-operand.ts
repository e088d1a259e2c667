import { readsNoColumn } from './condition.ts';
import { UNCERTAIN } from './cursor.ts';
import { isParserLoaded, parseStatements } from './parser.ts';
import { Expressions, type Operand, VALUE } from './scan-expression.ts';
import { COLUMN_WORDS, FRAMES, KEYWORDS, LISTS, OPERATOR_SIGNS, QUERY_STARTS, TRIMS, TYPE_GOES_ON, VALUES_BY_NAME } from './scan-words.ts';
import { isPlainCall } from './text-runners.ts';
import { isTree, listAt, type Tree, treeAt } from './tree.ts';
import { readPart } from './walk.ts';

const NEVER: Operand = { always: false };

/** Calls by keywords, which have a grammar of their own each. */
const FOREIGN = /^(json_|xml|treat$|normalize$)/;

/** So many parts of a statement the parser may read, and this part of its text. */
const PARTS_MAX = 8;
const PARTS_SHARE = 4;

/** The tree of an expression. @throws Doubt when it is none, or more than one */
function soleValue(text: string): unknown {
  const statements = parseStatements(`select ${text}`);
  const select = treeAt(asTree(statements[0]?.tree), 'SelectStmt');
  const targets = listAt(select, 'targetList');
  const target = treeAt(asTree(targets[0]), 'ResTarget');
  const isSole = statements.length === 1 && targets.length === 1 && target?.name === undefined && !select?.fromClause;
  if (!isSole || target?.val === undefined) throw UNCERTAIN;
  return target.val;
}

function asTree(value: unknown): Tree | undefined {
  return isTree(value) ? value : undefined;
}

/** What stands between operators: constants, columns, calls, and what has a grammar of its own. */
export abstract class Operands extends Expressions {
  /** Names that a WITH gave: they are no tables. */
  given: ReadonlySet<string> = new Set();

  /** A query from here to where it ends. */
  abstract query(): void;

  /** The text between two places. */
  abstract textBetween(from: number, to: number): string;

  operand(): Operand {
    const { kind } = this.here;
    switch (kind) {
      case 'string':
        while (this.here.kind === 'string') this.next();
        return VALUE;
      case 'number':
      case 'parameter':
        this.next();
        return VALUE;
      case 'quoted':
        return this.#named();
      case 'word':
        return KEYWORDS.has(this.word) ? this.#special() : this.#named();
      default:
        if (this.symbol === '(') return this.parenthesis();
        if (this.symbol !== '.' || this.tokenAt(this.at + 1).kind !== 'number') throw UNCERTAIN;
        this.next(2);
        return VALUE;
    }
  }

  /** A query, an expression, or a row. */
  parenthesis(): Operand {
    this.expectSymbol('(');
    if (QUERY_STARTS.has(this.word)) {
      this.deeper(() => this.query());
      this.expectSymbol(')');
      return VALUE;
    }
    const always = this.expression();
    const column = this.column;
    if (this.takesSymbol(')')) return { column, always };
    this.expectSymbol(',');
    this.expressions();
    this.expectSymbol(')');
    return VALUE;
  }

  /** A column, a call, or a value behind its type. */
  #named(): Operand {
    const { at } = this;
    let name = this.anyName();
    let isStar = false;
    while (!isStar && this.takesSymbol('.')) {
      isStar = this.takesSymbol('*');
      if (!isStar) name += `.${this.anyName()}`;
    }
    if (this.symbol === '(' && !isStar) {
      if (isPlainCall(name)) this.call(name);
      else this.#foreign(at);
      return VALUE;
    }
    if (this.here.kind === 'string' && !isStar) {
      this.next();
      return VALUE;
    }
    this.meetsColumn();
    return { column: name };
  }

  /** From the parenthesis behind its name on. */
  call(name: string): void {
    // `OPERATOR(*) a` begins an expression, and calls nothing.
    if (!isPlainCall(name) || name === 'operator') throw UNCERTAIN;
    this.facts.calls(name);
    this.expectSymbol('(');
    if (!this.takesSymbol(')')) {
      if (this.symbol === '*') this.next();
      else this.#arguments();
      this.expectSymbol(')');
    }
    this.#behindCall();
  }

  /** WITHIN GROUP, FILTER and OVER. */
  #behindCall(): void {
    if (this.takes('within')) {
      this.expect('group');
      this.expectSymbol('(');
      this.expect('order');
      this.sorting();
      this.expectSymbol(')');
    }
    if (this.takes('filter')) {
      this.expectSymbol('(');
      this.expect('where');
      this.expression();
      this.expectSymbol(')');
    }
    if (!this.takes('over')) return;
    if (this.symbol === '(') this.window();
    else this.simpleName();
  }

  #arguments(): void {
    if (this.word === 'distinct' || this.word === 'all') this.next();
    do {
      this.takes('variadic');
      this.#argumentName();
      this.expression();
    } while (this.takesSymbol(','));
    if (this.takes('order')) this.sorting();
  }

  /** `f(name => 1)`: no column. */
  #argumentName(): void {
    const { kind } = this.here;
    const first = this.symbolAfter();
    if ((kind !== 'word' && kind !== 'quoted') || (first !== '=' && first !== ':')) return;
    const second = this.symbolAfter(2);
    const isColon = first === ':' && second === '=';
    if (!isColon && !(first === '=' && second === '>')) return;
    if (this.here.kind === 'word' && KEYWORDS.get(this.word) === 'reserved') throw UNCERTAIN;
    this.anyName();
    this.next(2);
    if (OPERATOR_SIGNS.has(this.symbol)) throw UNCERTAIN;
  }

  /** Behind ORDER. */
  sorting(): void {
    this.expect('by');
    do {
      this.expression();
      if (this.word === 'asc' || this.word === 'desc') this.next();
      if (this.takes('nulls') && !this.takes('first')) this.expect('last');
    } while (this.takesSymbol(','));
  }

  /** `(PARTITION BY a ORDER BY b ROWS …)`. */
  window(): void {
    this.expectSymbol('(');
    const { word } = this;
    const isName = this.here.kind === 'quoted' || (word !== '' && word !== 'partition' && word !== 'order' && !FRAMES.has(word));
    if (isName) this.simpleName();
    if (this.takes('partition')) {
      this.expect('by');
      this.expressions();
    }
    if (this.takes('order')) this.sorting();
    if (FRAMES.has(this.word)) this.#frame();
    this.expectSymbol(')');
  }

  #frame(): void {
    this.next();
    if (this.takes('between')) {
      this.#bound();
      this.expect('and');
    }
    this.#bound();
    if (!this.takes('exclude')) return;
    if (this.takes('current')) this.expect('row');
    else if (this.takes('no')) this.expect('others');
    else if (!this.takes('group')) this.expect('ties');
  }

  #bound(): void {
    if (this.word === 'current' && this.wordAfter() === 'row') {
      this.next(2);
      return;
    }
    if (!this.takes('unbounded')) this.chain();
    if (!this.takes('preceding')) this.expect('following');
  }

  /** Parts that were given to the parser, and how long they are together. */
  #parts = 0;
  #partsLength = 0;

  /**
   * A call of which only the parser knows what comes of it, from its name on: it reads that much of the statement and no more. Where
   * there is much of that, it had better read all of it.
   */
  #foreign(at: number): void {
    let close = this.at;
    while (this.symbolAt(close) !== '(') close++;
    for (let depth = 1; depth > 0; ) {
      const symbol = this.symbolAt(++close);
      if (symbol === '(') depth++;
      else if (symbol === ')') depth--;
      else if (this.tokenAt(close).to === 0) throw UNCERTAIN;
    }
    const text = this.textBetween(this.tokenAt(at).from, this.tokenAt(close).to);
    this.#partsLength += text.length;
    if (++this.#parts > PARTS_MAX || this.#partsLength * PARTS_SHARE > this.length || !isParserLoaded()) throw UNCERTAIN;
    const value = soleValue(text);
    const facts = readPart(value, this.given);
    if (facts.doubt !== undefined) throw UNCERTAIN;
    this.facts.include(facts);
    if (!readsNoColumn(value)) this.meetsColumn();
    this.goTo(close + 1);
    this.#behindCall();
  }

  /** What begins with a keyword. */
  #special(): Operand {
    const { word } = this;
    if (VALUES_BY_NAME.has(word)) return this.#valueByName(word);
    if (word === 'case') {
      this.#case();
      return VALUE;
    }
    if (this.symbolAfter() === '(') return this.#grammar(word);
    if (word === 'array' && this.symbolAfter() === '[') {
      this.next();
      this.#array();
    } else return this.#typedOrColumn(word);
    return VALUE;
  }

  #valueByName(word: string): Operand {
    this.next();
    if (word.startsWith('current_time') || word.startsWith('localtime')) this.modifiers();
    return word === 'false' ? NEVER : VALUE;
  }

  /** `timestamp '2024-01-01'`, `interval '1' day`; or a column of that name. */
  #typedOrColumn(word: string): Operand {
    const isValue = this.tokenAt(this.at + 1).kind === 'string';
    if (!isValue && COLUMN_WORDS.has(word) && !TYPE_GOES_ON.has(this.wordAfter())) return this.#named();
    if (word === 'interval') {
      if (!isValue) throw UNCERTAIN;
      this.next(2);
      this.intervalFields();
      return VALUE;
    }
    if (KEYWORDS.get(word) !== 'column' || !(isValue || word === 'timestamp' || word === 'time')) throw UNCERTAIN;
    this.type();
    if (this.here.kind !== 'string') throw UNCERTAIN;
    this.next();
    return VALUE;
  }

  #case(): void {
    this.next();
    if (this.word !== 'when') this.expression();
    while (this.takes('when')) {
      this.expression();
      this.expect('then');
      this.expression();
    }
    if (this.takes('else')) this.expression();
    this.expect('end');
  }

  /** `[a, [b]]`. */
  #array(): void {
    this.expectSymbol('[');
    if (this.takesSymbol(']')) return;
    do {
      if (this.symbol === '[') this.deeper(() => this.#array());
      else this.expression();
    } while (this.takesSymbol(','));
    this.expectSymbol(']');
  }

  /** What looks like a call and has a grammar of its own. */
  #grammar(word: string): Operand {
    if (word === 'left' || word === 'right' || word === 'current_schema') {
      this.next();
      this.call(word);
      return VALUE;
    }
    if (FOREIGN.test(word)) {
      this.#foreign(this.at);
      return VALUE;
    }
    this.next(2);
    if (LISTS.has(word)) {
      if (word !== 'row' || this.symbol !== ')') this.expressions();
    } else this.#clauses(word);
    this.expectSymbol(')');
    return VALUE;
  }

  #clauses(word: string): void {
    switch (word) {
      case 'exists':
      case 'array':
        if (!QUERY_STARTS.has(this.word)) throw UNCERTAIN;
        this.deeper(() => this.query());
        return;
      case 'cast':
        this.expression();
        this.expect('as');
        this.type();
        return;
      case 'extract':
        this.facts.calls('pg_catalog.extract');
        if (this.here.kind === 'string') this.next();
        else this.anyName();
        this.expect('from');
        this.expression();
        return;
      case 'position':
        this.#position();
        return;
      case 'overlay':
      case 'substring':
        this.#part(word);
        return;
      case 'trim':
        this.#trim();
        return;
      default:
        throw UNCERTAIN;
    }
  }

  /** `POSITION(a IN b)`: both without a comparison by words, so that IN is not one. */
  #position(): void {
    this.facts.calls('pg_catalog.position');
    this.#plain();
    this.expect('in');
    this.#plain();
  }

  #plain(): void {
    this.signed();
    while (OPERATOR_SIGNS.has(this.symbol)) {
      while (OPERATOR_SIGNS.has(this.symbol)) this.next();
      this.signed();
      this.rises(1);
    }
  }

  /** `OVERLAY(a PLACING b FROM 1 FOR 2)`, `SUBSTRING(a FROM 1 FOR 2)`; with commas they are functions of their own. */
  #part(word: string): void {
    const own = word === 'overlay' ? 'placing' : 'from';
    this.#argumentName();
    this.expression();
    if (this.word !== own && this.word !== 'for') {
      this.facts.calls(word);
      while (this.takesSymbol(',')) {
        this.#argumentName();
        this.expression();
      }
      return;
    }
    this.facts.calls(`pg_catalog.${word}`);
    if (word === 'overlay') {
      this.expect('placing');
      this.expression();
      this.expect('from');
      this.expression();
    } else if (this.takes('from')) this.expression();
    if (this.takes('for')) this.expression();
  }

  /** `TRIM(BOTH 'x' FROM a)`, `TRIM(a)`, `TRIM(a FROM b)`. */
  #trim(): void {
    const how = Object.hasOwn(TRIMS, this.word) ? TRIMS[this.word] : undefined;
    if (how !== undefined) this.next();
    this.facts.calls(how ?? 'pg_catalog.btrim');
    if (!this.takes('from')) this.expressions();
    else {
      this.expressions();
      return;
    }
    if (this.takes('from')) this.expressions();
  }
}
