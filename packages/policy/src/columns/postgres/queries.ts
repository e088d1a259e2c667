import { isTree, listAt, nameOf, type Tree, textAt, treeAt, unwrap } from '../../sql/postgres/tree.ts';
import { mustKeepNames } from '../keeping.ts';
import { type Item, type Output, opaque, QuerySource, rowOf, type Source, type Star, union } from '../output.ts';
import { derived, stricterOf, type Treatment } from '../patterns.ts';
import type { Reading } from '../reading.ts';
import { queryNamed, type Relation, type Scope, sourceOf, tableSource } from '../scope.ts';
import { readChange } from './changes.ts';
import { givenTo, hiddenIn, nameOfExpression, namesOf } from './expressions.ts';

/** The columns of a SELECT, of VALUES, of TABLE. Reads what is behind them too, for what it does. */
export function readQuery(node: Tree, outer: Scope, reading: Reading): Output {
  reading.step();
  const scope = withQueries(node, outer, reading);
  const output = readRows(node, scope, reading);
  const into = treeAt(node, 'intoClause');
  if (into) mustKeepNames(output, tableOf(treeAt(into, 'rel')), [], 'SELECT INTO', reading);
  return output;
}

function readRows(node: Tree, scope: Scope, reading: Reading): Output {
  if (treeAt(node, 'larg') || treeAt(node, 'rarg')) {
    const [upper, lower] = [node.larg, node.rarg].map((arm) => (isTree(arm) ? readQuery(unwrapSelect(arm), scope, reading) : []));
    for (const key of ['sortClause', 'limitOffset', 'limitCount']) hiddenIn(node[key], scope, reading);
    return union(upper ?? [], lower ?? []);
  }
  const rows = listAt(node, 'valuesLists');
  if (rows.length > 0) return readValues(rows, scope, reading);
  const inside = relationsOf(listAt(node, 'fromClause'), scope, reading);
  const output = readTargets(listAt(node, 'targetList'), inside, reading);
  for (const key of CLAUSES) hiddenIn(node[key], inside, reading);
  return output;
}

/** They choose and order rows, and show nothing; what is in them is read for what it does. */
const CLAUSES = [
  'distinctClause',
  'whereClause',
  'groupClause',
  'havingClause',
  'windowClause',
  'sortClause',
  'limitOffset',
  'limitCount',
] as const;

function unwrapSelect(arm: Tree): Tree {
  return treeAt(arm, 'SelectStmt') ?? arm;
}

function readValues(rows: readonly unknown[], scope: Scope, reading: Reading): Output {
  const columns: (Treatment | undefined)[] = [];
  for (const row of rows) {
    for (const [index, value] of listAt(unwrap(row)?.node, 'items').entries()) {
      columns[index] = stricterOf(columns[index], hiddenIn(value, scope, reading));
    }
  }
  return Array.from(columns, (hidden, index) => ({ name: `column${index + 1}`, hidden }));
}

/** What stands behind SELECT or RETURNING. */
export function readTargets(targets: readonly unknown[], scope: Scope, reading: Reading): Output {
  return targets.map((each): Item | Star => {
    reading.step();
    const target = treeAt(isTree(each) ? each : undefined, 'ResTarget');
    const star = starOf(target?.val, scope, reading);
    if (star) return star;
    return { name: textAt(target, 'name') ?? nameOfExpression(target?.val), hidden: hiddenIn(target?.val, scope, reading) };
  });
}

/** `*`, `u.*`, `(u).*`, `(f(x)).*`. */
function starOf(value: unknown, scope: Scope, reading: Reading): Star | undefined {
  const found = unwrap(value);
  if (found?.type === 'ColumnRef') {
    const names = namesOf(found.node);
    if (names.at(-1) !== '*') return undefined;
    return noted(names.length === 1 ? scope.relations.map(({ source }) => source) : [starred(names.slice(0, -1), scope, reading)], reading);
  }
  if (found?.type !== 'A_Indirection' || unwrap(listAt(found.node, 'indirection').at(-1))?.type !== 'A_Star') return undefined;
  const inner = unwrap(found.node.arg);
  if (listAt(found.node, 'indirection').length === 1 && inner?.type === 'ColumnRef' && sourceOf(namesOf(inner.node), scope))
    return noted([starred(namesOf(inner.node), scope, reading)], reading);
  const hidden = hiddenIn(found.node.arg, scope, reading);
  return noted([hidden ? opaque(hidden) : unknownSource(reading)], reading);
}

function starred(name: readonly string[], scope: Scope, reading: Reading): Source {
  return sourceOf(name, scope) ?? unknownSource(reading);
}

