/** What the quick reader of PostgreSQL knows of single words. */

/** Words that may stand before a parenthesis without calling it. */
export const GROUPS = new Set(
  'in and or not on where when then else case having by any some all exists coalesce nullif greatest least row between like ilike is select distinct from join using limit offset except union intersect values set returning = < >'.split(
    ' ',
  ),
);

/** Words of which only the parser knows what comes of them. */
const HARD = new Set(
  `with into for lateral tablesample window over filter within rows range table cast extract substring position trim overlay treat
  normalize normalized collation grouping rollup cube sets array row at similar overlaps escape operator variadic ordinality
  recursive materialized merge update delete insert create alter drop truncate grant revoke copy do call execute prepare explain
  analyze only json document unknown fetch varying precision zone symmetric asymmetric isnull notnull default overriding conflict
  double char character varchar nchar national numeric decimal dec float bit time timestamp interval setof
  current_schema current_catalog`.split(/\s+/),
);

/** Of these the prefix is enough. */
const HARD_PREFIX = /^(xml|json_|current_t|localt|merge_)/;

export const CLAUSES = new Set(['group', 'order', 'having', 'limit', 'offset']);
export const SET_OPERATIONS = new Set(['union', 'intersect', 'except']);
export const JOINS = new Set(['join', 'left', 'right', 'full', 'inner', 'outer', 'cross', 'natural']);

export const TRANSACTION = /^(begin|commit|rollback|abort|end)( work| transaction)?$|^start transaction$/;

export const PLAIN_SYMBOLS = new Set('. * = < > + - / % : [ ] | ! ~'.split(' '));
export const OPENS = new Set([
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
export const RESERVED = new Set([
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

/** Only the parser knows what comes of it. */
export function isHard(word: string): boolean {
  return HARD.has(word) || HARD_PREFIX.test(word);
}

/** Of the types that people name in a cast, those whose names are no function's, or are in parentheses for another reason. */
export const TYPES = new Set(
  `int int2 int4 int8 integer bigint smallint text varchar char bpchar numeric decimal real float4 float8 bool boolean date timestamp
  timestamptz time timetz interval json jsonb uuid bytea name oid regclass inet`.split(/\s+/),
);

/** A string behind one of these is a value of that type. */
export const BEFORE_STRING = new Set(['timestamp', 'time', 'interval']);

/** Values that look like names. With a precision they are left to the parser. */
export const CLOCKS = new Set(['current_timestamp', 'current_time', 'localtime', 'localtimestamp']);

/** Of a window: what there is beside expressions. */
export const WINDOW_WORDS = new Set(
  'partition by order rows range groups between and unbounded preceding following current row exclude no others ties'.split(' '),
);

export const TRIMS = new Set(['both', 'leading', 'trailing']);
