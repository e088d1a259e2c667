import { type Access, Doubt, type Effect, StatementFacts } from '../facts.ts';
import { isAlwaysTrue, readsNoColumn } from './condition.ts';
import { readForeign } from './foreign.ts';
import { BODY_DEPTH, readDefinition, readDo, readSqlText } from './routine.ts';
import { isSetting, readSetting } from './settings.ts';
import { textsRunBy } from './text-runners.ts';
import { constantText, DEPTH_MAX, isTree, listAt, nameOf, rangeName, type Tree, textAt, treeAt, unwrap } from './tree.ts';
import { effectOfUtility } from './utility.ts';

/** What holds where a node stands. */
export interface Place {
  readonly facts: StatementFacts;
  /** Names that a WITH gave: they are no tables. */
  readonly names: ReadonlySet<string>;
  /** What is done with a relation that is named here. */
  readonly access: Access;
  /** The text of the statement that is being read, for what has a body. */
  readonly text: string;
  /** How deep the reading is just now; one for all places of a statement. */
  readonly level: { depth: number };
}

/** Reads one statement of the tree. @throws Doubt when it is nested too deeply */
export function readStatement(tree: unknown, text: string, depth = 0, withNames = true): StatementFacts {
  const facts = new StatementFacts(withNames);
  visit(tree, { facts, names: new Set(), access: 'read', text, level: { depth } });
  return facts;
}

/** The same of one expression of a statement, whose WITH gave these names. @throws Doubt */
export function readPart(tree: unknown, names: ReadonlySet<string>): StatementFacts {
  const facts = new StatementFacts(false);
  visit(tree, { facts, names, access: 'read', text: '', level: { depth: PART_DEPTH } });
  return facts;
}

/** How deep a part may stand in what is read by others. */
const PART_DEPTH = DEPTH_MAX / 2;

/** Anything: a list, a node with its type, or one without. */
export function visit(value: unknown, place: Place): void {
  if (typeof value !== 'object' || value === null) return;
  const { level } = place;
  if (++level.depth > DEPTH_MAX) throw new Doubt('it is nested too deeply');
  if (Array.isArray(value)) {
    for (const each of value) visit(each, place);
  } else if (isTree(value)) {
    for (const key in value) {
      const child = value[key];
      if (typeof child === 'object' && child !== null) visitChild(key, child, place);
    }
  }
  level.depth--;
}

function visitChild(key: string, child: object, place: Place): void {
  const reader = readerOf(key);
  if (reader === undefined || !isTree(child)) visit(child, place);
  else reader(child, place);
}

/** There is nothing in constants. */
const EMPTY = ['String', 'Integer', 'Float', 'Boolean', 'BitString', 'A_Const', 'A_Star', 'ParamRef'];

function readerOf(key: string): Reader | undefined {
  const known = KNOWN_READERS.get(key);
  if (known !== undefined) return known;
  if (!key.endsWith('Stmt')) return undefined;
  const reader: Reader = (node, place) => readUtility(key, node, place);
  // There are some two hundred types of statements.
  KNOWN_READERS.set(key, reader);
  return reader;
}

const READ_NOTHING: Reader = () => undefined;

/** A relation without its type around it; under the same name there may be one with it. */
const readBareRelation: Reader = (node, place) => {
  if ('relname' in node) readRelation(node, place);
  else visit(node, place);
};

const readBareFunction: Reader = (node, place) => {
  if ('objname' in node) place.facts.calls(nameOf(listAt(node, 'objname')));
  else visit(node, place);
};

type Reader = (node: Tree, place: Place) => void;

