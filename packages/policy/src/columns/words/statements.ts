import { Doubt } from '../../sql/facts.ts';
import type { Run } from '../../sql/words/run.ts';
import { mustBeHidden, mustGoTo, mustKeepNames } from '../keeping.ts';
import { type Output, opaque } from '../output.ts';
import { type Reading, takesAway } from '../reading.ts';
import { NO_SCOPE, type Relation, resolveName, resolveQualified, type Scope, tableSource } from '../scope.ts';
import { hiddenIn } from './expressions.ts';
import { readQuery, readTables, readTargets, readValues, withQueries } from './queries.ts';
import { chainAt, insideOf, isQuery, listIn, namesIn, wordAt } from './runs.ts';

const NO_ROWS: readonly Output[] = [];
/** Rows that show nothing of tables. */
const PLAIN: readonly Output[] = [[{ star: [opaque(undefined)] }]];

/** What a statement in a string is read with. */
export interface ReadText {
  (text: string): readonly Output[];
  /** In the way of SQL Server. */
  readonly isBatch: boolean;
}

/** What a statement answers with, by its words. @throws Doubt where they are not understood */
export function readColumns(run: Run, reading: Reading, readText: ReadText, outer: Scope = NO_SCOPE): readonly Output[] {
  const first = run.word(0);
  if (run.symbol(0) === '(' || /^(select|values|table)$/.test(first)) return readRows(run, outer, reading);
  if (first === 'with') {
    const { rest, scope } = withQueries(run, outer, reading);
    return readColumns(rest, reading, readText, scope);
  }
  if (NOTHING.has(first)) return NO_ROWS;
  const readers = readText.isBatch ? { ...READERS, ...BATCH_READERS } : READERS;
  const reader = Object.hasOwn(readers, first) ? readers[first] : undefined;
  if (!reader) throw new Doubt(`it begins with ${first === '' ? 'something' : first.slice(0, 40)} that is not known here`);
  return reader(run, outer, reading, readText);
}

const NOTHING: ReadonlySet<string> = new Set(
  'start commit rollback savepoint release xa begin use lock unlock grant revoke drop truncate kill flush reset deallocate'.split(' '),
);

function readRows(run: Run, scope: Scope, reading: Reading): readonly Output[] {
  const output = readQuery(run, scope, reading);
  return wordAt(run, INTO) < run.length && run.symbol(0) !== '(' ? NO_ROWS : [output];
}

const INTO: ReadonlySet<string> = new Set(['into']);
const WARNINGS = /^(warnings|errors)$/;

type Reader = (run: Run, scope: Scope, reading: Reading, readText: ReadText) => readonly Output[];

const READERS: Readonly<Record<string, Reader>> = {
  insert: readInsert,
  replace: readInsert,
  update: readUpdate,
  delete: readDelete,
  explain: readExplain,
  describe: readExplain,
  desc: readExplain,
  analyze: readExplain,
  optimize: () => PLAIN,
  check: () => PLAIN,
  checksum: () => PLAIN,
  repair: () => PLAIN,
  help: () => PLAIN,
  show: (run, _, reading) => {
    // They quote what a statement before this one had in its hands.
    const quotes = run.findOutside((index) => WARNINGS.test(run.word(index))) !== undefined;
    return quotes
      ? [[{ star: [{ ...opaque(undefined), column: (name) => (name === 'message' ? reading.strictest : undefined) }] }]]
      : PLAIN;
  },
  handler: (_, __, reading) => {
    reading.touch();
    return [[{ star: [tableSource(reading, [], [])] }]];
  },
  call: (run, scope, reading) => {
    hiddenIn(run.cut(1), scope, reading);
    reading.touch();
    const called = reading.known.routine(chainAt(run, 1)?.parts ?? [])?.row;
    if (called) return [[{ star: [opaque(called)] }]];
    return [[{ star: [tableSource(reading, [], [])] }]];
  },
  do: (run, scope, reading) => {
    hiddenIn(run.cut(1), scope, reading);
    return NO_ROWS;
  },
  set: readSet,
  load: (run, scope, reading) => {
    reading.touch();
    const into = chainAt(run, wordAt(run, TABLE) + 1)?.parts ?? [];
    const set = run.findOutside((index) => run.word(index) === 'set' && run.word(index - 1) !== 'character') ?? run.length;
    const target: Relation = { alias: into.at(-1) ?? '', table: into, source: tableSource(reading, into, []) };
    if (set < run.length) assign(run.cut(set + 1), { ...scope, relations: [target], parent: scope }, reading);
    return NO_ROWS;
  },
  prepare: (run, _, reading, readText) => {
    const from = wordAt(run, new Set(['from']));
    reading.named.define(run.at(1)?.text.toLowerCase() ?? '', stringOf(run.cut(from + 1), reading, readText));
    return NO_ROWS;
  },
  execute: (run, _, reading, readText) => {
    if (run.word(1) === 'immediate') return stringOf(run.cut(2), reading, readText);
    reading.touch();
    return reading.named.of(run.at(1)?.text.toLowerCase() ?? '') ?? unknown(reading);
  },
  create: readDefinition,
  alter: readDefinition,
  rename: (run, _, reading) => {
    for (const each of listIn(run.cut(2))) {
      const table = chainAt(each, 0)?.parts ?? [];
      if (reading.patterns.namesTable(table) || reading.known.row(table)) reading.deny(takesAway('RENAME'));
    }
    return NO_ROWS;
  },
};

