import { Doubt } from '../../sql/facts.ts';
import type { Run } from '../../sql/words/run.ts';
import { mustKeepNames } from '../keeping.ts';
import { type Item, isStar, type Output, opaque, QuerySource, type Source, type Star, union } from '../output.ts';
import { stricterOf } from '../patterns.ts';
import { type Reading, takesAway } from '../reading.ts';
import { queryNamed, type Relation, type Scope, sourceOf, tableSource } from '../scope.ts';
import { hiddenIn } from './expressions.ts';
import { chainAt, insideOf, isQuery, listIn, nameAt, namesIn, wordAt } from './runs.ts';

const SETS: ReadonlySet<string> = new Set(['union', 'except', 'intersect', 'minus']);
const PROCEDURE: ReadonlySet<string> = new Set(['procedure']);
const FROM: ReadonlySet<string> = new Set(['from']);
const INTO: ReadonlySet<string> = new Set(['into']);
const AFTER_LIST: ReadonlySet<string> = new Set(
  'from where group having order limit into window for procedure lock union except intersect minus offset fetch option'.split(' '),
);
const AFTER_FROM: ReadonlySet<string> = new Set(
  'where group having order limit into window for procedure lock offset fetch option qualify'.split(' '),
);

/** The columns of a query, by its words. Reads what is behind them too, for what it does. */
export function readQuery(run: Run, outer: Scope, reading: Reading): Output {
  reading.step();
  if (run.word(0) === 'with') return readWith(run, outer, reading);
  const set = wordAt(run, SETS);
  if (set < run.length) {
    const next = /^(all|distinct)$/.test(run.word(set + 1)) ? set + 2 : set + 1;
    return union(readQuery(run.cut(0, set), outer, reading), readQuery(run.cut(next), outer, reading));
  }
  if (run.symbol(0) === '(') {
    hiddenIn(run.cut(run.behind(0)), outer, reading);
    return readQuery(insideOf(run, 0), outer, reading);
  }
  if (run.word(0) === 'values') return readValues(run, outer, reading);
  if (run.word(0) === 'table') return [{ star: [noted(tableAt(run, 1, outer, reading).relation.source, reading)] }];
  return readSelect(run, outer, reading);
}

/** `WITH a (x, y) AS (…), b AS (…) SELECT …`. Gives what is behind them, and the names. */
export function withQueries(run: Run, outer: Scope, reading: Reading): { readonly rest: Run; readonly scope: Scope } {
  const queries = new Map(outer.queries);
  const isRecursive = run.word(1) === 'recursive';
  let at = isRecursive ? 2 : 1;
  for (;;) {
    const name = nameAt(run, at) ?? '';
    const hasNames = run.symbol(at + 1) === '(';
    const names = hasNames ? namesIn(insideOf(run, at + 1)) : [];
    const as = hasNames ? run.behind(at + 1) : at + 1;
    const open = run.word(as) === 'as' ? as + 1 : as;
    if (run.symbol(open) !== '(') break;
    const inner = insideOf(run, open);
    const around: Scope = { ...outer, queries: new Map(queries) };
    // Without RECURSIVE the name is a table's inside of its own query; SQL Server has no such word, and there it may be the query's.
    const again = readNamed(inner, { name, names }, around, reading);
    queries.set(name, isRecursive ? again : union(renamed(readQuery(inner, around, reading), names), again));
    at = run.behind(open);
    if (run.symbol(at) !== ',') break;
    at++;
  }
  return { rest: run.cut(at), scope: { ...outer, queries } };
}

const ROUNDS_MAX = 8;

interface Named {
  readonly name: string;
  /** Of its columns, where it gives them. */
  readonly names: readonly string[];
}