const READERS: Readonly<Record<string, Reader>> = {
  SelectStmt: readSelect,
  InsertStmt: readInsert,
  UpdateStmt: (node, place) => readChange('update', node, place),
  DeleteStmt: (node, place) => readChange('delete', node, place),
  MergeStmt: readMerge,
  CopyStmt: readCopy,
  ExplainStmt: readExplain,
  PrepareStmt: (node, place) => {
    place.facts.does('prepare');
    visit(node.query, place);
  },
  ExecuteStmt: (_, { facts }) => {
    facts.does('execute');
    facts.doubts('EXECUTE runs what was prepared before, which does not stand here');
  },
  DoStmt: (node, { facts, level }) => readDo(node, facts, level.depth),
  CreateFunctionStmt: (node, place) => {
    place.facts.does('create');
    readDefinition(node, place.text, place.facts, place.level.depth);
    visit({ sql_body: node.sql_body, parameters: node.parameters, settings: listAt(node, 'options').filter(isSetting) }, place);
  },
  VariableSetStmt: readSet,
  FuncCall: readCall,
  RangeVar: readRelation,
  ColumnRef: (node, { facts }) => {
    if (facts.withNames) facts.column(columnName(listAt(node, 'fields')), 'read');
  },
  A_Indirection: (node, place) => {
    // `(u).email`, `$1.email`: a column of a row.
    for (const step of listAt(node, 'indirection')) {
      const field = textAt(treeAt(isTree(step) ? step : undefined, 'String'), 'sval');
      if (field !== undefined) place.facts.column(field, 'read');
    }
    visit({ arg: node.arg, indirection: node.indirection }, place);
  },
  // Its name has no type around it.
  CreateOpClassItem: (node, place) => visit({ ObjectWithArgs: node.name, rest: { ...node, name: undefined } }, place),
  ObjectWithArgs: (node, place) => {
    place.facts.calls(nameOf(listAt(node, 'objname')));
    visit(node.objargs, place);
  },
};

/** Readers by what stands before what they read; those of statements are added as they are met. */
const KNOWN_READERS = new Map<string, Reader>([
  ...Object.entries(READERS),
  ...['relation', 'rel', 'view', 'sequence', 'pktable'].map((key) => [key, readBareRelation] as const),
  // Of two sides that are combined neither has its type around it; of a join both do, and are taken for queries too.
  ...['larg', 'rarg'].map((key) => [key, readSelect] as const),
  ['func', readBareFunction],
  ...EMPTY.map((key) => [key, READ_NOTHING] as const),
]);

/** A SELECT, with what its WITH, its INTO and its parts do. Also what VALUES and TABLE are. */
function readSelect(node: Tree, place: Place): void {
  const { facts } = place;
  facts.does('select');
  const into = treeAt(treeAt(node, 'intoClause'), 'rel');
  if (into) {
    facts.does('create', 'select_into');
    facts.table(rangeName(into), 'write');
  }
  const inside = withNames(node, { ...place, access: 'read' });
  const { withClause, intoClause, ...rest } = node;
  visit(rest, inside);
}

/**
 * The names that a WITH gives, after what is behind them was read. Without RECURSIVE a name is known only behind its own definition:
 * `WITH users AS (SELECT * FROM users)` reads the table.
 */
function withNames(node: Tree, place: Place): Place {
  const clause = treeAt(node, 'withClause');
  if (!clause) return place;
  const tables = listAt(clause, 'ctes').flatMap((each): readonly Tree[] => {
    const table = treeAt(isTree(each) ? each : undefined, 'CommonTableExpr');
    return table ? [table] : [];
  });
  const names = new Set(place.names);
  if (clause.recursive === true) for (const table of tables) names.add(textAt(table, 'ctename') ?? '');
  for (const table of tables) {
    const query = table.ctequery;
    const type = unwrap(query)?.type ?? '';
    if (type !== 'SelectStmt') place.facts.does('data_modifying_cte');
    visit(query, { ...place, names: new Set(names) });
    names.add(textAt(table, 'ctename') ?? '');
  }
  return { ...place, names };
}

/** `users.email`, `users.*`, `*`. */
function columnName(fields: readonly unknown[]): string {
  const isStar = unwrap(fields.at(-1))?.type === 'A_Star';
  return [nameOf(fields), isStar ? '*' : ''].filter((part) => part !== '').join('.');
}

function readRelation(node: Tree, { facts, names, access }: Place): void {
  const name = rangeName(node);
  if (facts.withNames) facts.aliases.add(textAt(treeAt(node, 'alias'), 'aliasname') ?? textAt(node, 'relname') ?? '');
  if (access === 'read' && textAt(node, 'schemaname') === undefined && names.has(name)) return;
  facts.table(name, access);
}

function readTarget(node: Tree, facts: StatementFacts, ...access: readonly Access[]): string {
  const relation = treeAt(node, 'relation');
  const name = relation ? rangeName(relation) : '';
  for (const each of access) facts.table(name, each);
  return name;
}

