import { StatementFacts } from '../../sql/facts.ts';
import { readSetting } from '../../sql/postgres/settings.ts';
import { textsRunBy, WRITES_TEXT } from '../../sql/postgres/text-runners.ts';
import { constantText, isTree, listAt, nameOf, type Tree, textAt, treeAt, unwrap } from '../../sql/postgres/tree.ts';
import { rowOf } from '../output.ts';
import { derived, stricterOf, type Treatment } from '../patterns.ts';
import { type Reading, takesAway } from '../reading.ts';
import { type Found, resolveName, resolveQualified, type Scope, sourceOf } from '../scope.ts';
import { readQuery } from './queries.ts';

const NOTHING: Found = { hidden: undefined, isColumn: false };

/** How the value of an expression has to be hidden. */
export function hiddenIn(value: unknown, scope: Scope, reading: Reading): Treatment | undefined {
  const { hidden, isColumn } = readExpression(value, scope, reading);
  return isColumn ? hidden : derived(hidden);
}

/** The same, with whether it is a column as it is: what is made of one shows less than the column would. */
function readExpression(value: unknown, scope: Scope, reading: Reading): Found {
  if (typeof value !== 'object' || value === null) return NOTHING;
  reading.step();
  if (Array.isArray(value)) return { hidden: allOf(value, scope, reading), isColumn: false };
  if (!isTree(value)) return NOTHING;
  const found = unwrap(value);
  const reader = found && Object.hasOwn(READERS, found.type) ? READERS[found.type] : undefined;
  if (found && reader) return reader(found.node, scope, reading);
  // A node without a type of its own has its parts at once.
  return { hidden: allOf(Object.values(value), scope, reading), isColumn: false };
}

function allOf(values: readonly unknown[], scope: Scope, reading: Reading): Treatment | undefined {
  return values.reduce<Treatment | undefined>((most, each) => stricterOf(most, hiddenIn(each, scope, reading)), undefined);
}

type Reader = (node: Tree, scope: Scope, reading: Reading) => Found;

const READERS: Readonly<Record<string, Reader>> = {
  ColumnRef: (node, scope, reading) => readColumn(namesOf(node), scope, reading),
  A_Expr: (node, scope, reading) => {
    const { name, ...operands } = node;
    const made = reading.known.operator(nameOf(listAt(node, 'name').slice(-1)));
    return { hidden: stricterOf(allOf(Object.values(operands), scope, reading), reading.read(made)), isColumn: false };
  },
  FuncCall: (node, scope, reading) => ({ hidden: readCall(node, scope, reading), isColumn: false }),
  SubLink: (node, scope, reading) => ({ hidden: readSubquery(node, scope, reading), isColumn: false }),
  SelectStmt: (node, scope, reading) => ({ hidden: rowOf(readQuery(node, scope, reading)), isColumn: false }),
  A_Indirection: readIndirection,
  TypeCast: readCast,
  CollateClause: (node, scope, reading) => readExpression(node.arg, scope, reading),
  // Whether there is a value is no value. What is asked about is read for what it does.
  NullTest: (node, scope, reading) => {
    readExpression(node.arg, scope, reading);
    return NOTHING;
  },
  MultiAssignRef: (node, scope, reading) => ({ hidden: hiddenIn(node.source, scope, reading), isColumn: false }),
  GroupingFunc: () => NOTHING,
  WindowDef: (node, scope, reading) => {
    allOf(Object.values(node), scope, reading);
    return NOTHING;
  },
};

/** The parts of a name; `*` for a star. */
export function namesOf(column: Tree): readonly string[] {
  return listAt(column, 'fields').map((field) => (isTree(field) ? (textAt(treeAt(field, 'String'), 'sval') ?? '*') : '*'));
}

