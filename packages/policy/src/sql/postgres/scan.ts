import { type Access, Doubt, type Statement, StatementFacts } from '../facts.ts';
import { LEXICONS, tokensOf } from '../tokens.ts';
import { Cursor } from './cursor.ts';
import {
  BEFORE_STRING,
  CLAUSES,
  CLOCKS,
  GROUPS,
  isHard,
  JOINS,
  OPENS,
  PLAIN_SYMBOLS,
  SET_OPERATIONS,
  TRANSACTION,
  TRIMS,
  TYPES,
  WINDOW_WORDS,
} from './scan-words.ts';
import { isPlainCall } from './text-runners.ts';

/**
 * The statements that programs send most, read in one pass over their words: a SELECT of tables, with a plain WITH and windows, an
 * INSERT of rows, an UPDATE or DELETE of what plain comparisons say, and the ends and beginnings of transactions. It knows few words and says so: undefined means that it is
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

interface Level {
  /** Where in a query this is; `group`: in a parenthesis of an expression. */
  region: 'start' | 'list' | 'from' | 'where' | 'tail' | 'group' | 'values' | 'cast' | 'window' | 'windows' | 'conflict' | 'end';
  /** A table's name has to come next. */
  wantsTable: boolean;
}

class Scan extends Cursor {
  readonly #facts = new StatementFacts();

  read(): StatementFacts | undefined {
    const first = this.word(0);
    switch (first) {
      case 'select':
        this.#facts.does('select');
        this.#query('start');
        return this.#facts;
      case 'with':
        return this.#with();
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

  /** Names that a WITH gave: they are no tables behind their own definition. */
  readonly #names = new Set<string>();

  /** `WITH a AS (SELECT …), b AS (…) SELECT …`, neither recursive nor changing anything. */
  #with(): StatementFacts {
    do {
      this.at++;
      const name = this.simpleName();
      if (this.text(0) === '(') this.skipNames();
      this.expect('as');
      if (this.word(0) === 'not') this.at++;
      if (this.word(0) === 'materialized') this.at++;
      if (this.text(0) !== '(' || this.word(1) !== 'select') throw new Doubt('not certain');
      this.at++;
      this.#query('start', true);
      this.#names.add(name);
    } while (this.text(0) === ',');
    if (this.word(0) !== 'select') throw new Doubt('not certain');
    this.#query('start');
    return this.#facts;
  }

  #transaction(): StatementFacts | undefined {
    if (this.end > 2) return undefined;
    const words = this.tokens.slice(0, this.end).map(({ kind, text }) => (kind === 'word' ? text : '?'));
    if (!TRANSACTION.test(words.join(' '))) return undefined;
    this.#facts.does('transaction');
    return this.#facts;
  }

  #insert(): StatementFacts {
    this.#facts.does('insert');
    this.at = 1;
    this.expect('into');
    const table = this.name();
    this.#facts.table(table, 'write');
    if (this.text(0) === '(' && this.word(1) !== 'select') this.skipNames();
    if (this.word(0) === 'values') {
      this.at++;
      this.#query('values');
    } else if (this.word(0) === 'select') {
      this.#facts.does('select');
      this.#query('start');
    } else throw new Doubt('not certain');
    if (this.#readsTarget) this.#facts.table(table, 'read');
    return this.#facts;
  }