function noted(star: readonly Source[], reading: Reading): Star {
  reading.read(rowOf([{ star }]));
  return { star };
}

/** Rows that come from somewhere: their columns are known by their names alone. */
function unknownSource(reading: Reading): Source {
  return tableSource(reading, [], []);
}

/** What a WITH gives names to. Without RECURSIVE a name is known only behind its own definition. */
export function withQueries(node: Tree, outer: Scope, reading: Reading): Scope {
  const clause = treeAt(node, 'withClause');
  if (!clause) return outer;
  const queries = new Map(outer.queries);
  for (const each of listAt(clause, 'ctes')) {
    const table = treeAt(isTree(each) ? each : undefined, 'CommonTableExpr');
    const name = textAt(table, 'ctename');
    if (!table || name === undefined) continue;
    const scope: Scope = { ...outer, queries: new Map(queries) };
    queries.set(name, clause.recursive === true ? readRecursive(table, name, scope, reading) : readNamed(table, scope, reading));
  }
  return { ...outer, queries };
}

function readNamed(table: Tree, scope: Scope, reading: Reading): Output {
  const query = unwrap(table.ctequery);
  if (!query) return [];
  const output =
    query.type === 'SelectStmt' ? readQuery(query.node, scope, reading) : (readChange(query.type, query.node, scope, reading) ?? []);
  const names = stringsOf(listAt(table, 'aliascolnames'));
  const renamed = names.length === 0 ? output : renamedOutput(output, names);
  return [...renamed, ...pathColumns(table, output)];
}

/** Columns of a search or a cycle have values of others in them. */
function pathColumns(table: Tree, output: Output): readonly Item[] {
  const hidden = rowOf(output);
  const search = textAt(treeAt(table, 'search_clause'), 'search_seq_column');
  const cycle = treeAt(table, 'cycle_clause');
  const names = [search, textAt(cycle, 'cycle_path_column')].filter((name) => name !== undefined);
  const mark = textAt(cycle, 'cycle_mark_column');
  return [...names.map((name) => ({ name, hidden })), ...(mark === undefined ? [] : [{ name: mark }])];
}

function renamedOutput(output: Output, names: readonly string[]): Output {
  if (output.every((part) => !('star' in part)))
    return output.map((part, index) => ({ ...part, name: names[index] ?? (part as Item).name }));
  return [{ star: [new QuerySource(output, names)] }];
}

/** Rounds until nothing more is found; a column can get stricter only a few times. */
const ROUNDS_MAX = 8;

/** A query that reads itself: first as if it gave nothing hidden, then with what came out. */
function readRecursive(table: Tree, name: string, scope: Scope, reading: Reading): Output {
  const names = stringsOf(listAt(table, 'aliascolnames'));
  let known: Output = [{ star: [opaque(undefined)] }];
  let before = '';
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const queries = new Map(scope.queries).set(name, known);
    const output = readNamed(table, { ...scope, queries }, reading);
    const now = JSON.stringify(output.map((part) => ('star' in part ? [rowOf([part])] : [part.name, part.hidden])));
    if (now === before) return output;
    before = now;
    known = output;
  }
  return [...names.map((each) => ({ name: each, hidden: reading.strictest })), { star: [opaque(reading.strictest)] }];
}

/** The relations of a FROM, each reachable by those behind it that are lateral. */
export function relationsOf(from: readonly unknown[], outer: Scope, reading: Reading): Scope {
  const relations: Relation[] = [];
  for (const each of from) relations.push(...readFrom(each, { relations, parent: outer, queries: outer.queries }, reading));
  return { relations, parent: outer, queries: outer.queries };
}

/** @param scope that of its own FROM, with what stands before it */
function readFrom(value: unknown, scope: Scope, reading: Reading): readonly Relation[] {
  reading.step();
  const found = unwrap(value);
  if (!found) return [];
  const { type, node } = found;
  switch (type) {
    case 'RangeVar':
      return [tableRelation(node, scope, reading)];
    case 'RangeSubselect': {
      const around: Scope = node.lateral === true ? scope : { relations: [], parent: scope.parent, queries: scope.queries };
      const query = unwrap(node.subquery);
      const output = query ? readQuery(query.node, around, reading) : [];
      return [aliased(node, new QuerySource(output, aliasNames(node)))];
    }
    case 'RangeFunction':
      return [aliased(node, functionSource(node, scope, reading), functionName(node))];
    case 'RangeTableSample':
      hiddenIn(node.args, scope, reading);
      return readFrom(node.relation, scope, reading);
    case 'JoinExpr':
      return readJoin(node, scope, reading);
    default: {
      // XMLTABLE and JSON_TABLE: what they are given comes out again, under names of their own.
      const hidden = hiddenIn(value, scope, reading);
      return [aliased(node, opaque(hidden))];
    }
  }
}