function unknown(reading: Reading): readonly Output[] {
  return [[{ star: [opaque(reading.strictest)] }]];
}

/** A statement in a string; one in a variable may be any. */
function stringOf(run: Run, reading: Reading, readText: ReadText): readonly Output[] {
  const token = run.at(0);
  const isWhole = token !== undefined && (token.kind === 'string' || token.kind === 'ambiguous') && !token.text.includes('\\');
  if (!isWhole) reading.deny('Columns are masked here, and this runs a text that cannot be read');
  return isWhole ? readText(token.text) : unknown(reading);
}

function readInsert(run: Run, outer: Scope, reading: Reading): readonly Output[] {
  let at = 1;
  while (/^(low_priority|delayed|high_priority|ignore|into)$/.test(run.word(at))) at++;
  const table = chainAt(run, at);
  if (!table) throw new Doubt('an INSERT without a table');
  reading.read(reading.ofRow(table.parts));
  let next = run.word(table.next) === 'partition' ? run.behind(table.next + 1) : table.next;
  const hasNames = run.symbol(next) === '(' && !isQuery(insideOf(run, next));
  const names = hasNames ? namesIn(insideOf(run, next)) : [];
  if (hasNames) next = run.behind(next);
  const relation: Relation = { alias: table.parts.at(-1) ?? '', table: table.parts, source: tableSource(reading, table.parts, []) };
  const scope: Scope = { ...outer, relations: [relation], parent: outer };
  const returning = wordAt(run, RETURNING, next);
  const duplicate = run.findOutside((index) => run.word(index) === 'on' && run.word(index + 1) === 'duplicate', next) ?? returning;
  const rows = run.cut(next, Math.min(duplicate, returning));
  if (/^exec(ute)?$/.test(rows.word(0))) throw new Doubt('what a procedure gives is inserted');
  if (rows.word(0) === 'set') assign(rows.cut(1), scope, reading);
  else if (rows.length > 0) mustGoTo(readSource(rows, outer, reading), names, table.parts, reading);
  if (duplicate < returning) {
    const update = wordAt(run, UPDATE, duplicate);
    assign(run.cut(update + 1, returning), { ...scope, relations: [relation, { ...relation, alias: 'values' }] }, reading);
  }
  return returning < run.length ? [readTargets(run.cut(returning + 1), scope, reading)] : NO_ROWS;
}

/** What is inserted. `AS new(a, b)` behind rows only names them. */
function readSource(rows: Run, outer: Scope, reading: Reading): Output {
  if (!/^values?$/.test(rows.word(0))) return readQuery(rows, outer, reading);
  return readValues(rows.cut(0, wordAt(rows, AS)), outer, reading);
}

const AS: ReadonlySet<string> = new Set(['as']);

const RETURNING: ReadonlySet<string> = new Set(['returning']);
const UPDATE: ReadonlySet<string> = new Set(['update']);
const TABLE: ReadonlySet<string> = new Set(['table']);
const SET: ReadonlySet<string> = new Set(['set']);
const AFTER_SET: ReadonlySet<string> = new Set(['where', 'order', 'limit', 'returning', 'from', 'option']);

