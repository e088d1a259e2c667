import { type Access, Doubt, type Statement, StatementFacts } from '../facts.ts';
import { LEXICONS, type Token, tokensOf } from '../tokens.ts';
import { isPlainCall } from './text-runners.ts';

/**
 * The statements that programs send most, read in one pass over their words: a SELECT of tables, an INSERT of rows, an UPDATE or DELETE
 * of what plain comparisons say, and the ends and beginnings of transactions. It knows few words and says so: undefined means that it is
 * not certain, and then PostgreSQL's parser reads the statement. What it does say is what the parser would.
 */
export function scanPostgres(text: string): Statement | undefined {
  if (WANTS_PARSER.test(text)) return undefined;
  try {
    const tokens = tokensOf(text, LEXICONS.postgres);
    const end = tokens.at(-1)?.text === ';' ? tokens.length - 1 : tokens.length;
    if (end === 0) return undefined;
    const facts = new Scan(tokens, end).read();
    return facts?.done(text.trim(), false);
  } catch (error) {
    if (error instanceof Doubt) return undefined;
    throw error;
  }
}

/** Dollar quotes, `U&` names, and whatever is not ASCII outside of what is common in data. */
const WANTS_PARSER = /\$[^\d\s]|u&['"]|[^\t\n\r -\ud7ff]/i;

/** Words that may stand before a parenthesis without calling it. */
const GROUPS = new Set(
  'in and or not on where when then else case having by any some all exists between like ilike is select distinct from join using limit offset except union intersect values set returning = < >'.split(
    ' ',
  ),
);

/** Words of which only the parser knows what comes of them. */
const HARD = new Set(
  `with into for lateral tablesample window over filter within rows range table cast extract substring position trim overlay treat
  normalize normalized collation grouping rollup cube sets array row at similar overlaps escape operator variadic ordinality
  recursive materialized merge update delete insert create alter drop truncate grant revoke copy do call execute prepare explain
  analyze only json document unknown fetch varying precision zone symmetric asymmetric isnull notnull default overriding conflict
  double char character varchar nchar national numeric decimal dec float bit time timestamp interval setof coalesce nullif greatest
  least current_schema current_catalog`.split(/\s+/),
);

/** Of these the prefix is enough. */
const HARD_PREFIX = /^(xml|json_|current_t|localt|merge_)/;

const CLAUSES = new Set(['group', 'order', 'having', 'limit', 'offset']);
const SET_OPERATIONS = new Set(['union', 'intersect', 'except']);
const JOINS = new Set(['join', 'left', 'right', 'full', 'inner', 'outer', 'cross', 'natural']);

const TRANSACTION = /^(begin|commit|rollback|abort|end)( work| transaction)?$|^start transaction$/;

interface Level {
  /** Where in a query this is; `group`: in a parenthesis of an expression. */
  region: 'start' | 'list' | 'from' | 'where' | 'tail' | 'group' | 'values';
  /** A table's name has to come next. */
  wantsTable: boolean;
}

class Scan {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  readonly #facts = new StatementFacts();
  #at = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens;
    this.#end = end;
  }

  read(): StatementFacts | undefined {
    const first = this.#word(0);
    switch (first) {
      case 'select':
        this.#facts.does('select');
        this.#query('start');
        return this.#facts;
      case 'insert':
        return this.#insert();
      case 'update':
        return this.#update();
      case 'delete':
        return this.#delete();
      default:
        return this.#transaction();
    }
  }

  #transaction(): StatementFacts | undefined {
    if (this.#end > 2) return undefined;
    const words = this.#tokens.slice(0, this.#end).map(({ kind, text }) => (kind === 'word' ? text : '?'));
    if (!TRANSACTION.test(words.join(' '))) return undefined;
    this.#facts.does('transaction');
    return this.#facts;
  }

  #insert(): StatementFacts {
    this.#facts.does('insert');
    this.#at = 1;
    this.#expect('into');
    const table = this.#name();
    this.#facts.table(table, 'write');
    if (this.#text(0) === '(' && this.#word(1) !== 'select') this.#skipNames();
    if (this.#word(0) === 'values') {
      this.#at++;
      this.#query('values');
    } else if (this.#word(0) === 'select') {
      this.#facts.does('select');
      this.#query('start');
    } else throw new Doubt('not certain');
    if (this.#returns) this.#facts.table(table, 'read');
    return this.#facts;
  }

  #update(): StatementFacts {
    this.#facts.does('update');
    this.#at = 1;
    this.#target();
    this.#expect('set');
    this.#assignments();
    this.#simpleWhere('update');
    return this.#facts;
  }

  #delete(): StatementFacts {
    this.#facts.does('delete');
    this.#at = 1;
    this.#expect('from');
    this.#target();
    this.#simpleWhere('delete');
    return this.#facts;
  }

  #target(): void {
    const name = this.#name();
    for (const access of ['write', 'read'] as const satisfies readonly Access[]) this.#facts.table(name, access);
    if (this.#word(0) === 'as') {
      this.#at++;
      this.#simpleName();
    }
  }

  /** `a = 1, b = $2, c = c + 1`: no calls and nothing in parentheses. */
  #assignments(): void {
    while (this.#at < this.#end && this.#word(0) !== 'where') {
      const { kind, text } = this.#here();
      const isPlain =
        kind === 'word' ? !isHard(text) && text !== 'from' && text !== 'returning' : text !== '(' && text !== '[' && text !== ';';
      if (!isPlain) throw new Doubt('not certain');
      this.#at++;
    }
  }

  /** Nothing, or columns compared with values, joined by AND. */
  #simpleWhere(effect: 'update' | 'delete'): void {
    if (this.#at === this.#end) {
      this.#facts.does(`${effect}_without_where`);
      return;
    }
    this.#expect('where');
    for (;;) {
      this.#name();
      let operator = '';
      while (this.#here().kind === 'symbol' && '=<>!'.includes(this.#text(0))) {
        operator += this.#text(0);
        this.#at++;
      }
      if (!/^(=|<|>|<=|>=|<>|!=)$/.test(operator)) throw new Doubt('not certain');
      if (!['string', 'number', 'parameter'].includes(this.#here().kind)) throw new Doubt('not certain');
      this.#at++;
      if (this.#at === this.#end) return;
      this.#expect('and');
    }
  }

  #returns = false;

  /** A query from here to the end, or rows of values and what follows them. */
  #query(region: Level['region']): void {
    const levels: Level[] = [{ region, wantsTable: false }];
    for (; this.#at < this.#end; this.#at++) {
      const level = levels.at(-1);
      if (!level) throw new Doubt('not certain');
      const { kind, text } = this.#here();
      if (level.wantsTable && text !== '(') {
        level.wantsTable = false;
        this.#relation();
      } else if (kind === 'symbol') this.#symbol(text, level, levels);
      else if (kind === 'quoted' && this.#text(1) === '(') this.#call(levels);
      else if (kind === 'word') this.#keyword(text, level, levels);
    }
    if (levels.length !== 1 || levels[0]?.wantsTable || levels[0]?.region === 'start') throw new Doubt('not certain');
  }

  #symbol(text: string, level: Level, levels: Level[]): void {
    if (text === '(') {
      const isQuery = this.#word(1) === 'select';
      if (level.wantsTable && !isQuery) throw new Doubt('not certain');
      level.wantsTable = false;
      levels.push({ region: isQuery ? 'start' : 'group', wantsTable: false });
      if (levels.length > DEPTH_MAX) throw new Doubt('not certain');
    } else if (text === ')') {
      if (level.wantsTable || level.region === 'start') throw new Doubt('not certain');
      levels.pop();
    } else if (text === ',') {
      if (level.region === 'from') level.wantsTable = true;
    } else if (!PLAIN_SYMBOLS.has(text)) throw new Doubt('not certain');
  }

  #keyword(word: string, level: Level, levels: Level[]): void {
    if (this.#isPartOfName()) return;
    if (isHard(word)) throw new Doubt('not certain');
    if (this.#text(1) === '(' && !GROUPS.has(word)) {
      if (level.region === 'from' && !this.#isInCondition) throw new Doubt('not certain');
      this.#call(levels);
      return;
    }
    if (word === 'select') {
      if (level.region !== 'start') throw new Doubt('not certain');
      this.#facts.does('select');
      level.region = 'list';
    } else if (level.region === 'group' || level.region === 'values') {
      if (word === 'returning' && levels.length === 1) {
        this.#returns = true;
        level.region = 'list';
      } else if (OPENS.has(word)) throw new Doubt('not certain');
    } else this.#clause(word, level);
  }

  #clause(word: string, level: Level): void {
    if (word === 'from') {
      // `IS DISTINCT FROM` looks the same.
      if (level.region !== 'list' || this.#word(-1) === 'distinct') throw new Doubt('not certain');
      level.region = 'from';
      level.wantsTable = true;
      this.#isInCondition = false;
    } else if (JOINS.has(word)) {
      if (level.region !== 'from') throw new Doubt('not certain');
      this.#isInCondition = false;
      level.wantsTable = word === 'join';
    } else if (word === 'on' || word === 'using') {
      if (level.region !== 'from') throw new Doubt('not certain');
      this.#isInCondition = true;
    } else if (word === 'where') {
      if (level.region !== 'from' && level.region !== 'list') throw new Doubt('not certain');
      level.region = 'where';
    } else if (CLAUSES.has(word)) level.region = 'tail';
    else if (SET_OPERATIONS.has(word)) {
      if (this.#word(1) === 'all') this.#at++;
      if (this.#word(1) !== 'select') throw new Doubt('not certain');
      level.region = 'start';
    } else if (word === 'returning') throw new Doubt('not certain');
  }

  /** In a join's ON a parenthesis behind a name is a call; behind a table it would be a list of its columns. */
  #isInCondition = false;

  #relation(): void {
    const { kind, text } = this.#here();
    if (kind === 'word' && (isHard(text) || OPENS.has(text) || GROUPS.has(text) || JOINS.has(text))) throw new Doubt('not certain');
    const name = this.#name();
    if (this.#at < this.#end && (this.#text(0) === '(' || this.#text(0) === '*')) throw new Doubt('not certain');
    this.#facts.table(name, 'read');
    this.#at--;
  }

  /** The name that was just met is called; a qualified one is read back from here. */
  #call(levels: Level[]): void {
    let from = this.#at;
    while (this.#tokens[from - 1]?.text === '.' && from >= 2) from -= 2;
    const parts = this.#tokens.slice(from, this.#at + 1).filter(({ text }) => text !== '.');
    if (parts.some(({ kind }) => kind !== 'word' && kind !== 'quoted')) throw new Doubt('not certain');
    if (this.#tokens[from - 1]?.kind === 'quoted' || this.#tokens[from - 1]?.text === ')' || this.#tokens[from - 1]?.text === ']')
      throw new Doubt('not certain');
    const name = parts.map(({ text }) => text).join('.');
    if (!isPlainCall(name)) throw new Doubt('not certain');
    this.#facts.calls(name);
    this.#at++;
    levels.push({ region: 'group', wantsTable: false });
    if (this.#word(1) === 'select' || this.#word(1) === 'distinct' || this.#word(1) === 'all') throw new Doubt('not certain');
  }

  #isPartOfName(): boolean {
    return this.#tokens[this.#at - 1]?.text === '.' && this.#tokens[this.#at - 1]?.kind === 'symbol' && this.#text(1) !== '(';
  }

  /** `a.b` from here on; stands behind it afterwards. */
  #name(): string {
    const parts = [this.#simpleName()];
    while (this.#at < this.#end && this.#text(0) === '.') {
      this.#at++;
      parts.push(this.#simpleName());
    }
    if (parts.length > 2) throw new Doubt('not certain');
    return parts.join('.');
  }

  #simpleName(): string {
    const { kind, text } = this.#here();
    if (kind === 'word' ? isHard(text) || RESERVED.has(text) : kind !== 'quoted') throw new Doubt('not certain');
    this.#at++;
    return text;
  }

  #skipNames(): void {
    this.#at++;
    for (;;) {
      this.#simpleName();
      const mark = this.#text(0);
      this.#at++;
      if (mark === ')') return;
      if (mark !== ',') throw new Doubt('not certain');
    }
  }

  #here(): Token {
    const token = this.#at < this.#end ? this.#tokens[this.#at] : undefined;
    if (!token) throw new Doubt('not certain');
    return token;
  }

  #text(ahead: number): string {
    const token = this.#at + ahead < this.#end ? this.#tokens[this.#at + ahead] : undefined;
    return token?.kind === 'symbol' ? token.text : '';
  }

  #word(ahead: number): string {
    const token = this.#at + ahead < this.#end ? this.#tokens[this.#at + ahead] : undefined;
    return token?.kind === 'word' ? token.text : '';
  }

  #expect(word: string): void {
    if (this.#word(0) !== word) throw new Doubt('not certain');
    this.#at++;
  }
}

const DEPTH_MAX = 50;
const PLAIN_SYMBOLS = new Set('. * = < > + - / % : [ ] | ! ~'.split(' '));
const OPENS = new Set([
  'from',
  'where',
  'select',
  'returning',
  'union',
  'intersect',
  'except',
  'join',
  'set',
  'group',
  'order',
  'having',
  'limit',
  'offset',
  'values',
]);
const RESERVED = new Set([
  ...OPENS,
  ...GROUPS,
  ...JOINS,
  'as',
  'null',
  'true',
  'false',
  'end',
  'asc',
  'desc',
  'user',
  'session_user',
  'system_user',
  'primary',
  'unique',
  'check',
  'references',
  'foreign',
  'to',
  'column',
  'constraint',
  'both',
  'leading',
  'trailing',
  'placing',
  'initially',
  'deferrable',
  'collate',
  'freeze',
  'verbose',
  'binary',
  'concurrently',
  'authorization',
]);

function isHard(word: string): boolean {
  return HARD.has(word) || HARD_PREFIX.test(word);
}