  #update(): StatementFacts {
    this.#facts.does('update');
    this.at = 1;
    this.#target();
    this.expect('set');
    this.#assignments();
    this.#simpleWhere('update');
    return this.#facts;
  }

  #delete(): StatementFacts {
    this.#facts.does('delete');
    this.at = 1;
    this.expect('from');
    this.#target();
    this.#simpleWhere('delete');
    return this.#facts;
  }

  #target(): void {
    const name = this.name();
    for (const access of ['write', 'read'] as const satisfies readonly Access[]) this.#facts.table(name, access);
    if (this.word(0) === 'as') {
      this.at++;
      this.simpleName();
    }
  }

  /** `a = 1, b = $2, c = c + 1`: no calls and nothing in parentheses. */
  #assignments(): void {
    while (this.at < this.end && this.word(0) !== 'where') {
      const { kind, text } = this.here();
      const isPlain =
        kind === 'word' ? !isHard(text) && text !== 'from' && text !== 'returning' : text !== '(' && text !== '[' && text !== ';';
      if (!isPlain) throw new Doubt('not certain');
      this.at++;
    }
  }

  /** Nothing, or columns compared with values, joined by AND; and what it gives back. */
  #simpleWhere(effect: 'update' | 'delete'): void {
    if (this.at === this.end) {
      this.#facts.does(`${effect}_without_where`);
      return;
    }
    this.expect('where');
    for (;;) {
      this.name();
      this.#comparison();
      if (this.at === this.end) return;
      if (this.word(0) === 'returning') {
        this.at++;
        this.#query('list');
        return;
      }
      this.expect('and');
    }
  }

  #comparison(): void {
    if (this.word(0) === 'is') {
      this.at += this.word(1) === 'not' ? 2 : 1;
      this.expect('null');
      return;
    }
    if (this.word(0) === 'in' && this.text(1) === '(') {
      this.at++;
      do {
        this.at++;
        this.#value();
      } while (this.text(0) === ',');
      if (this.text(0) !== ')') throw new Doubt('not certain');
      this.at++;
      return;
    }
    let operator = '';
    while (this.here().kind === 'symbol' && '=<>!'.includes(this.text(0))) {
      operator += this.text(0);
      this.at++;
    }
    if (!/^(=|<|>|<=|>=|<>|!=)$/.test(operator)) throw new Doubt('not certain');
    this.#value();
  }

  #value(): void {
    if (!['string', 'number', 'parameter'].includes(this.here().kind)) throw new Doubt('not certain');
    this.at++;
  }

  /** It gives back what it wrote, or looks at what is there. */
  #readsTarget = false;

  /** A query from here to the end, or as far as the parenthesis goes that it is inside of; or rows of values and what follows them. */
  #query(region: Level['region'], isInside = false): void {
    const levels: Level[] = [{ region, wantsTable: false }];
    for (; this.at < this.end; this.at++) {
      const level = levels.at(-1);
      if (!level) throw new Doubt('not certain');
      const { kind, text } = this.here();
      if (level.wantsTable && text !== '(') {
        level.wantsTable = false;
        this.#relation();
      } else if (kind === 'symbol') {
        this.#symbol(text, level, levels);
        if (isInside && levels.length === 0) {
          this.at++;
          return;
        }
      } else if (kind === 'quoted' && this.text(1) === '(') this.#call(levels);
      else if (kind === 'word') this.#keyword(text, level, levels);
    }
    if (isInside || levels.length !== 1 || levels[0]?.wantsTable || levels[0]?.region === 'start') throw new Doubt('not certain');
  }

  #symbol(text: string, level: Level, levels: Level[]): void {
    if (text === '(') {
      const isQuery = this.word(1) === 'select';
      if (level.wantsTable && !isQuery) throw new Doubt('not certain');
      level.wantsTable = false;
      levels.push({ region: isQuery ? 'start' : 'group', wantsTable: false });
      if (levels.length > DEPTH_MAX) throw new Doubt('not certain');
    } else if (text === ')') {
      if (level.wantsTable || level.region === 'start') throw new Doubt('not certain');
      levels.pop();
    } else if (text === ',') {
      if (level.region === 'from') level.wantsTable = true;
      else if (level.region === 'windows') this.#window(levels);
    } else if (text === ':' && this.text(1) === ':') {
      this.at += 2;
      this.#type();
    } else if (!PLAIN_SYMBOLS.has(text)) throw new Doubt('not certain');
  }

  #keyword(word: string, level: Level, levels: Level[]): void {
    if (this.#isPartOfName() || this.#known(word, level, levels)) return;
    if (isHard(word) || (this.text(-1) === '.' && GROUPS.has(word))) throw new Doubt('not certain');
    if (this.text(1) === '(' && !GROUPS.has(word)) {
      if (level.region === 'from' && !this.#isInCondition) throw new Doubt('not certain');
      this.#call(levels);
      return;
    }
    if (word === 'select') {
      if (level.region !== 'start') throw new Doubt('not certain');
      this.#facts.does('select');
      level.region = 'list';
    } else if (IN_PARENTHESES.has(level.region) || AFTER_ROWS.has(level.region)) {
      if (word === 'returning' && levels.length === 1 && AFTER_ROWS.has(level.region)) {
        this.#readsTarget = true;
        level.region = 'list';
      } else if (OPENS.has(word) && !(word === 'where' && level.region === 'conflict')) throw new Doubt('not certain');
    } else this.#clause(word, level);
  }

  /** Words that are hard in most places and plain in one. Stands on the last one of them when it says yes. */
  #known(word: string, level: Level, levels: Level[]): boolean {
    const opens = this.text(1) === '(';
    const isBehindCall = this.text(-1) === ')';
    if (this.text(-1) === '.') return false;
    if (level.region === 'window' && WINDOW_WORDS.has(word)) return !opens || word === 'by' || word === 'and' || word === 'between';
    switch (word) {
      case 'over':
        if (!isBehindCall) return false;
        this.at++;
        if (opens) this.#push('window', levels);
        else this.#nameOfWindow();
        return true;
      case 'filter':
        if (!isBehindCall || !opens || this.word(2) !== 'where') return false;
        this.at += 2;
        this.#push('group', levels);
        return true;
      case 'window':
        if (!QUERY_REGIONS.has(level.region)) return false;
        level.region = 'windows';
        this.#window(levels);
        return true;
      case 'on':
        return level.region === 'values' && levels.length === 1 && this.word(1) === 'conflict' && this.#conflict(level);
      case 'as':
        if (level.region !== 'cast') return false;
        this.at++;
        this.#type();
        return true;
      case 'from':
        return this.word(-1) === 'distinct' && (this.word(-2) === 'is' || (this.word(-2) === 'not' && this.word(-3) === 'is'));
      case 'array':
        return this.text(1) === '[' && level.region !== 'from';
      case 'at':
        if (this.word(1) !== 'time' || this.word(2) !== 'zone') return false;
        this.#facts.calls('pg_catalog.timezone');
        this.at += 2;
        return true;
      default:
        if (BEFORE_STRING.has(word)) return this.tokens[this.at + 1]?.kind === 'string';
        if (CLOCKS.has(word)) return !opens;
        return opens && this.#special(word, levels);
    }
  }

  /** What looks like a call and has a grammar of its own. */
  #special(word: string, levels: Level[]): boolean {
    switch (word) {
      case 'cast':
      case 'row':
        this.at++;
        this.#push(word === 'cast' ? 'cast' : 'group', levels);
        return true;
      case 'extract':
        if (this.word(3) !== 'from' || this.word(2) === '') return false;
        this.#facts.calls('pg_catalog.extract');
        this.at += 3;
        this.#push('group', levels);
        return true;
      case 'trim':
        if (TRIMS.has(this.word(2))) return false;
        this.#facts.calls('pg_catalog.btrim');
        this.at++;
        this.#push('group', levels);
        return true;
      default:
        return false;
    }
  }

  #push(region: Level['region'], levels: Level[]): void {
    if (levels.length >= DEPTH_MAX) throw new Doubt('not certain');
    levels.push({ region, wantsTable: false });
  }

  /** `w AS (`, behind WINDOW or a comma. */
  #window(levels: Level[]): void {
    this.at++;
    this.#nameOfWindow();
    if (this.word(1) !== 'as' || this.text(2) !== '(') throw new Doubt('not certain');
    this.at += 2;
    this.#push('window', levels);
  }

  #nameOfWindow(): void {
    this.simpleName();
    this.at--;
  }

  /** `ON CONFLICT (a, b) DO NOTHING`, or `DO UPDATE SET …`. */
  #conflict(level: Level): boolean {
    this.at += 2;
    if (this.text(0) === '(') this.skipNames();
    this.expect('do');
    if (this.word(0) === 'nothing') {
      level.region = 'end';
      return true;
    }
    this.expect('update');
    if (this.word(0) !== 'set') throw new Doubt('not certain');
    this.#facts.does('update');
    this.#readsTarget = true;
    level.region = 'conflict';
    return true;
  }

  /** A type behind `::` or AS; stands on its last word. */
  #type(): void {
    const { kind, text } = this.here();
    if (kind === 'word' && TYPES.has(text)) {
      this.at++;
      if (this.text(0) === '(') {
        do {
          this.at++;
          if (this.here().kind !== 'number') throw new Doubt('not certain');
          this.at++;
        } while (this.text(0) === ',');
        if (this.text(0) !== ')') throw new Doubt('not certain');
        this.at++;
      }
      if ((this.word(0) === 'with' || this.word(0) === 'without') && this.word(1) === 'time' && this.word(2) === 'zone') this.at += 3;
    } else if (text === 'double' && this.word(1) === 'precision') this.at += 2;
    else this.name();
    if (this.text(0) === '(') throw new Doubt('not certain');
    this.at--;
  }

  #clause(word: string, level: Level): void {
    if (word === 'from') {
      // `IS DISTINCT FROM` looks the same.
      if (level.region !== 'list' || this.word(-1) === 'distinct') throw new Doubt('not certain');
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
      if (this.word(1) === 'all') this.at++;
      if (this.word(1) !== 'select') throw new Doubt('not certain');
      level.region = 'start';
    } else if (word === 'returning') throw new Doubt('not certain');
  }

  /** In a join's ON a parenthesis behind a name is a call; behind a table it would be a list of its columns. */
  #isInCondition = false;

  #relation(): void {
    const { kind, text } = this.here();
    if (kind === 'word' && (isHard(text) || OPENS.has(text) || GROUPS.has(text) || JOINS.has(text))) throw new Doubt('not certain');
    const from = this.at;
    const name = this.name();
    if (this.at < this.end && (this.text(0) === '(' || this.text(0) === '*')) throw new Doubt('not certain');
    if (this.at - from > 1 || !this.#names.has(name)) this.#facts.table(name, 'read');
    this.at--;
  }

  /** The name that was just met is called; a qualified one is read back from here. */
  #call(levels: Level[]): void {
    let from = this.at;
    while (this.tokens[from - 1]?.text === '.' && from >= 2) from -= 2;
    const parts = this.tokens.slice(from, this.at + 1).filter(({ text }) => text !== '.');
    if (parts.some(({ kind }) => kind !== 'word' && kind !== 'quoted')) throw new Doubt('not certain');
    if (this.tokens[from - 1]?.kind === 'quoted' || this.tokens[from - 1]?.text === ')' || this.tokens[from - 1]?.text === ']')
      throw new Doubt('not certain');
    const name = parts.map(({ text }) => text).join('.');
    if (!isPlainCall(name)) throw new Doubt('not certain');
    this.#facts.calls(name);
    this.at++;
    levels.push({ region: 'group', wantsTable: false });
    if (this.word(1) === 'select' || this.word(1) === 'distinct' || this.word(1) === 'all') throw new Doubt('not certain');
  }

  #isPartOfName(): boolean {
    return this.tokens[this.at - 1]?.text === '.' && this.tokens[this.at - 1]?.kind === 'symbol' && this.text(1) !== '(';
  }
}

const DEPTH_MAX = 50;
const IN_PARENTHESES: ReadonlySet<Level['region']> = new Set(['group', 'cast', 'window']);
/** Of an INSERT: its rows, and what follows them. */
const AFTER_ROWS: ReadonlySet<Level['region']> = new Set(['values', 'conflict', 'end']);
const QUERY_REGIONS: ReadonlySet<Level['region']> = new Set(['list', 'from', 'where', 'tail']);
