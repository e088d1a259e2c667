import { UNCERTAIN } from './cursor.ts';
import { Operands } from './scan-operand.ts';
import { JOINS, KEYWORDS, NO_LABEL, QUERY_STARTS, SET_OPERATIONS } from './scan-words.ts';
import { isPlainCall } from './text-runners.ts';

/** SELECT with all its clauses, VALUES, TABLE, what combines them, and WITH before any statement. */
export abstract class Queries extends Operands {
  /** INSERT, UPDATE or DELETE, from here to where it ends. False when it is none of them. */
  abstract change(): boolean;

  query(): void {
    const names = this.given;
    if (this.word === 'with') this.withNames();
    this.#combined();
    this.given = names;
  }

  /** A whole statement, with the names that a WITH gives for it. True when it changes something. */
  statement(): boolean {
    const names = this.given;
    if (this.word === 'with') this.withNames();
    const changes = this.change();
    if (!changes) this.#combined();
    this.given = names;
    return changes;
  }

  /** `WITH a AS (…), b AS (…)`. A name is known behind its own definition only, or everywhere with RECURSIVE. */
  withNames(): void {
    this.next();
    const isRecursive = this.takes('recursive');
    const known = new Set(this.given);
    if (isRecursive) for (const name of this.#namesAhead()) known.add(name);
    this.given = known;
    do {
      const name = this.simpleName();
      if (this.symbol === '(') this.names();
      this.expect('as');
      if (this.word === 'not') {
        this.next();
        this.expect('materialized');
      } else this.takes('materialized');
      this.expectSymbol('(');
      this.deeper(() => {
        if (this.statement()) this.facts.does('data_modifying_cte');
      });
      this.expectSymbol(')');
      this.given = new Set(this.given).add(name);
    } while (this.takesSymbol(','));
  }

  /** Names that are given from here on, without a look at what they stand for. */
  #namesAhead(): readonly string[] {
    const names: string[] = [];
    const from = this.at;
    let depth = 0;
    let isName = true;
    for (; !this.isAtEnd && depth >= 0; this.next()) {
      const { symbol } = this;
      if (depth === 0 && isName) {
        names.push(this.simpleName());
        this.goTo(this.at - 1);
        isName = false;
      } else if (symbol === '(') depth++;
      else if (symbol === ')') depth--;
      else if (depth === 0) {
        if (symbol === ',') isName = true;
        else if (!DEFINES.has(this.word)) break;
      }
    }
    this.goTo(from);
    return names;
  }