function readColumns(list: readonly unknown[], facts: StatementFacts): void {
  for (const each of list) {
    const name = textAt(treeAt(isTree(each) ? each : undefined, 'ResTarget'), 'name');
    if (name !== undefined) facts.column(name, 'write');
  }
}

function readInsert(node: Tree, place: Place): void {
  const { facts } = place;
  facts.does('insert');
  const inside = withNames(node, { ...place, access: 'read' });
  const conflict = treeAt(node, 'onConflictClause');
  const changes = textAt(conflict, 'action') === 'ONCONFLICT_UPDATE';
  if (changes) facts.does('update');
  const returns = listAt(node, 'returningList').length > 0 || treeAt(node, 'returningClause') !== undefined;
  readTarget(node, facts, 'write', ...(returns || changes ? (['read'] as const) : []));
  readColumns(listAt(node, 'cols'), facts);
  const { withClause, relation, cols, selectStmt, ...rest } = node;
  const source = unwrap(selectStmt);
  // Rows that stand there are part of the INSERT; a query is one of its own.
  if (source?.type === 'SelectStmt' && listAt(source.node, 'valuesLists').length > 0) {
    const { withClause: own, ...values } = source.node;
    visit(values, withNames(source.node, inside));
  } else visit(selectStmt, inside);
  // `INSERT INTO t (a[f(1)])`: a place in an array may be worked out.
  visit(cols, inside);
  visit(rest, inside);
}

function readChange(effect: 'update' | 'delete', node: Tree, place: Place): void {
  const { facts } = place;
  facts.does(effect);
  if (isAlwaysTrue(node.whereClause)) facts.does(`${effect}_without_where`);
  const inside = withNames(node, { ...place, access: 'read' });
  readTarget(node, facts, 'write', 'read');
  if (effect === 'update') readColumns(listAt(node, 'targetList'), facts);
  const { withClause, relation, ...rest } = node;
  visit(rest, inside);
}

const MERGE_EFFECTS: Readonly<Record<string, 'update' | 'delete' | 'insert'>> = {
  CMD_UPDATE: 'update',
  CMD_DELETE: 'delete',
  CMD_INSERT: 'insert',
};

function readMerge(node: Tree, place: Place): void {
  const { facts } = place;
  facts.does('merge');
  const isEvery = isAlwaysTrue(node.joinCondition);
  // `ON false`: then no row has a partner.
  const isNone = readsNoColumn(node.joinCondition);
  for (const each of listAt(node, 'mergeWhenClauses')) {
    const clause = treeAt(isTree(each) ? each : undefined, 'MergeWhenClause');
    const effect = MERGE_EFFECTS[textAt(clause, 'commandType') ?? ''];
    if (effect) facts.does(effect);
    const isBySource = textAt(clause, 'matchKind') === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE';
    const isOpen = (isBySource ? isNone || isEvery : isEvery) && isAlwaysTrue(clause?.condition);
    if (isOpen && (effect === 'update' || effect === 'delete')) facts.does(`${effect}_without_where`);
  }
  const inside = withNames(node, { ...place, access: 'read' });
  readTarget(node, facts, 'write', 'read');
  const { withClause, relation, ...rest } = node;
  visit(rest, inside);
}

function readCopy(node: Tree, place: Place): void {
  const { facts } = place;
  const isFrom = node.is_from === true;
  facts.does('copy', isFrom ? 'insert' : 'select');
  if (node.is_program === true) facts.does('program', 'copy_program');
  else if (textAt(node, 'filename') !== undefined) facts.does(isFrom ? 'file_read' : 'file_write');
  if (treeAt(node, 'relation')) readTarget(node, facts, isFrom ? 'write' : 'read');
  const { relation, ...rest } = node;
  visit(rest, place);
}

/** Without ANALYZE nothing runs: what the statement would change is only looked at. */
function readExplain(node: Tree, place: Place): void {
  const { facts } = place;
  facts.does('explain');
  const inner = new StatementFacts();
  visit(node.query, { ...place, facts: inner });
  const runs = listAt(node, 'options').some((each) => {
    const option = treeAt(isTree(each) ? each : undefined, 'DefElem');
    return textAt(option, 'defname')?.toLowerCase() === 'analyze' && !isOff(option?.arg);
  });
  if (runs) facts.include(inner);
  else {
    facts.does('select');
    facts.includeUses(inner, 'read');
  }
}