/** A query that may read itself: first as if it gave nothing hidden, then with what came out. */
function readNamed(run: Run, { name, names }: Named, scope: Scope, reading: Reading): Output {
  let known: Output = [{ star: [opaque(undefined)] }];
  let before = '';
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const output = renamed(readQuery(run, { ...scope, queries: new Map(scope.queries).set(name, known) }, reading), names);
    const now = JSON.stringify(output.map((part) => (isStar(part) ? new QuerySource([part]).row() : [part.name, part.hidden])));
    if (now === before) return output;
    before = now;
    known = output;
  }
  return [{ star: [opaque(reading.strictest)] }];
}

function readWith(run: Run, outer: Scope, reading: Reading): Output {
  const { rest, scope } = withQueries(run, outer, reading);
  return readQuery(rest, scope, reading);
}

function renamed(output: Output, names: readonly string[]): Output {
  if (names.length === 0) return output;
  if (output.some(isStar)) return [{ star: [new QuerySource(output, names)] }];
  return output.map((part, index) => ({ hidden: part.hidden, name: names[index] ?? (part as Item).name }));
}

/** Rows that stand there. */
export function readValues(run: Run, scope: Scope, reading: Reading): Output {
  const columns: Item[] = [];
  for (const row of listIn(run.cut(1))) {
    const open = row.word(0) === 'row' ? 1 : 0;
    for (const [index, value] of listIn(insideOf(row, open)).entries()) {
      columns[index] = { hidden: stricterOf(columns[index]?.hidden, hiddenIn(value, scope, reading)) };
    }
  }
  return columns;
}

function readSelect(run: Run, outer: Scope, reading: Reading): Output {
  if (wordAt(run, PROCEDURE) < run.length) throw new Doubt('a procedure makes its answer');
  // `IS DISTINCT FROM` is no end of a list.
  const isEnd = (index: number): boolean =>
    AFTER_LIST.has(run.word(index)) && run.symbol(index - 1) !== '.' && !(run.word(index) === 'from' && run.word(index - 1) === 'distinct');
  const end = run.findOutside(isEnd, 1) ?? run.length;
  const from = run.word(end) === 'from' ? end : wordAt(run, FROM, end);
  const tables = from < run.length ? run.cut(from + 1, wordAt(run, AFTER_FROM, from + 1)) : run.cut(run.length);
  const scope: Scope = { relations: [], parent: outer, queries: outer.queries };
  const relations = readTables(tables, scope, reading);
  const inside: Scope = { ...scope, relations };
  const output = readTargets(run.cut(modifiersEnd(run), end), inside, reading);
  const rest = run.cut(from < run.length ? from + 1 + tables.length : end);
  // It chooses and orders rows, and shows nothing; what is in it is read for what it does.
  hiddenIn(rest, inside, reading);
  readInto(run, output, reading);
  return output;
}

/** Into a file or a variable; of SQL Server into a table. */
function readInto(run: Run, output: Output, reading: Reading): void {
  const into = wordAt(run, INTO);
  if (into === run.length) return;
  const table = chainAt(run, into + 1)?.parts ?? [];
  const isTable = !/^(outfile|dumpfile)$/.test(table[0] ?? '') && !table[0]?.startsWith('@');
  mustKeepNames(
    isTable ? output : output.map((part) => (isStar(part) ? part : { hidden: part.hidden })),
    isTable ? table : [],
    [],
    'SELECT INTO',
    reading,
  );
}

const MODIFIERS =
  /^(select|all|distinct|distinctrow|high_priority|straight_join|sql_small_result|sql_big_result|sql_buffer_result|sql_no_cache|sql_cache|sql_calc_found_rows|percent|ties)$/;

/** `SELECT DISTINCT`, and of SQL Server `SELECT TOP (3) PERCENT`. */
function modifiersEnd(run: Run): number {
  let at = 0;
  for (;;) {
    if (run.word(at) === 'top') at = run.symbol(at + 1) === '(' ? run.behind(at + 1) : at + 2;
    else if (run.word(at) === 'with' && run.word(at + 1) === 'ties') at += 2;
    else if (MODIFIERS.test(run.word(at)) && run.symbol(at + 1) !== '.' && at < run.length) at++;
    else return at;
  }
}

