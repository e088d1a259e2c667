import { Doubt, type Statement } from '../facts.ts';
import { LEXICONS, type Token, tokensOf } from '../tokens.ts';
import { QUERY_STARTS, TRANSACTION } from './scan-words.ts';
import { Wrappers } from './scan-wrapper.ts';

/**
 * What programs and people send most, read in one pass over its words: SELECT, INSERT, UPDATE, DELETE and MERGE, what is made of them or
 * explains them, and the ends and beginnings of transactions. It knows a part of PostgreSQL's grammar, and says so: undefined means that it is not certain, and then PostgreSQL's
 * parser reads the statement. What it does say is what the parser would.
 */
export function scanPostgres(text: string, given?: readonly Token[]): Statement | undefined {
  if (WANTS_PARSER.test(text)) return undefined;
  try {
    const tokens = given ?? tokensOf(text, LEXICONS.postgres);
    const end = tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol' ? tokens.length - 1 : tokens.length;
    if (end === 0 || !isKnown(tokens[0]) || (NOT_ASCII.test(text) && tokens.some((token) => isForeign(token, text)))) return undefined;
    return new Scan(text, tokens, end).read();
  } catch (error) {
    if (error instanceof Doubt) return undefined;
    throw error;
  }
}

/** What the statements begin with that are read here. */
const STARTS = new Set(
  '( select insert update delete merge with values table create explain declare prepare begin commit rollback abort end start'.split(' '),
);

function isKnown(first: Token | undefined): boolean {
  return first !== undefined && (first.kind === 'word' || first.kind === 'symbol') && STARTS.has(first.text);
}