function isOff(argument: unknown): boolean {
  const found = unwrap(argument);
  const text = textAt(found?.node, 'sval') ?? constantText(argument);
  if (text !== undefined) return /^(false|off|no|n|f|0)$/i.test(text);
  if (found?.type === 'Boolean') return found.node.boolval !== true;
  return found?.type === 'Integer' && (found.node.ival ?? 0) === 0;
}

function readSet(node: Tree, place: Place): void {
  const name = textAt(node, 'name') ?? '';
  const kind = textAt(node, 'kind') ?? '';
  const first = unwrap(listAt(node, 'args')[0]);
  const value = first?.type === 'A_Const' ? textAt(treeAt(first.node, 'sval'), 'sval') : undefined;
  readSetting(name, kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL' || kind === 'VAR_SET_DEFAULT' ? 'default' : value, place.facts);
  visit(node.args, place);
}

function readCall(node: Tree, place: Place): void {
  const { facts } = place;
  const name = nameOf(listAt(node, 'funcname'));
  const bare = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  facts.calls(name);
  const given = listAt(node, 'args');
  if (bare === 'set_config') {
    const setting = constantText(given[0]);
    if (setting === undefined) facts.doubts('set_config changes a setting whose name does not stand here');
    else readSetting(setting, constantText(given[1]), facts);
  }
  const texts = bare === 'ts_rewrite' && given.length === 3 ? undefined : textsRunBy(name);
  if (texts) readTexts(bare, given, texts, place);
  const { funcname, ...rest } = node;
  visit(rest, place);
}

function readTexts(name: string, given: readonly unknown[], places: readonly number[], { facts, level }: Place): void {
  // A name in front of an argument puts it anywhere.
  const isNamed = given.some((each) => unwrap(each)?.type === 'NamedArgExpr');
  if (places.length === 0 || isNamed) facts.doubts(`${name} runs a text that cannot be read here`);
  for (const place of isNamed ? [] : places) {
    const argument = given.at(place);
    const text = constantText(argument);
    if (text !== undefined) facts.include(readSqlText(text, level.depth + BODY_DEPTH));
    else if (argument !== undefined && !isNumber(argument)) facts.doubts(`${name} runs a text that cannot be read here`);
  }
}

function isNumber(value: unknown): boolean {
  const found = unwrap(value);
  return found?.type === 'A_Const' && treeAt(found.node, 'ival') !== undefined;
}

/** What has no reader of its own: statements that define, allow, maintain. */
function readUtility(type: string, node: Tree, place: Place): void {
  const { facts } = place;
  const effects: readonly Effect[] = effectOfUtility(type, node);
  facts.does(...effects);
  if (type === 'CallStmt') {
    visit(node.funccall === undefined ? node : { FuncCall: node.funccall }, place);
    return;
  }
  for (const each of ['funcname', 'plhandler', 'handler_name']) {
    const name = nameOf(listAt(node, each));
    if (name !== '') facts.calls(name);
  }
  if (type === 'DefineStmt') readDefined(node, facts);
  readForeign(node, facts);
  const setting = treeAt(node, 'setstmt');
  if (setting) readSet(setting, place);
  if (type === 'DropStmt' || type === 'RenameStmt' || type === 'AlterOwnerStmt') readDropped(node, facts);
  const { setstmt, objects, object, ...rest } = node;
  visit(type === 'DropStmt' ? rest : { ...rest, objects, object }, { ...place, access: 'write' });
}

/** `DROP TABLE a, b`: lists of name parts. */
function readDropped(node: Tree, facts: StatementFacts): void {
  if (!/^OBJECT_(TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE|INDEX|SCHEMA)$/.test(textAt(node, 'removeType') ?? '')) return;
  for (const each of listAt(node, 'objects')) {
    const list = unwrap(each);
    if (list?.type === 'List') facts.table(nameOf(listAt(list.node, 'items')), 'write');
    else if (list?.type === 'String') facts.table(textAt(list.node, 'sval') ?? '', 'write');
  }
}

/** An aggregate or an operator calls the functions that it is made of, under its own name. */
function readDefined(node: Tree, facts: StatementFacts): void {
  for (const each of listAt(node, 'definition')) {
    const option = treeAt(isTree(each) ? each : undefined, 'DefElem');
    const type = unwrap(option?.arg);
    if (type?.type === 'TypeName') facts.calls(nameOf(listAt(type.node, 'names')));
  }
}