function readColumn(names: readonly string[], scope: Scope, reading: Reading): Found {
  const last = names.at(-1) ?? '';
  if (last === '*') {
    const row =
      names.length === 1 ? rowOf([{ star: scope.relations.map(({ source }) => source) }]) : rowNamed(names.slice(0, -1), scope, reading);
    return { hidden: reading.read(row), isColumn: false };
  }
  return names.length === 1 ? resolveName(last, scope, reading) : resolveQualified(names, scope, reading);
}

function rowNamed(name: readonly string[], scope: Scope, reading: Reading): Treatment | undefined {
  const source = sourceOf(name, scope);
  return source ? source.row() : reading.patterns.ofRow([]);
}

/** What only counts or numbers rows: it shows nothing of what it counts. */
const COUNTS = /^(count|row_number|rank|dense_rank|percent_rank|cume_dist|ntile|pg_typeof)$/;

/** What reads what it is not given as an argument, beside the functions that run a text. */
const READS_STORAGE =
  /^(pg_read_file|pg_read_binary_file|get_raw_page|heap_page_items|heap_page_item_attrs|tuple_data_split|lo_get|loread|bt_page_items|brin_page_items|gin_leafpage_items|pg_get_wal_.*|pg_logical_slot_(get|peek)_.*)$/;

/** What keeps or sends on what it is given. */
const KEEPS =
  /^(set_config|pg_notify|lo_from_bytea|lo_put|lowrite|dblink.*|pg_logical_emit_message|pg_file_write|setval|pg_create_restore_point|pg_replication_origin_.*|pg_stat_.*|pg_advisory_.*|http_.*|http|xpath_table)$/;

function readCall(node: Tree, scope: Scope, reading: Reading): Treatment | undefined {
  const called = reading.known.routine(nameOf(listAt(node, 'funcname')).split('.'));
  return stricterOf(givenTo(node, scope, reading), reading.read(derived(called?.row)));
}

/** What a function may give of what it is given. */
export function givenTo(node: Tree, scope: Scope, reading: Reading): Treatment | undefined {
  const name = nameOf(listAt(node, 'funcname'));
  const bare = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const { funcname, args, agg_filter, agg_order, over, ...rest } = node;
  // They decide which rows count, and in which order; still, what is in them runs.
  allOf([agg_filter, over], scope, reading);
  const order = hiddenIn(agg_order, scope, reading);
  const given = allOf([args, rest], scope, reading);
  const all = node.agg_within_group === true ? stricterOf(given, order) : given;
  if (all && KEEPS.test(bare)) reading.deny(takesAway(`${bare}()`));
  if (bare === 'set_config') readSetConfig(listAt(node, 'args'), reading);
  if (textsRunBy(name) && WRITES_TEXT.test(bare)) reading.deny(`Columns are masked here, and ${bare} runs a text elsewhere or later`);
  if (READS_STORAGE.test(bare) || textsRunBy(name)) return reading.read(reading.strictest);
  const isOrdered = node.agg_within_group === true;
  return COUNTS.test(bare) && !(isOrdered && bare === 'count') ? undefined : all;
}

/** A setting with which the same text is another statement. */
function readSetConfig([name, value]: readonly unknown[], reading: Reading): void {
  const facts = new StatementFacts();
  const setting = constantText(name);
  if (setting === undefined) reading.deny('Columns are masked here, and set_config changes a setting whose name does not stand here');
  else readSetting(setting, constantText(value), facts);
  if (facts.doubt !== undefined) reading.deny(`Columns are masked here, and ${facts.doubt}`);
}

function readSubquery(node: Tree, scope: Scope, reading: Reading): Treatment | undefined {
  const query = unwrap(node.subselect);
  const rows = query?.type === 'SelectStmt' ? rowOf(readQuery(query.node, scope, reading)) : undefined;
  const compared = hiddenIn(node.testexpr, scope, reading);
  return textAt(node, 'subLinkType') === 'EXISTS_SUBLINK' ? undefined : stricterOf(rows, compared);
}