/** `a = …, t.b = …`: what is hidden must go where it is hidden. */
function assign(run: Run, scope: Scope, reading: Reading): void {
  for (const each of listIn(run)) {
    const target = chainAt(each, 0);
    if (!target || !/^[=:]$/.test(each.symbol(target.next))) throw new Doubt('an assignment is not understood');
    const hidden = hiddenIn(each.cut(target.next + 1), scope, reading);
    const { parts } = target;
    const goes = parts.length === 1 ? resolveName(parts[0] ?? '', scope, reading) : resolveQualified(parts, scope, reading);
    if (hidden && !goes.hidden) reading.deny(takesAway('UPDATE'));
  }
}

function readUpdate(run: Run, outer: Scope, reading: Reading): readonly Output[] {
  const set = wordAt(run, SET);
  let at = 1;
  while (/^(low_priority|ignore)$/.test(run.word(at))) at++;
  const relations = readTables(run.cut(at, set), outer, reading);
  touchAll(relations, reading);
  const scope: Scope = { ...outer, relations, parent: outer };
  const end = wordAt(run, AFTER_SET, set);
  assign(run.cut(set + 1, end), scope, reading);
  hiddenIn(run.cut(end), scope, reading);
  const returning = wordAt(run, RETURNING, end);
  return returning < run.length ? [readTargets(run.cut(returning + 1), scope, reading)] : NO_ROWS;
}

function touchAll(relations: readonly Relation[], reading: Reading): void {
  for (const { source } of relations) reading.read(source.row());
}

function readDelete(run: Run, outer: Scope, reading: Reading): readonly Output[] {
  const from = wordAt(run, new Set(['from']));
  const where = wordAt(run, new Set(['where', 'order', 'limit', 'returning']), from);
  const using = wordAt(run, new Set(['using']), from);
  const tables = run.cut(Math.min(using, where) === using && using < where ? using + 1 : from + 1, where);
  const relations = readTables(tables, outer, reading);
  touchAll(relations, reading);
  const scope: Scope = { ...outer, relations, parent: outer };
  hiddenIn(run.cut(where), scope, reading);
  const returning = wordAt(run, RETURNING, where);
  return returning < run.length ? [readTargets(run.cut(returning + 1), scope, reading)] : NO_ROWS;
}

/** What it explains is read for what it does. A plan that is a text has values in it that the server looked up for it. */
function readExplain(run: Run, outer: Scope, reading: Reading, readText: ReadText): readonly Output[] {
  const at = run.findOutside((index) => /^(select|update|delete|insert|replace|with|values)$/.test(run.word(index)), 1);
  if (at !== undefined) readColumns(run.cut(at), reading, readText, outer);
  if (!reading.touches) return PLAIN;
  return [
    [{ star: [{ ...opaque(reading.strictest), column: (name) => (/^(explain|analyze)$/.test(name) ? reading.strictest : undefined) }] }],
  ];
}

/** A variable has no name that anything is hidden by. */
function readSet(run: Run, outer: Scope, reading: Reading, readText: ReadText): readonly Output[] {
  if (run.word(1) === 'statement') {
    const inner = wordAt(run, new Set(['for']));
    return readColumns(run.cut(inner + 1), reading, readText, outer);
  }
  for (const each of listIn(run.cut(1))) {
    const is = each.findOutside((index) => each.symbol(index) === '=') ?? each.length;
    if (hiddenIn(each.cut(is + 1), outer, reading)) reading.deny(takesAway('A variable'));
  }
  return NO_ROWS;
}

/** Of SQL Server, where they mean something else. What is not here or above is not understood. */
const BATCH_READERS: Readonly<Record<string, Reader>> = {
  exec: readExecute,
  execute: readExecute,
  declare: readControl,
  if: readControl,
  while: readControl,
  print: readControl,
  return: readControl,
  else: readControl,
  end: readControl,
  update: (run, scope, reading) => withoutOutput(run, () => readUpdate(run, scope, reading)),
  insert: (run, scope, reading) => withoutOutput(run, () => readInsert(run, scope, reading)),
  delete: (run, scope, reading) => withoutOutput(run, () => readDelete(run, scope, reading)),
};

/** `OUTPUT` stands in the middle of a change, and gives its rows or puts them elsewhere. */
function withoutOutput(run: Run, read: () => readonly Output[]): readonly Output[] {
  if (wordAt(run, OUTPUT) < run.length) throw new Doubt('a change with OUTPUT is not read');
  return read();
}