/** Names and strings with escapes of Unicode. */
const WANTS_PARSER = /u&['"]/i;

const NOT_ASCII = /[\u0080-\uffff]/;

/** A name in other letters: which of them have a large and a small form is not the same everywhere. */
function isForeign({ kind, from, to }: Token, text: string): boolean {
  return (kind === 'word' || kind === 'quoted') && NOT_ASCII.test(text.slice(from, to));
}

class Scan extends Wrappers {
  readonly #text: string;

  constructor(text: string, tokens: readonly Token[], end: number) {
    super(tokens, end);
    this.#text = text;
  }

  read(): Statement | undefined {
    if (this.#isTransaction()) this.facts.does('transaction');
    else if (!this.wrapped()) this.statement();
    if (!this.isAtEnd) return undefined;
    return this.facts.done(this.#text.trim(), false);
  }

  isPlainString(): boolean {
    const { from } = this.here;
    return this.#text[from] === "'" && /[\s,(=]/.test(this.#text[from - 1] ?? '');
  }

  textBetween(from: number, to: number): string {
    return this.#text.slice(from, to);
  }

  #isTransaction(): boolean {
    const next = this.tokenAt(1);
    const isShort = this.tokenAt(2).text === '' && (next.kind === 'word' || next.text === '');
    if (!isShort || !TRANSACTION.test(`${this.word} ${next.text}`.trim())) return false;
    this.next(next.text === '' ? 1 : 2);
    return true;
  }

  change(): boolean {
    if (this.takes('insert')) this.#insert();
    else if (this.takes('update')) this.#update();
    else if (this.takes('delete')) this.#delete();
    else if (this.takes('merge')) this.#merge();
    else return false;
    return true;
  }

  #insert(): void {
    this.facts.does('insert');
    this.expect('into');
    const table = this.qualifiedName();
    this.facts.table(table, 'write');
    if (this.takes('as')) this.simpleName();
    if (this.symbol === '(' && !QUERY_STARTS.has(this.wordAfter())) this.names();
    this.#overriding();
    if (this.takes('default')) this.expect('values');
    else this.source();
    const updates = this.word === 'on' && this.#conflict();
    const returns = this.#returning();
    if (updates || returns) this.facts.table(table, 'read');
  }

  #overriding(): void {
    if (!this.takes('overriding')) return;
    if (!this.takes('system')) this.expect('user');
    this.expect('value');
  }

  /** `ON CONFLICT (a, b) DO NOTHING`, or `DO UPDATE SET …`: then true. */
  #conflict(): boolean {
    this.next();
    this.expect('conflict');
    if (this.symbol === '(') this.names();
    else if (this.takes('on')) {
      this.expect('constraint');
      this.simpleName();
    }
    this.expect('do');
    if (this.takes('nothing')) return false;
    this.expect('update');
    this.facts.does('update');
    this.#assignments();
    if (this.takes('where')) this.expression();
    return true;
  }

  #update(): void {
    this.facts.does('update');
    this.#target();
    this.#assignments();
    if (this.takes('from')) this.tables();
    this.#where('update');
    this.#returning();
  }

  #delete(): void {
    this.facts.does('delete');
    this.expect('from');
    this.#target();
    if (this.takes('using')) this.tables();
    this.#where('delete');
    this.#returning();
  }

  #target(): void {
    this.takes('only');
    const name = this.qualifiedName();
    this.takesSymbol('*');
    this.facts.table(name, 'write');
    this.facts.table(name, 'read');
    const isAlias = this.takes('as') || this.here.kind === 'quoted' || (this.here.kind === 'word' && !ENDS_TARGET.has(this.word));
    if (isAlias) this.simpleName();
  }

  /** `SET a = 1, b = DEFAULT, (c, d) = (SELECT …)`. */
  #assignments(): void {
    this.expect('set');
    do {
      if (this.symbol === '(') this.names();
      else this.#assigned();
      this.expectSymbol('=');
      this.value();
    } while (this.takesSymbol(','));
  }

  /** `a`, `a.b`, `a[1]`. */
  #assigned(): void {
    this.simpleName();
    for (;;) {
      if (this.takesSymbol('.')) this.anyName();
      else if (this.symbol === '[') this.subscript();
      else return;
    }
  }

  /** `MERGE INTO a USING b ON c WHEN MATCHED AND d THEN UPDATE SET …`. */
  #merge(): void {
    this.facts.does('merge');
    this.expect('into');
    this.#target();
    this.expect('using');
    this.tables();
    this.expect('on');
    const isEvery = this.condition();
    do this.#mergeWhen(isEvery);
    while (this.word === 'when');
    this.#returning();
  }

  /** @param isEvery whether the condition of the whole MERGE is always true */
  #mergeWhen(isEvery: boolean): void {
    this.expect('when');
    this.takes('not');
    this.expect('matched');
    // Whether `ON false` leaves every row without a partner is for the parser to say.
    if (this.takes('by')) this.expect('target');
    const isOpen = (this.takes('and') ? this.condition() : true) && isEvery;
    this.expect('then');
    const effect = this.word;
    if (effect === 'update') {
      this.next();
      this.#assignments();
    } else if (effect === 'delete') this.next();
    else if (effect === 'insert') {
      this.next();
      this.#mergedRow();
    } else {
      this.expect('do');
      this.expect('nothing');
      return;
    }
    this.facts.does(effect);
    if (isOpen && effect !== 'insert') this.facts.does(`${effect}_without_where`);
  }

  #mergedRow(): void {
    if (this.symbol === '(') this.names();
    this.#overriding();
    if (this.takes('default')) {
      this.expect('values');
      return;
    }
    this.expect('values');
    this.expectSymbol('(');
    do this.value();
    while (this.takesSymbol(','));
    this.expectSymbol(')');
  }

  #where(effect: 'update' | 'delete'): void {
    let isEvery = true;
    if (this.takes('where')) {
      if (this.word === 'current' && this.wordAfter() === 'of') {
        this.next(2);
        this.simpleName();
        isEvery = false;
      } else isEvery = this.condition();
    }
    if (isEvery) this.facts.does(`${effect}_without_where`);
  }

  #returning(): boolean {
    if (!this.takes('returning')) return false;
    this.targets();
    return true;
  }
}

const ENDS_TARGET = new Set(['set', 'from', 'using', 'where', 'returning']);