function aliased(node: Tree, source: Source, own = ''): Relation {
  return { alias: textAt(treeAt(node, 'alias'), 'aliasname') ?? own, table: [], source };
}

function aliasNames(node: Tree): readonly string[] {
  return stringsOf(listAt(treeAt(node, 'alias'), 'colnames'));
}

function stringsOf(list: readonly unknown[]): readonly string[] {
  return list.map((each) => textAt(unwrap(each)?.node, 'sval') ?? '');
}

/** `["hr", "users"]` */
export function tableOf(range: Tree | undefined): readonly string[] {
  return ['catalogname', 'schemaname', 'relname'].flatMap((key) => textAt(range, key) ?? []);
}

/** A table as it is named in a FROM, or as what is changed. */
export function tableRelation(range: Tree, scope: Scope, reading: Reading): Relation {
  const table = tableOf(range);
  const alias = textAt(treeAt(range, 'alias'), 'aliasname');
  const names = aliasNames(range);
  const query = table.length === 1 ? queryNamed(table[0] ?? '', scope) : undefined;
  const source = query ? new QuerySource(query, names) : tableSource(reading, table, names);
  return { alias: alias ?? table.at(-1) ?? '', table: alias === undefined ? table : [], source };
}

function readJoin(node: Tree, scope: Scope, reading: Reading): readonly Relation[] {
  const left = readFrom(node.larg, scope, reading);
  const right = readFrom(node.rarg, { ...scope, relations: [...scope.relations, ...left] }, reading);
  const both = [...left, ...right];
  hiddenIn(node.quals, { ...scope, relations: [...scope.relations, ...both] }, reading);
  const star: Output = [{ star: both.map(({ source }) => source) }];
  const alias = textAt(treeAt(node, 'alias'), 'aliasname');
  if (alias !== undefined) return [{ alias, table: [], source: new QuerySource(star, aliasNames(node)) }];
  const merged = textAt(treeAt(node, 'join_using_alias'), 'aliasname');
  return merged === undefined ? both : [...both, { alias: merged, table: [], source: new QuerySource(star) }];
}

function functionName(node: Tree): string {
  const call = unwrap(listAt(unwrap(listAt(node, 'functions')[0])?.node, 'items')[0]);
  return call?.type === 'FuncCall' ? nameOf(listAt(call.node, 'funcname').slice(-1)) : '';
}

/** Functions that give nothing but what they are given, or what they make up. */
const PLAIN_ROWS =
  /^(generate_series|generate_subscripts|unnest|jsonb?_.*|regexp_(matches|split_to_table|split_to_array)|string_to_table|now|pg_.*|current_.*|version|txid_.*|information_schema\..*|_pg_expandarray|xpath|aclexplode|parse_ident|each|skeys|svals)$/;

/** What functions give in a FROM. What a function of the users' own reads is not known: then columns that were given new names may be anything. */
function functionSource(node: Tree, scope: Scope, reading: Reading): Source {
  let given: Treatment | undefined;
  let isPlain = true;
  const results: (Output | undefined)[] = [];
  const names = [...aliasNames(node), ...columnNames(node)];
  for (const each of listAt(node, 'functions')) {
    const [call, columns] = listAt(unwrap(each)?.node, 'items');
    names.push(...columnNames({ coldeflist: listAt(unwrap(columns)?.node, 'items') }));
    const found = unwrap(call);
    const isCall = found?.type === 'FuncCall';
    given = stricterOf(given, isCall ? derived(givenTo(found.node, scope, reading)) : hiddenIn(call, scope, reading));
    if (!isCall) continue;
    const name = nameOf(listAt(found.node, 'funcname'));
    const result = reading.known.routine(name.split('.'));
    results.push(result?.output);
    if (result || !PLAIN_ROWS.test(name.slice(name.lastIndexOf('.') + 1))) isPlain = false;
  }
  if (given) return opaque(given);
  if (isPlain) return opaque(undefined);
  const known = results.flatMap((output) => output ?? []);
  reading.read(rowOf(known));
  if (results.every((output) => output !== undefined)) return new QuerySource(known, names);
  if (rowOf(known)) return opaque(derived(rowOf(known)));
  return names.length === 0 ? unknownSource(reading) : tableSource(reading, [], names);
}

function columnNames(node: Tree): readonly string[] {
  return listAt(node, 'coldeflist').map((each) => textAt(treeAt(isTree(each) ? each : undefined, 'ColumnDef'), 'colname') ?? '');
}