  /** Parts with UNION and its like between them, and what holds for all of them. */
  #combined(isRows = false): void {
    this.part(isRows);
    while (SET_OPERATIONS.has(this.word)) {
      // Rows that are combined are a query of their own.
      this.facts.does('select');
      this.next();
      if (this.word === 'all' || this.word === 'distinct') this.next();
      this.part();
      this.rises(1);
    }
    this.#ending();
  }

  /** Of an INSERT: rows that stand there are part of it, a query is one of its own. */
  source(): void {
    if (this.word === 'values') {
      this.#combined(true);
      return;
    }
    const names = this.given;
    if (this.word === 'with') this.withNames();
    const isQuery = this.word === 'select' || this.word === 'table' || (this.symbol === '(' && this.wordAfter() === 'select');
    if (!isQuery) throw UNCERTAIN;
    this.#combined();
    this.given = names;
  }

  part(isRows = false): void {
    if (!isRows) this.facts.does('select');
    if (this.takes('select')) this.#select();
    else if (this.takes('values')) this.#rows();
    else if (this.takes('table')) {
      this.takes('only');
      this.relation();
      this.takesSymbol('*');
    } else {
      this.expectSymbol('(');
      this.deeper(() => this.query());
      this.expectSymbol(')');
    }
  }

  #rows(): void {
    do {
      this.expectSymbol('(');
      do this.value();
      while (this.takesSymbol(','));
      this.expectSymbol(')');
    } while (this.takesSymbol(','));
  }

  /** An expression, or DEFAULT. */
  value(): void {
    if (!this.takes('default')) this.expression();
  }

  #select(): void {
    if (this.takes('distinct')) {
      if (this.takes('on')) this.#list();
    } else this.takes('all');
    this.targets();
    if (this.takes('from')) this.tables();
    if (this.takes('where')) this.expression();
    if (this.takes('group')) this.#grouping();
    if (this.takes('having')) this.expression();
    if (this.takes('window')) this.#windows();
  }

  #list(): void {
    this.expectSymbol('(');
    this.expressions();
    this.expectSymbol(')');
  }

  /** What is answered: expressions with their names, or stars. */
  targets(): void {
    do {
      if (this.takesSymbol('*')) this.meetsColumn();
      else this.#target();
    } while (this.takesSymbol(','));
  }

  #target(): void {
    this.expression();
    if (this.takes('as')) this.anyName();
    else if (this.here.kind === 'quoted') this.anyName();
    else if (this.here.kind === 'word' && !KEYWORDS.has(this.word) && !NO_LABEL.has(this.word)) this.anyName();
  }

  #grouping(): void {
    this.expect('by');
    if (this.word === 'all' || this.word === 'distinct') this.next();
    this.#groups();
  }

  #groups(): void {
    do {
      if (this.symbol === '(' && this.symbolAfter() === ')') this.next(2);
      else if ((this.word === 'rollup' || this.word === 'cube') && this.symbolAfter() === '(') {
        this.next();
        this.#list();
      } else if (this.word === 'grouping' && this.wordAfter() === 'sets') {
        this.next(2);
        this.expectSymbol('(');
        this.deeper(() => this.#groups());
        this.expectSymbol(')');
      } else this.expression();
    } while (this.takesSymbol(','));
  }

  #windows(): void {
    do {
      this.simpleName();
      this.expect('as');
      this.window();
    } while (this.takesSymbol(','));
  }

  /** ORDER BY, LIMIT, OFFSET, FETCH and FOR UPDATE. */
  #ending(): void {
    for (;;) {
      if (this.takes('order')) this.sorting();
      else if (this.takes('limit')) {
        if (!this.takes('all')) this.expression();
      } else if (this.takes('offset')) {
        this.expression();
        if (this.word === 'row' || this.word === 'rows') this.next();
      } else if (this.takes('fetch')) this.#fetch();
      else if (this.takes('for')) this.#lock();
      else return;
    }
  }

  /** `FETCH FIRST 5 ROWS ONLY`. */
  #fetch(): void {
    if (!this.takes('first')) this.expect('next');
    if (this.here.kind === 'number' || this.here.kind === 'parameter') this.next();
    if (!this.takes('row')) this.expect('rows');
    if (this.takes('only')) return;
    this.expect('with');
    this.expect('ties');
  }

  /** What it names is looked at: also by another name, which the parser takes for a table here. */
  #lock(): void {
    if (this.takes('no')) {
      this.expect('key');
      this.expect('update');
    } else if (this.takes('key')) this.expect('share');
    else if (!this.takes('update')) this.expect('share');
    if (this.takes('of')) {
      do this.relation();
      while (this.takesSymbol(','));
    }
    if (this.takes('skip')) this.expect('locked');
    else this.takes('nowait');
  }

  /** Behind FROM or USING. */
  tables(): void {
    do this.#joined();
    while (this.takesSymbol(','));
  }

  #joined(): void {
    this.#table();
    while (JOINS.has(this.word)) {
      // The parser's reader takes both sides of a join for queries.
      this.facts.does('select');
      const { word } = this;
      this.next();
      if (word === 'natural') this.#kindOfJoin();
      else if (word !== 'join') this.#joinWord(word);
      this.#table();
      this.rises(2);
      if (word === 'cross' || word === 'natural') continue;
      if (this.takes('on')) this.expression();
      else {
        this.expect('using');
        this.names();
        if (this.takes('as')) this.simpleName();
      }
    }
  }

  #kindOfJoin(): void {
    const { word } = this;
    if (word === 'cross' || word === 'natural' || !JOINS.has(word)) throw UNCERTAIN;
    this.next();
    if (word !== 'join') this.#joinWord(word);
  }

  #joinWord(word: string): void {
    if (word === 'left' || word === 'right' || word === 'full') this.takes('outer');
    this.expect('join');
  }

  /** A table, a query, a function, or joined tables in parentheses, and what it is called. */
  #table(): void {
    const isLateral = this.takes('lateral');
    if (this.symbol === '(') {
      if (QUERY_STARTS.has(this.wordAfter())) {
        this.next();
        this.deeper(() => this.query());
      } else {
        if (isLateral || this.symbolAfter() === '(') throw UNCERTAIN;
        this.next();
        this.deeper(() => this.#joined());
      }
      this.expectSymbol(')');
      this.#alias(false);
      return;
    }
    if (this.takes('only')) {
      this.relation();
      this.takesSymbol('*');
      this.#alias(false);
      return;
    }
    this.#named(isLateral);
  }

  #named(isLateral: boolean): void {
    const { at } = this;
    const isKeyword = this.here.kind === 'word' && KEYWORDS.has(this.word);
    let name = this.simpleName();
    while (this.takesSymbol('.')) name += `.${this.anyName()}`;
    if (this.symbol === '(') {
      if (isKeyword || !isPlainCall(name)) throw UNCERTAIN;
      this.call(name);
      if (this.word === 'with') {
        this.next();
        this.expect('ordinality');
      }
      this.#alias(true);
      return;
    }
    if (isLateral) throw UNCERTAIN;
    this.goTo(at);
    this.relation();
    this.takesSymbol('*');
    this.#alias(false);
  }

  /** A table that is read, unless it is a name of a WITH. */
  relation(): void {
    const { at } = this;
    const name = this.qualifiedName();
    if (this.at - at > 1 || !this.given.has(name)) this.facts.table(name, 'read');
  }

  /** `AS t (a, b)`; of a function also `AS (a int, b text)`. */
  #alias(isFunction: boolean): void {
    const isSaid = this.takes('as');
    const isName = this.here.kind === 'quoted' || (this.here.kind === 'word' && (isSaid || !KEYWORDS.has(this.word)));
    if (isName) this.simpleName();
    else if (isSaid && !(isFunction && this.symbol === '(')) throw UNCERTAIN;
    if ((isName || isSaid) && this.symbol === '(') this.#columnsOfAlias(isFunction);
  }

  #columnsOfAlias(isFunction: boolean): void {
    this.expectSymbol('(');
    do {
      this.simpleName();
      if (isFunction && this.symbol !== ',' && this.symbol !== ')') this.type();
    } while (this.takesSymbol(','));
    this.expectSymbol(')');
  }
}

/** Between a name of a WITH and what it stands for. */
const DEFINES = new Set(['as', 'not', 'materialized']);