/** `(u).email`, `(f(x)).email`, `a[1]`. */
function readIndirection(node: Tree, scope: Scope, reading: Reading): Found {
  const steps = listAt(node, 'indirection');
  const fields = steps.map((step) => textAt(treeAt(isTree(step) ? step : undefined, 'String'), 'sval'));
  const indexed = allOf(
    steps.filter((step) => unwrap(step)?.type === 'A_Indices'),
    scope,
    reading,
  );
  const inner = unwrap(node.arg);
  const [first] = fields;
  if (inner?.type === 'ColumnRef' && first !== undefined && fields.length === 1 && sourceOf(namesOf(inner.node), scope))
    return readColumn([...namesOf(inner.node), first], scope, reading);
  const hidden = stricterOf(hiddenIn(node.arg, scope, reading), indexed);
  // A row of which nothing is known: its fields are known by their names alone.
  const named = fields.reduce<Treatment | undefined>(
    (most, field) => (field === undefined ? most : stricterOf(most, reading.patterns.of([], field))),
    undefined,
  );
  return { hidden: reading.read(stricterOf(hidden, named)), isColumn: false };
}

/** As text a value is what it is; as anything else, or cut, it is made of it. */
function readCast(node: Tree, scope: Scope, reading: Reading): Found {
  const found = readExpression(node.arg, scope, reading);
  const type = treeAt(node, 'typeName');
  const made = reading.known.cast(nameOf(listAt(type, 'names').slice(-1)));
  if (made) return { hidden: reading.read(stricterOf(derived(found.hidden), made)), isColumn: false };
  const isText = TEXTS.has(nameOf(listAt(type, 'names')).replace(/^pg_catalog\./, '')) && listAt(type, 'typmods').length === 0;
  return isText ? found : { hidden: found.hidden, isColumn: false };
}

const TEXTS = new Set(['text', 'varchar']);

/** What a column of a query is called that has no name given, as `FigureColname` of PostgreSQL's parse_target.c makes it; undefined where that is not known here. */
export function nameOfExpression(value: unknown): string | undefined {
  const found = unwrap(value);
  switch (found?.type) {
    case 'ColumnRef':
      return namesOf(found.node).at(-1);
    case 'FuncCall':
      // Servers name what has a syntax of its own, such as EXTRACT, after functions that changed from one version to another.
      if (textAt(found.node, 'funcformat') === 'COERCE_SQL_SYNTAX') return undefined;
      return nameOf(listAt(found.node, 'funcname').slice(-1));
    case 'A_Indirection': {
      const field = listAt(found.node, 'indirection')
        .map((step) => textAt(treeAt(isTree(step) ? step : undefined, 'String'), 'sval'))
        .findLast((each) => each !== undefined);
      return field ?? nameOfExpression(found.node.arg);
    }
    case 'CollateClause':
      return nameOfExpression(found.node.arg);
    case 'TypeCast': {
      const inner = unwrap(found.node.arg)?.type ?? '';
      const type = listAt(treeAt(found.node, 'typeName'), 'names').slice(-1);
      return STRONG.has(inner) ? nameOfExpression(found.node.arg) : WEAK.has(inner) ? nameOf(type) : undefined;
    }
    case 'A_Expr':
      return textAt(found.node, 'kind') === 'AEXPR_NULLIF' ? 'nullif' : '?column?';
    case 'A_Const':
    case 'BoolExpr':
    case 'NullTest':
    case 'ParamRef':
      return '?column?';
    default:
      return found === undefined ? undefined : WORDS[found.type];
  }
}

/** What gives its name through a cast, and what does not. */
const STRONG = new Set(['ColumnRef', 'FuncCall', 'A_Indirection', 'CoalesceExpr', 'RowExpr', 'A_ArrayExpr']);
const WEAK = new Set(['A_Const', 'ParamRef', 'BoolExpr', 'NullTest']);

const WORDS: Readonly<Record<string, string>> = { CoalesceExpr: 'coalesce', RowExpr: 'row', A_ArrayExpr: 'array' };
