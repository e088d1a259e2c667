import { StatementFacts } from '../../sql/facts.ts';
import { readSetting } from '../../sql/postgres/settings.ts';
import { isTree, listAt, nameOf, type Tree, textAt, treeAt, unwrap } from '../../sql/postgres/tree.ts';
import { readStatement } from '../../sql/postgres/walk.ts';
import { mustKeepNames } from '../keeping.ts';
import { type Output, opaque } from '../output.ts';
import { type Reading, takesAway } from '../reading.ts';
import { NO_SCOPE, type Scope, tableSource } from '../scope.ts';
import { readChange } from './changes.ts';
import { hiddenIn } from './expressions.ts';
import { readQuery, tableOf } from './queries.ts';

/** Rows that show nothing of tables. */
const PLAIN: readonly Output[] = [[{ star: [opaque(undefined)] }]];

/** What a statement answers with, one of several where it cannot be said which; nothing when it answers with no rows. @throws Doubt */
export function readColumns(tree: unknown, reading: Reading): readonly Output[] {
  const found = unwrap(tree);
  if (!found) return NO_ROWS;
  if (DEFINES.has(found.type) && callsHidden(tree, reading)) reading.deny(takesAway('A definition'));
  if (SCANS.has(found.type)) readScanned(tree, reading);
  const reader = Object.hasOwn(READERS, found.type) ? READERS[found.type] : undefined;
  if (reader) return reader(found.node, reading);
  const output = readChange(found.type, found.node, NO_SCOPE, reading);
  if (output) return [output];
  if (BODIES.has(found.type)) readBody(tree, reading);
  const setting = treeAt(found.node, 'setstmt');
  if (setting) readSet(setting, reading);
  return NO_ROWS;
}

const NO_ROWS: readonly Output[] = [];
/** What calls functions later, or now for a default, without anybody saying their names again. */
const DEFINES = new Set(
  'CreateStmt AlterTableStmt DefineStmt CreateCastStmt CreateDomainStmt AlterDomainStmt CreateOpClassStmt CreateTrigStmt'.split(' '),
);
/** What goes through rows that are there, and quotes one that does not fit. */
const SCANS = new Set('IndexStmt AlterTableStmt AlterDomainStmt ReindexStmt ClusterStmt VacuumStmt RefreshMatViewStmt'.split(' '));
const BODIES = new Set(['DoStmt', 'CreateFunctionStmt', 'RuleStmt']);

type Reader = (node: Tree, reading: Reading) => readonly Output[];

const READERS: Readonly<Record<string, Reader>> = {
  SelectStmt: (node, reading) => {
    const output = readQuery(node, NO_SCOPE, reading);
    return treeAt(node, 'intoClause') ? NO_ROWS : [output];
  },
  CopyStmt: readCopy,
  ExplainStmt: (node, reading) => {
    readColumns(node.query, reading);
    return PLAIN;
  },
  VariableShowStmt: () => PLAIN,
  PrepareStmt: (node, reading) => define(nameIn(node, 'name'), node, reading),
  DeclareCursorStmt: (node, reading) => define(nameIn(node, 'portalname'), node, reading),
  ExecuteStmt: (node, reading) => {
    // No columns can stand there, but functions can, and what is prepared may show what it is given.
    const given = hiddenIn(node.params, NO_SCOPE, reading);
    return given ? [[{ star: [opaque(reading.strictest)] }]] : behind(nameIn(node, 'name'), reading);
  },
  FetchStmt: (node, reading) => (node.ismove === true ? NO_ROWS : behind(nameIn(node, 'portalname'), reading)),
  CreateTableAsStmt: readCreateAs,
  ViewStmt: (node, reading) => {
    const names = listAt(node, 'aliases').map((each) => textAt(unwrap(each)?.node, 'sval') ?? '');
    for (const output of readColumns(node.query, reading))
      mustKeepNames(output, tableOf(treeAt(node, 'view')), names, 'CREATE VIEW', reading);
    return NO_ROWS;
  },
  CallStmt: (node, reading) => {
    const hidden = hiddenIn({ FuncCall: node.funccall }, NO_SCOPE, reading);
    reading.touch();
    if (hidden) return [[{ star: [opaque(hidden)] }]];
    return [[{ star: [tableSource(reading, [], [])] }]];
  },
  CreateStmt: (node, reading) => {
    const table = tableOf(treeAt(node, 'relation'));
    for (const each of listAt(node, 'tableElts')) readDefinition(each, table, reading);
    return NO_ROWS;
  },
  AlterTableStmt: readAlter,
  RenameStmt: readRename,
  AlterObjectSchemaStmt: (node, reading) => {
    const moved = tableOf(treeAt(node, 'relation'));
    if (reading.patterns.namesTable(moved) || showsHidden(moved, node, reading)) reading.deny(takesAway('SET SCHEMA'));
    return NO_ROWS;
  },
  VariableSetStmt: readSet,
  CreateForeignTableStmt: readForeign,
  ImportForeignSchemaStmt: readForeign,
};