const OUTPUT: ReadonlySet<string> = new Set(['output']);

/** What a variable is given, or a condition asks. */
function readControl(run: Run, outer: Scope, reading: Reading): readonly Output[] {
  if (hiddenIn(run.cut(1), outer, reading)) reading.deny(takesAway('A variable'));
  return NO_ROWS;
}

/** `EXEC ('…')` and `sp_executesql N'…'` run a text; any other procedure is known by the names that it answers with. */
function readExecute(run: Run, outer: Scope, reading: Reading, readText: ReadText): readonly Output[] {
  if (run.symbol(1) === '(') return stringOf(insideOf(run, 1), reading, readText);
  const name = chainAt(run, 1);
  if (name?.parts.at(-1) === 'sp_executesql') {
    const text = listIn(run.cut(name.next))[0] ?? run.cut(run.length);
    return stringOf(text.word(0) === 'n' ? text.cut(1) : text, reading, readText);
  }
  if (!name) throw new Doubt('what it executes is not understood');
  if (name.parts.at(-1) === 'sp_rename') reading.deny(takesAway('sp_rename'));
  hiddenIn(run.cut(name.next), outer, reading);
  reading.touch();
  return [[{ star: [tableSource(reading, [], [])] }]];
}

const BODIES = /^(procedure|function|trigger|event|package)$/;

/** Tables and views that are made from a query; columns and tables that get new names; what has a body. */
function readDefinition(run: Run, outer: Scope, reading: Reading): readonly Output[] {
  const kind = run.findOutside(
    (index) => index < KIND_WITHIN && /^(table|view|procedure|function|trigger|event|package)$/.test(run.word(index)),
  );
  if (kind === undefined) {
    // A row that does not fit an index is quoted.
    if (wordAt(run, INDEX) < run.length) reading.touch();
    return NO_ROWS;
  }
  if (BODIES.test(run.word(kind))) {
    readBody(run.cut(kind + 1), reading);
    return NO_ROWS;
  }
  let at = kind + 1;
  while (/^(if|not|exists)$/.test(run.word(at))) at++;
  const table = chainAt(run, at);
  if (!table) throw new Doubt('what it is about is not understood');
  if (run.word(0) === 'alter') reading.read(reading.ofRow(table.parts));
  const query = queryBehind(run, table.next);
  const names = run.word(kind) === 'view' && run.symbol(table.next) === '(' ? namesIn(insideOf(run, table.next)) : [];
  const what = run.word(kind) === 'view' ? 'CREATE VIEW' : 'CREATE TABLE AS';
  const definition = run.cut(table.next, query ?? run.length);
  if (query !== undefined) mustKeepNames(readQuery(run.cut(query), outer, reading), table.parts, names, what, reading);
  if (run.word(kind) === 'table') readTableDefinition(definition, table.parts, run.word(0) === 'alter', reading);
  return NO_ROWS;
}

const KIND_WITHIN = 20;
const INDEX: ReadonlySet<string> = new Set(['index']);

function queryBehind(run: Run, start: number): number | undefined {
  return run.findOutside(
    (index) => /^(select|with|values|table)$/.test(run.word(index)) || (run.symbol(index) === '(' && isQuery(insideOf(run, index))),
    start,
  );
}

/** Columns that are computed from others, and new names. */
function readTableDefinition(run: Run, table: readonly string[], isAlter: boolean, reading: Reading): void {
  const { patterns } = reading;
  const parts = isAlter ? listIn(run) : run.symbol(0) === '(' ? listIn(insideOf(run, 0)) : [];
  const scope: Scope = { ...NO_SCOPE, relations: [{ alias: table.at(-1) ?? '', table, source: tableSource(reading, table, []) }] };
  for (const part of parts) {
    const at = /^(add|modify|change)$/.test(part.word(0)) ? (part.word(1) === 'column' ? 2 : 1) : 0;
    const name = chainAt(part, at)?.parts.at(-1);
    for (const made of computedIn(part)) mustBeHidden(hiddenIn(made, scope, reading), name, table, 'A computed column', reading);
    if (!isAlter) continue;
    const isChange = part.word(0) === 'change';
    const isColumn = part.word(0) === 'rename' && part.word(1) === 'column';
    const from = chainAt(part, isColumn ? 2 : at)?.parts.at(-1) ?? '';
    const to = chainAt(part, isColumn ? 4 : at + 1)?.parts.at(-1) ?? '';
    if ((isChange || isColumn) && reading.ofColumn(table, from) && !patterns.of(table, to)) reading.deny(takesAway('RENAME COLUMN'));
    if (part.word(0) === 'rename' && !/^(column|index|key)$/.test(part.word(1)) && (patterns.namesTable(table) || reading.known.row(table)))
      reading.deny(takesAway('RENAME'));
  }
  if (movesRows(run) && namesAny([table, ...chainsIn(run)], reading)) reading.deny(takesAway('What it makes of this table'));
}

