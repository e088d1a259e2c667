import { StatementFacts } from '../facts.ts';
import { UNCERTAIN } from './cursor.ts';
import { Queries } from './scan-query.ts';
import { QUERY_STARTS } from './scan-words.ts';

const CURSOR_WORDS = new Set(['binary', 'insensitive', 'asensitive', 'scroll', 'no']);
const TABLE_WORDS = new Set(['temp', 'temporary', 'unlogged']);

/** Statements that do something with another one: EXPLAIN, PREPARE, a cursor, a table or a view that is made of a query. */
export abstract class Wrappers extends Queries {
  /** False when none of them stands here. */
  wrapped(): boolean {
    if (this.takes('create')) this.#create();
    else if (this.takes('explain')) this.#explain();
    else if (this.takes('declare')) this.#cursor();
    else if (this.takes('prepare')) this.#prepare();
    else return false;
    return true;
  }

  /** `CREATE TABLE a (b, c) AS SELECT …`, and views. */
  #create(): void {
    this.facts.does('create');
    if (this.takes('or')) this.expect('replace');
    if (TABLE_WORDS.has(this.word)) this.next();
    if (this.takes('materialized')) this.expect('view');
    else if (!this.takes('view')) this.expect('table');
    if (this.takes('if')) {
      this.expect('not');
      this.expect('exists');
    }
    this.facts.table(this.qualifiedName(), 'write');
    if (this.symbol === '(') this.names();
    this.expect('as');
    this.query();
    if (!this.takes('with')) return;
    this.takes('no');
    this.expect('data');
  }

  /** Without ANALYZE nothing runs: what the statement would change is only looked at. */
  #explain(): void {
    const { facts } = this;
    facts.does('explain');
    const isList = this.symbol === '(' && this.symbolAfter() !== '(' && !QUERY_STARTS.has(this.wordAfter());
    let runs = false;
    if (isList) runs = this.#options();
    else {
      runs = this.takes('analyze');
      this.takes('verbose');
    }
    const inner = new StatementFacts(false);
    this.facts = inner;
    if (this.takes('create')) this.#create();
    else this.statement();
    this.facts = facts;
    if (runs) facts.include(inner);
    else {
      facts.does('select');
      facts.includeUses(inner, 'read');
    }
  }

  /** `(ANALYZE, COSTS OFF)`: whether there is an ANALYZE. */
  #options(): boolean {
    let runs = false;
    this.expectSymbol('(');
    do {
      const { word } = this;
      const isAnalyze = word === 'analyze';
      if (word === '' || word === 'analyse') throw UNCERTAIN;
      this.next();
      runs ||= isAnalyze;
      if (this.symbol === ',' || this.symbol === ')') continue;
      if (isAnalyze || this.symbol !== '' || this.here.kind === 'quoted') throw UNCERTAIN;
      this.next();
    } while (this.takesSymbol(','));
    this.expectSymbol(')');
    return runs;
  }

  /** `DECLARE a NO SCROLL CURSOR WITH HOLD FOR SELECT …`. */
  #cursor(): void {
    this.simpleName();
    while (CURSOR_WORDS.has(this.word)) this.next();
    this.expect('cursor');
    if (this.word === 'with' || this.word === 'without') {
      this.next();
      this.expect('hold');
    }
    this.expect('for');
    this.query();
  }

  /** `PREPARE a (int, text) AS …`. */
  #prepare(): void {
    this.facts.does('prepare');
    this.simpleName();
    if (this.takesSymbol('(')) {
      do this.type();
      while (this.takesSymbol(','));
      this.expectSymbol(')');
    }
    this.expect('as');
    this.statement();
  }
}