/** What stands behind SELECT or RETURNING. */
export function readTargets(run: Run, scope: Scope, reading: Reading): Output {
  return listIn(run).map((target): Item | Star => {
    reading.step();
    if (target.symbol(0) === '*' && target.length === 1) return { star: scope.relations.map(({ source }) => noted(source, reading)) };
    const chain = chainAt(target, 0);
    if (chain && chain.next === target.length && chain.parts.at(-1) === '*') {
      const source = sourceOf(chain.parts.slice(0, -1), scope) ?? tableSource(reading, [], []);
      return { star: [noted(source, reading)] };
    }
    return readTarget(target, scope, reading);
  });
}

/** `expr AS name`, `expr name`, and of SQL Server `name = expr`, which of a variable keeps a value. */
function readTarget(target: Run, scope: Scope, reading: Reading): Item {
  const { expression, name } = namedTarget(target);
  const chain = chainAt(expression, 0);
  const own = chain && chain.next === expression.length ? chain.parts.at(-1) : undefined;
  const hidden = hiddenIn(expression, scope, reading);
  if (hidden && name?.startsWith('@')) reading.deny(takesAway('A variable'));
  return { name: name ?? own, hidden };
}

function namedTarget(target: Run): { readonly expression: Run; readonly name: string | undefined } {
  const { length } = target;
  if (length >= 3 && target.word(length - 2) === 'as')
    return { expression: target.cut(0, length - 2), name: aliasText(target, length - 1) };
  const first = nameAt(target, 0);
  if (first !== undefined && target.symbol(1) === '=' && length > 2 && first.startsWith('@'))
    return { expression: target.cut(2), name: first };
  const last = target.at(length - 1);
  const before = target.at(length - 2);
  const isAlias =
    length >= 2 &&
    (last?.kind === 'quoted' ||
      last?.kind === 'ambiguous' ||
      last?.kind === 'string' ||
      (last?.kind === 'word' && !NO_ALIAS.test(last.text))) &&
    (before?.kind !== 'symbol' || before.text === ')') &&
    !(before?.kind === 'word' && JOINS_OPERANDS.test(before.text));
  return isAlias ? { expression: target.cut(0, length - 1), name: last?.text.toLowerCase() } : { expression: target, name: undefined };
}

const NO_ALIAS = /^(end|null|true|false|unknown|is|not)$/;
const JOINS_OPERANDS =
  /^(and|or|xor|not|like|rlike|regexp|in|is|between|div|mod|collate|binary|interval|escape|distinct|when|then|else|case|from|separator|all|of|sounds)$/;

function aliasText(target: Run, index: number): string | undefined {
  return target.at(index)?.text.toLowerCase();
}

function noted(source: Source, reading: Reading): Source {
  reading.read(source.row());
  return source;
}

const BETWEEN = new Set('join inner left right full outer cross natural straight_join apply'.split(' '));
const NO_TABLE_ALIAS = new Set(
  'on using join inner left right full outer cross natural straight_join apply set where use force ignore partition with tablesample for pivot unpivot order group having limit union as select values returning output'.split(
    ' ',
  ),
);

/** The relations of a list of tables and joins. Every one of them can be named by those behind it. */
export function readTables(run: Run, outer: Scope, reading: Reading): readonly Relation[] {
  const relations: Relation[] = [];
  let at = 0;
  while (at < run.length) {
    reading.step();
    const scope: Scope = { ...outer, relations: [...outer.relations, ...relations] };
    const word = run.word(at);
    if (run.symbol(at) === ',' || BETWEEN.has(word) || word === 'lateral' || word === 'only') at++;
    else if (word === 'on' || word === 'using') {
      const end = conditionEnd(run, at + 1);
      hiddenIn(run.cut(at + 1, end), scope, reading);
      at = end;
    } else {
      const { found, next } = readTable(run, at, scope, reading);
      relations.push(...found);
      if (next < run.length && run.symbol(next) !== ',' && !BETWEEN.has(run.word(next)) && !/^(on|using)$/.test(run.word(next)))
        throw new Doubt('a list of tables is not understood');
      at = next;
    }
  }
  return relations;
}

