/**
 * Functions that run texts that they are given, and which arguments those are, from behind where negative; none where what they run does not
 * stand in the call. With their schema where their own name is one that anybody may choose.
 */
export const RUNS_TEXT: Readonly<Record<string, readonly number[]>> = {
  query_to_xml: [0],
  query_to_xml_and_xmlschema: [0],
  query_to_xmlschema: [0],
  cursor_to_xml: [],
  cursor_to_xmlschema: [],
  table_to_xml: [],
  table_to_xml_and_xmlschema: [],
  schema_to_xml: [],
  schema_to_xml_and_xmlschema: [],
  database_to_xml: [],
  database_to_xml_and_xmlschema: [],
  ts_stat: [0],
  ts_rewrite: [],
  crosstab: [0, 1],
  crosstab2: [0],
  crosstab3: [0],
  crosstab4: [0],
  crosstabn: [0],
  connectby: [],
  xpath_table: [],
  dblink: [],
  dblink_exec: [],
  dblink_send_query: [],
  dblink_open: [],
  'cron.schedule': [-1],
  schedule_in_database: [2],
  'cron.alter_job': [2],
  pg_background_launch: [0],
  run_command_on_workers: [0],
  run_command_on_all_nodes: [0],
  run_command_on_coordinator: [0],
  run_command_on_shards: [1],
  run_command_on_placements: [1],
  run_command_on_colocated_placements: [2],
  master_run_on_worker: [],
  replicate_ddl_command: [0],
  query_export_to_s3: [0],
  cypher: [],
  'dbms_sql.parse': [1],
};

/** Of those, the ones whose text may also write: the others run it as one that only reads. */
export const WRITES_TEXT =
  /^(dblink(_exec|_send_query|_open)?|schedule|schedule_in_database|alter_job|pg_background_launch|run_command_on_.*|master_run_on_worker|replicate_ddl_command|query_export_to_s3|cypher)$/;

/** Which arguments of a call are run; undefined where none is. */
export function textsRunBy(name: string): readonly number[] | undefined {
  const low = name.toLowerCase();
  const bare = low.slice(low.lastIndexOf('.') + 1);
  for (const key of [bare, low]) if (Object.hasOwn(RUNS_TEXT, key)) return RUNS_TEXT[key];
  return undefined;
}

/** True when a call does nothing but call: what it runs, or sets, does not stand in its arguments. */
export function isPlainCall(name: string): boolean {
  const bare = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return bare !== 'set_config' && textsRunBy(name) === undefined;
}
