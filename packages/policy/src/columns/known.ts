import { type Output, opaque } from './output.ts';
import type { Treatment } from './patterns.ts';

/** What is known of the target beside its names: which of its views, columns and routines show hidden columns. */
export interface Known {
  /** How a column is hidden for what it is made of; `table` as far as a statement says it. */
  column(table: readonly string[], name: string): Treatment | undefined;
  /** What a whole row may have in it for that. */
  row(table: readonly string[]): Treatment | undefined;
  /** What a call gives; undefined where nothing of the users' own is called so. */
  routine(name: readonly string[]): RoutineResult | undefined;
  /** What an operator that people made shows. */
  operator(name: string): Treatment | undefined;
  /** The same of a cast to a type. */
  cast(type: string): Treatment | undefined;
  /** Whether `u.name` may be the call of a routine. */
  takesRow(name: string): boolean;
}

/** What a routine gives. */
export interface RoutineResult {
  readonly output: Output;
  /** What anything of it may have in it. */
  readonly row: Treatment | undefined;
}

/** Of a routine whose columns cannot be told from each other: whatever it gives is hidden so. */
export function anythingHidden(hidden: Treatment | undefined): RoutineResult {
  return { output: [{ star: [opaque(hidden)] }], row: hidden };
}

/** Where nobody can be asked, names are all that there is. */
export const NOTHING_KNOWN: Known = {
  column: () => undefined,
  row: () => undefined,
  routine: () => undefined,
  operator: () => undefined,
  cast: () => undefined,
  takesRow: () => false,
};

/** Tables and functions of servers themselves, which show nothing of others' tables under other names. */
const SYSTEM_SCHEMAS = new Set(['pg_catalog', 'information_schema', 'mysql', 'performance_schema', 'sys']);
const SYSTEM_TABLE =
  /^pg_(class|type|attribute|attrdef|namespace|proc|index|indexes|constraint|enum|range|database|roles|user|settings|tables|views|matviews|locks|description|shdescription|am|opclass|operator|cast|collation|extension|depend|trigger|sequences?|inherits|tablespace|timezone_\w+|auth_members|language|stat_\w+|statio_\w+|policies|rules|publication\w*|subscription\w*|foreign_\w+|user_mappings?|init_privs|cursors|prepared_\w+)$/;

/** Functions that people use every day, and that servers bring. */
const BUILT_IN =
  /^(pg_.*|current_.*|jsonb?_.*|to_.*|array_.*|string_.*|regexp_.*|date_.*|make_.*|generate_.*|has_.*|obj_description|col_description|format_type|quote_.*|set_config|nextval|currval|setval|count|sum|avg|min|max|lower|upper|length|char_length|octet_length|substr|substring|trim|btrim|ltrim|rtrim|replace|concat|concat_ws|coalesce|ifnull|if|nullif|greatest|least|abs|ceil|ceiling|floor|round|mod|power|sqrt|random|now|sysdate|clock_timestamp|statement_timestamp|transaction_timestamp|timezone|extract|age|position|strpos|left|right|lpad|rpad|reverse|split_part|encode|decode|md5|sha\d+|hex|unhex|version|database|schema|user|found_rows|last_insert_id|row_count|connection_id|row_number|rank|dense_rank|percent_rank|cume_dist|ntile|lag|lead|first_value|last_value|nth_value|unnest|json.*|row_to_json|bool_and|bool_or|every|group_concat|uuid|gen_random_uuid|overlay|initcap|ascii|chr|repeat|cast|convert|xml.*|like_escape|percentile_.*|mode|stddev.*|var.*|bit_.*|width_bucket|sign|trunc|exp|ln|log|pi|curdate|curtime|date|time|timestamp|year|month|day|hour|minute|second|unix_timestamp|from_unixtime)$/;

/** A target that does not tell what is at it: what is not the server's own may show anything. */
export class UnreadTarget implements Known {
  readonly #strictest: Treatment;

  constructor(strictest: Treatment) {
    this.#strictest = strictest;
  }

  column(table: readonly string[]): Treatment | undefined {
    return this.row(table);
  }

  row(table: readonly string[]): Treatment | undefined {
    const name = table.at(-1) ?? '';
    const schema = table.at(-2);
    if (name === '') return undefined;
    return (schema === undefined ? SYSTEM_TABLE.test(name) : SYSTEM_SCHEMAS.has(schema)) ? undefined : this.#strictest;
  }

  routine(name: readonly string[]): RoutineResult | undefined {
    const schema = name.at(-2);
    const isOwn = schema === undefined ? BUILT_IN.test((name.at(-1) ?? '').toLowerCase()) : SYSTEM_SCHEMAS.has(schema);
    return isOwn ? undefined : anythingHidden(this.#strictest);
  }

  operator(): undefined {
    return undefined;
  }

  cast(): undefined {
    return undefined;
  }

  takesRow(): boolean {
    return false;
  }
}