function conditionEnd(run: Run, start: number): number {
  return (
    run.findOutside((index) => run.symbol(index) === ',' || (BETWEEN.has(run.word(index)) && run.symbol(index + 1) !== '('), start) ??
    run.length
  );
}

interface Tables {
  readonly found: readonly Relation[];
  readonly next: number;
}

function readTable(run: Run, at: number, scope: Scope, reading: Reading): Tables {
  if (run.symbol(at) === '(') {
    const inner = insideOf(run, at);
    const behind = run.behind(at);
    const { alias, names, next } = aliasAt(run, behind);
    if (!isQuery(inner)) {
      const found = readTables(inner, scope, reading);
      return {
        found:
          alias === undefined
            ? found
            : [{ alias, table: [], source: new QuerySource([{ star: found.map(({ source }) => source) }], names) }],
        next,
      };
    }
    return { found: [{ alias: alias ?? '', table: [], source: new QuerySource(readQuery(inner, scope, reading), names) }], next };
  }
  const { relation, next } = tableAt(run, at, scope, reading);
  return { found: [relation], next };
}

/** A table, or what a function gives, with the name that it is called by. */
export function tableAt(run: Run, at: number, scope: Scope, reading: Reading): { readonly relation: Relation; readonly next: number } {
  const chain = chainAt(run, at);
  if (!chain) throw new Doubt('a list of tables is not understood');
  const { parts } = chain;
  if (run.symbol(chain.next) === '(' && run.word(chain.next - 1) !== 'partition') {
    const hidden = hiddenIn(run.cut(chain.next, run.behind(chain.next)), scope, reading);
    const { alias, names, next } = aliasAt(run, run.behind(chain.next));
    const source = hidden ? opaque(hidden) : parts.at(-1) === 'json_table' ? opaque(undefined) : tableSource(reading, [], names);
    return { relation: { alias: alias ?? parts.at(-1) ?? '', table: [], source }, next };
  }
  const { alias, names, next } = aliasAt(run, partitionsEnd(run, chain.next));
  const query = parts.length === 1 ? queryNamed(parts[0] ?? '', scope) : undefined;
  const source = query ? new QuerySource(query, names) : tableSource(reading, parts, names);
  return { relation: { alias: alias ?? parts.at(-1) ?? '', table: alias === undefined ? parts : [], source }, next };
}

/** `PARTITION (p0)`, and hints. */
function partitionsEnd(run: Run, start: number): number {
  return run.word(start) === 'partition' && run.symbol(start + 1) === '(' ? run.behind(start + 1) : start;
}

interface Alias {
  readonly alias: string | undefined;
  readonly names: readonly string[];
  readonly next: number;
}

function aliasAt(run: Run, start: number): Alias {
  const at = run.word(start) === 'as' ? start + 1 : start;
  const name = NO_TABLE_ALIAS.has(run.word(at)) && at === start ? undefined : nameAt(run, at);
  if (name === undefined) return { alias: undefined, names: [], next: hintsEnd(run, start) };
  const hasNames = run.symbol(at + 1) === '(';
  const names = hasNames ? namesIn(insideOf(run, at + 1)) : [];
  return { alias: name, names, next: hintsEnd(run, hasNames ? run.behind(at + 1) : at + 1) };
}

/** `USE INDEX (i)`, `FORCE INDEX FOR JOIN (i)`, `WITH (NOLOCK)`, up to what may follow a table. */
function hintsEnd(run: Run, start: number): number {
  if (!/^(use|force|ignore|with|tablesample|for)$/.test(run.word(start))) return start;
  const end = run.findOutside(
    (index) =>
      run.symbol(index) === ',' ||
      ((BETWEEN.has(run.word(index)) || /^(on|using)$/.test(run.word(index))) && run.word(index - 1) !== 'for'),
    start,
  );
  return end ?? run.length;
}