/** What a column is computed from, and its default: rows that are there are given it too. */
function computedIn(part: Run): readonly Run[] {
  const made: Run[] = [];
  const as = part.findOutside((index) => part.word(index) === 'as' && part.symbol(index + 1) === '(');
  if (as !== undefined) made.push(insideOf(part, as + 1));
  const start = wordAt(part, DEFAULT) + 1;
  if (start <= part.length) made.push(part.cut(start, wordAt(part, BEHIND_DEFAULT, start)));
  return made;
}

const DEFAULT: ReadonlySet<string> = new Set(['default']);
const BEHIND_DEFAULT: ReadonlySet<string> = new Set(
  'not null comment after first unique key primary check constraint references on auto_increment visible invisible collate column_format storage'.split(
    ' ',
  ),
);

/** Partitions that become tables, tables that are a part of others, and tables that are somewhere else. */
function movesRows(run: Run): boolean {
  const found = run.findOutside(
    (index) =>
      (/^(exchange|convert)$/.test(run.word(index)) && run.word(index + 1) === 'partition') ||
      (run.word(index) === 'union' && /^[=(]$/.test(run.symbol(index + 1))) ||
      /^(federated|federatedx|connect|spider)$/.test(run.at(index)?.text.toLowerCase() ?? ''),
  );
  return found !== undefined;
}

function chainsIn(run: Run): readonly (readonly string[])[] {
  return Array.from({ length: run.length }, (_, index) => chainAt(run, index)?.parts ?? []).filter((parts) => parts.length > 0);
}

/** Also a table that only its columns' names hide: the other one may call them differently. */
function namesAny(tables: readonly (readonly string[])[], { patterns }: Reading): boolean {
  return tables.some((table) => patterns.ofRow(table) !== undefined);
}

/** What has a body shows, or keeps, what the body reads, under names that are not known here. */
function readBody(run: Run, reading: Reading): void {
  const { runsText, isHidden } = lookInside(run, reading);
  if (runsText) reading.deny('Columns are masked here, and a body runs a text that cannot be read');
  if (isHidden) reading.deny(takesAway('What has a body'));
}

/** Whether a body runs what does not stand in it, and whether it reads a hidden column, by the names that do. */
export function lookInside(run: Run, { patterns, known }: Reading): { readonly runsText: boolean; readonly isHidden: boolean } {
  const tables: (readonly string[])[] = [];
  const lasts = new Set<string>();
  let runsText = false;
  let calls = false;
  for (let index = 0; index < run.length; index++) {
    const chain = chainAt(run, index);
    if (!chain) continue;
    if (/^(prepare|execute)$/.test(run.word(index))) runsText = true;
    if (/^(from|join|update|into|table)$/.test(run.word(index - 1)) || run.symbol(index - 1) === ',') tables.push(chain.parts);
    if (run.symbol(chain.next) === '(' || run.word(index - 1) === 'call') calls ||= known.routine(chain.parts)?.row !== undefined;
    lasts.add(chain.parts.at(-1) ?? '');
    index = chain.next - 1;
  }
  const isColumn = (name: string): boolean =>
    name === '*' || patterns.of([], name) !== undefined || tables.some((table) => known.column(table, name) !== undefined);
  const readsTable =
    run.findOutside((index) => run.word(index) === 'table' && !/^(create|alter|drop|truncate|temporary)$/.test(run.word(index - 1))) !==
    undefined;
  const readsStar = run.tokens.slice(run.from, run.to).some((token, index) => token.text === '*' && run.word(index - 1) === 'select');
  const readsRow = (readsTable || readsStar) && tables.some((table) => patterns.ofRow(table) ?? known.row(table));
  return { runsText, isHidden: calls || readsRow || [...lasts].some(isColumn) };
}