/** What another server, or this one by another way, has under names that are not known here. */
function readForeign(_: Tree, reading: Reading): readonly Output[] {
  reading.deny(takesAway('A foreign table'));
  return NO_ROWS;
}

/** With some settings the same text is another statement. */
function readSet(node: Tree, reading: Reading): readonly Output[] {
  const facts = new StatementFacts();
  const kind = textAt(node, 'kind') ?? '';
  const first = unwrap(listAt(node, 'args')[0]);
  const value = first?.type === 'A_Const' ? textAt(treeAt(first.node, 'sval'), 'sval') : undefined;
  readSetting(textAt(node, 'name') ?? '', /RESET|DEFAULT/.test(kind) ? 'default' : value, facts);
  if (facts.doubt !== undefined) reading.deny(`Columns are masked here, and ${facts.doubt}`);
  return NO_ROWS;
}

function nameIn(node: Tree, key: string): string {
  return textAt(node, key) ?? '';
}

function define(name: string, node: Tree, reading: Reading): readonly Output[] {
  reading.named.define(name, readColumns(node.query, reading));
  return NO_ROWS;
}

/** Everything that was ever given this name: whether the last statement to do so ran is not known here. */
function behind(name: string, reading: Reading): readonly Output[] {
  reading.touch();
  return reading.named.of(name) ?? [[{ star: [opaque(reading.strictest)] }]];
}

/** COPY tells columns by their places alone. */
function readCopy(node: Tree, reading: Reading): readonly Output[] {
  hiddenIn(node.whereClause, NO_SCOPE, reading);
  const table = tableOf(treeAt(node, 'relation'));
  const names = listAt(node, 'attlist').map((each) => textAt(unwrap(each)?.node, 'sval') ?? '');
  if (node.is_from === true) {
    reading.read(reading.ofRow(table));
    return NO_ROWS;
  }
  const source = tableSource(reading, table, []);
  const rows = names.length === 0 ? [{ star: [source] }] : names.map((name) => ({ name, hidden: reading.read(source.column(name)) }));
  const outputs = node.query ? readColumns(node.query, reading) : [rows];
  const isElsewhere = node.is_program === true || textAt(node, 'filename') !== undefined;
  if (!isElsewhere) return outputs;
  for (const output of outputs) mustKeepNames(output.map(nameless), [], [], 'COPY to a file or a program', reading);
  return NO_ROWS;
}

function nameless(part: Output[number]): Output[number] {
  return 'star' in part ? part : { hidden: part.hidden };
}

function readCreateAs(node: Tree, reading: Reading): readonly Output[] {
  const into = treeAt(node, 'into');
  const names = listAt(into, 'colNames').map((each) => textAt(unwrap(each)?.node, 'sval') ?? '');
  const what = textAt(node, 'objtype') === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS';
  for (const output of readColumns(node.query, reading)) mustKeepNames(output, tableOf(treeAt(into, 'rel')), names, what, reading);
  return NO_ROWS;
}

/** A column that is computed from others: `GENERATED ALWAYS AS (lower(email))`, and `USING` of a change of its type. */
function readDefinition(value: unknown, table: readonly string[], reading: Reading, named?: string): void {
  const column = treeAt(isTree(value) ? value : undefined, 'ColumnDef');
  if (!column) return;
  const scope: Scope = { ...NO_SCOPE, relations: [{ alias: table.at(-1) ?? '', table, source: tableSource(reading, table, []) }] };
  const name = textAt(column, 'colname') ?? named ?? '';
  const hidden = hiddenIn([column.raw_default, ...listAt(column, 'constraints').map(generatedBy)], scope, reading);
  if (hidden && !reading.patterns.of(table, name)) reading.deny(takesAway(`The column ${name}`));
}

function generatedBy(value: unknown): unknown {
  const constraint = treeAt(isTree(value) ? value : undefined, 'Constraint');
  return textAt(constraint, 'contype') === 'CONSTR_GENERATED' ? constraint?.raw_expr : undefined;
}

function readAlter(node: Tree, reading: Reading): readonly Output[] {
  const table = tableOf(treeAt(node, 'relation'));
  for (const each of listAt(node, 'cmds')) {
    const command = treeAt(isTree(each) ? each : undefined, 'AlterTableCmd');
    const type = textAt(command, 'subtype') ?? '';
    const definition = unwrap(command?.def);
    if (type === 'AT_SetExpression')
      readDefinition({ ColumnDef: { colname: textAt(command, 'name'), raw_default: command?.def } }, table, reading);
    else readDefinition(command?.def, table, reading, textAt(command, 'name'));
    // What is read through a parent has the parent's name.
    const child = type === 'AT_AddInherit' ? table : type === 'AT_AttachPartition' ? tableOf(treeAt(definition?.node, 'name')) : undefined;
    if (child && reading.patterns.namesTable(child)) reading.deny(takesAway('A parent of this table'));
  }
  return NO_ROWS;
}

