import { type Output, QuerySource, type Source } from './output.ts';
import { derived, stricterOf, type Treatment } from './patterns.ts';
import type { Reading } from './reading.ts';

/** A source of rows with the names that it can be called by. */
export interface Relation {
  /** Its alias, or its own name; empty where it has none. */
  readonly alias: string;
  /** Of a table without an alias: its name with its schema, so that it can be called by both. */
  readonly table: readonly string[];
  readonly source: Source;
}

/** What can be named where an expression stands. */
export interface Scope {
  readonly relations: readonly Relation[];
  /** What the queries around this one have. */
  readonly parent: Scope | undefined;
  /** Names that a WITH gave. */
  readonly queries: ReadonlyMap<string, Output>;
}

export const NO_SCOPE: Scope = { relations: [], parent: undefined, queries: new Map() };

/** How a table's columns are hidden. `names` are an alias's own, for its first columns. */
export function tableSource(reading: Reading, table: readonly string[], names: readonly string[]): Source {
  const last = table.at(-1) ?? '';
  const isStatistics = STATISTICS.test(last);
  const row = isStatistics || STORAGE.test(last) ? reading.strictest : reading.ofRow(table);
  const own: Source = {
    column: (name) =>
      (isStatistics && STATISTIC_VALUES.test(name)) || STORAGE.test(last) ? reading.strictest : reading.ofColumn(table, name),
    has: () => undefined,
    row: () => row,
    table,
  };
  // Which column got which name is not known here.
  return names.length === 0 ? own : new QuerySource([...names.map((name) => ({ name, hidden: row })), { star: [own] }]);
}

/** Where servers keep samples of the values of columns. */
const STATISTICS =
  /^(pg_(stats|statistic)(_ext|_ext_exprs|_ext_data)?|column_statistics|column_stats|optimizer_trace|data_locks|innodb_locks|innodb_ft_index_(table|cache))$/;
const STATISTIC_VALUES = /^(most_common_|histogram|range_|stavalues|stxd|min_value|max_value|trace$|lock_data$|word$)/;

/** Where PostgreSQL keeps long values of tables. */
const STORAGE = /^pg_toast_\d+$/;

/** How the value behind a name is hidden, as far as it is a column's own value; what is made of one shows less. */
export interface Found {
  readonly hidden: Treatment | undefined;
  /** It is one column as it is. */
  readonly isColumn: boolean;
}

/** A name without a table: a column of any relation in reach, or a whole row of one. */
export function resolveName(name: string, scope: Scope, reading: Reading): Found {
  let hidden: Treatment | undefined;
  let isColumn = true;
  let seen = false;
  for (let here: Scope | undefined = scope; here; here = here.parent) {
    let isSure = false;
    for (const { alias, source } of here.relations) {
      seen = true;
      const has = source.has(name);
      hidden = stricterOf(hidden, source.column(name));
      if (has === true) isSure = true;
      else if (alias === name) {
        hidden = stricterOf(hidden, derived(source.row()));
        isColumn = false;
      }
    }
    if (isSure) break;
  }
  if (!seen) hidden = reading.patterns.of([], name);
  return { hidden: reading.read(hidden), isColumn };
}

/** `u.email`, `hr.users.email`; also `u.f`, which is the same as `f(u)` where `u` has no column `f`. */
export function resolveQualified(parts: readonly string[], scope: Scope, reading: Reading): Found {
  const column = parts.at(-1) ?? '';
  const source = sourceOf(parts.slice(0, -1), scope);
  // An alias that was not seen may be one of any table.
  if (!source) return { hidden: reading.read(reading.patterns.of([], column)), isColumn: true };
  const called = reading.known.takesRow(column) ? reading.known.routine([column]) : undefined;
  const isCall = source.has(column) === false || ROW_FUNCTIONS.has(column) || called !== undefined;
  const given = stricterOf(source.column(column), isCall ? derived(source.row()) : undefined);
  const hidden = stricterOf(given, derived(called?.row));
  return { hidden: reading.read(hidden), isColumn: !isCall };
}

/** Functions that take any row and show it, aggregates of PostgreSQL 18 among them. */
const ROW_FUNCTIONS = new Set(
  `row_to_json to_json to_jsonb json_build_array jsonb_build_array json_build_object jsonb_build_object json_agg jsonb_agg json_agg_strict
  jsonb_agg_strict array_agg any_value min max mode lag lead first_value last_value concat format quote_literal quote_nullable record_out
  record_send hstore hash_record num_nulls num_nonnulls`.split(/\s+/),
);

/** What `u` or `hr.users` is in `u.*`; undefined when nothing in reach is called so. */
export function sourceOf(name: readonly string[], scope: Scope): Source | undefined {
  for (let here: Scope | undefined = scope; here; here = here.parent) {
    const found = here.relations.filter((relation) => isCalled(relation, name)).map(({ source }) => source);
    const [first] = found;
    if (found.length === 1) return first;
    // A name twice: of tables in two schemas. The stricter one counts.
    if (found.length > 1) return new QuerySource([{ star: found }]);
  }
  // MySQL puts a schema in front of aliases, too, where it writes down a view.
  return name.length > 1 ? sourceOf(name.slice(-1), scope) : undefined;
}

function isCalled({ alias, table }: Relation, name: readonly string[]): boolean {
  if (name.length === 1) return alias === name[0];
  return table.length > 0 && name.every((part, index) => (table.at(index - name.length) ?? part) === part);
}

/** Whether a table is one that only this query knows. */
export function queryNamed(name: string, scope: Scope): Output | undefined {
  return scope.queries.get(name);
}
