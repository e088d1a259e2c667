/** What the quick reader of PostgreSQL knows of single words. */

/** Where a keyword of PostgreSQL may stand for a name; words that are not here may everywhere. */
type Keyword = 'reserved' | 'function' | 'column';

function keywords(kind: Keyword, words: string): readonly (readonly [string, Keyword])[] {
  return words
    .trim()
    .split(/\s+/)
    .map((word) => [word, kind] as const);
}

/** `reserved`: for no name; `function`: for those of functions and types only; `column`: not for those of functions and types. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ...keywords(
    'reserved',
    `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog
    current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false
    fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null
    offset on only or order placing primary references returning select session_user some symmetric system_user table then to
    trailing true union unique user using variadic when where window with`,
  ),
  ...keywords(
    'function',
    `authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like natural notnull
    outer overlaps right similar tablesample verbose`,
  ),
  ...keywords(
    'column',
    `between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int integer interval
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    least merge_action national nchar none normalize nullif numeric out overlay position precision real row setof smallint substring
    time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
    xmlroot xmlserialize xmltable`,
  ),
]);

/** Not the name of a column of an answer without AS before it, or more often something else. */
export const NO_LABEL = new Set(
  `day filter hour minute month over precision second varying within without year at escape operator uescape respect ignore
  set search cycle`.split(/\s+/),
);

/** Columns are called so, and nothing else is when neither a parenthesis nor a value follows. */
export const COLUMN_WORDS = new Set(['time', 'timestamp', 'interval', 'position', 'json']);

/** With one of these behind it a word like `time` begins a type of several words. */
export const TYPE_GOES_ON = new Set(['with', 'without', 'varying', 'precision', 'character', 'char', 'to']);

/** Types whose names are keywords, with nothing but a precision in parentheses behind them. */
export const PLAIN_TYPES = new Set('bigint boolean dec decimal float int integer json numeric real smallint'.split(' '));
export const TEXT_TYPES = new Set(['bit', 'char', 'character', 'national', 'nchar', 'varchar']);

/** Of an interval. */
export const FIELDS = new Set(['year', 'month', 'day', 'hour', 'minute', 'second']);

/** Values that look like names. */
export const VALUES_BY_NAME = new Set(
  'current_catalog current_date current_role current_time current_timestamp current_user localtime localtimestamp session_user user true false null'.split(
    ' ',
  ),
);

/** What looks like a call and calls nothing. */
export const LISTS = new Set(['coalesce', 'greatest', 'least', 'nullif', 'grouping', 'row']);

/** What TRIM calls. */
export const TRIMS: Readonly<Record<string, string>> = {
  both: 'pg_catalog.btrim',
  leading: 'pg_catalog.ltrim',
  trailing: 'pg_catalog.rtrim',
};

/** Of what operators are made. */
export const OPERATOR_SIGNS = new Set('+ - * / < > = ~ ! @ # % ^ & | ` ?'.split(' '));

/** What a query in parentheses begins with. */
export const QUERY_STARTS = new Set(['select', 'values', 'with', 'table']);

export const QUANTIFIERS = new Set(['any', 'some', 'all']);
export const SET_OPERATIONS = new Set(['union', 'intersect', 'except']);
export const JOINS = new Set(['join', 'left', 'right', 'full', 'inner', 'cross', 'natural']);
export const FRAMES = new Set(['range', 'rows', 'groups']);

export const TRANSACTION = /^(begin|commit|rollback|abort|end)( work| transaction)?$|^start transaction$/;