function readRename(node: Tree, reading: Reading): readonly Output[] {
  const { patterns } = reading;
  const table = tableOf(treeAt(node, 'relation'));
  const type = textAt(node, 'renameType') ?? '';
  const [from, to] = [textAt(node, 'subname') ?? '', textAt(node, 'newname') ?? ''];
  if (type === 'OBJECT_COLUMN' || type === 'OBJECT_ATTRIBUTE') {
    const isHidden = type === 'OBJECT_COLUMN' ? reading.ofColumn(table, from) : patterns.of([], from);
    if (isHidden && !patterns.of(table, to)) reading.deny(takesAway('RENAME COLUMN'));
  } else if (type === 'OBJECT_SCHEMA') {
    if (patterns.namesSchema(from)) reading.deny(takesAway('RENAME'));
  } else if (table.length > 0 && patterns.namesTable(table) && !patterns.namesTable([...table.slice(0, -1), to])) {
    reading.deny(takesAway('RENAME'));
  } else if (showsHidden(table, node, reading)) {
    // What shows hidden columns is known by the name that it has: of a text, what stands behind this would be read under another one.
    reading.deny(takesAway('RENAME'));
  }
  return NO_ROWS;
}

/** Which tables a domain is in, or all of a database has, does not stand there. */
function readScanned(tree: unknown, reading: Reading): void {
  const { tables } = readStatement(tree, reading.text).done('', false);
  if (tables.length === 0) reading.touch();
  for (const { name } of tables) reading.read(reading.ofRow(name.split('.')));
}

function callsHidden(tree: unknown, { text, known }: Reading): boolean {
  return [...readStatement(tree, text).functions].some((name) => known.routine(name.split('.'))?.row !== undefined);
}

/** Whether a view, a table with computed columns or a function shows hidden columns for what the target makes it of. */
function showsHidden(table: readonly string[], node: Tree, { known }: Reading): boolean {
  if (table.length > 0) return known.row(table) !== undefined;
  const routine = treeAt(treeAt(node, 'object'), 'ObjectWithArgs');
  const name = nameOf(listAt(routine, 'objname'));
  return name !== '' && known.routine(name.split('.'))?.row !== undefined;
}

/** What has a body shows, or keeps, what the body reads, under names that are not known here. */
function readBody(tree: unknown, reading: Reading): void {
  const facts = readStatement(tree, reading.text);
  if (facts.doubt !== undefined) {
    reading.deny(`Columns are masked here, and ${facts.doubt}`);
    return;
  }
  reading.touch();
  if (takesRow(tree, reading)) reading.deny(takesAway('A function of a row'));
  if (readsHidden(facts, reading)) reading.deny(takesAway('What has a body'));
}

/** Whether what runs in a body reads a hidden column, by the names that stand in it. */
export function readsHidden(facts: StatementFacts, { patterns, known }: Reading): boolean {
  const { columns = [], tables, functions } = facts.done('', true);
  const names = tables.map(({ name }) => name.split('.'));
  const hasRow = names.some((table) => patterns.ofRow(table) ?? known.row(table));
  const isHidden = (column: string): boolean =>
    patterns.of([], column) !== undefined || names.some((table) => known.column(table, column) !== undefined);
  const reads = columns.some(({ name, access }) => {
    const last = name.slice(name.lastIndexOf('.') + 1);
    return access === 'read' && (isHidden(last) || ((last === '*' || facts.aliases.has(name)) && hasRow));
  });
  return reads || functions.some((name) => known.routine(name.split('.'))?.row !== undefined);
}

/** Types that are no rows, as they are written. */
const PLAIN_TYPES =
  /^(pg_catalog\.\w+|text|name|date|uuid|jsonb?|xml|bytea|inet|cidr|macaddr8?|money|oid|reg\w+|timestamptz?|timetz?|int[248]|float[48]|bool|numeric|varchar|bpchar|char|trigger|event_trigger|void|\w+range|tsvector|tsquery|point|box|path|line|lseg|polygon|circle)$/;

/** A function of a row can be called as if it were a column of it: `u.f`. */
function takesRow(tree: unknown, reading: Reading): boolean {
  const created = treeAt(isTree(tree) ? tree : undefined, 'CreateFunctionStmt');
  return listAt(created, 'parameters').some((each) => {
    const parameter = treeAt(isTree(each) ? each : undefined, 'FunctionParameter');
    const names = nameOf(listAt(treeAt(parameter, 'argType'), 'names'));
    if (/^FUNC_PARAM_(OUT|TABLE)$/.test(textAt(parameter, 'mode') ?? '')) return false;
    return !PLAIN_TYPES.test(names) && reading.patterns.ofRow(names.split('.')) !== undefined;
  });
}
