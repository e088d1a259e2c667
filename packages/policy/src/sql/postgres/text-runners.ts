/** Functions that run a text that they are given, and which argument that is; -1: what they run does not stand in the call at all. */
export const RUNS_TEXT: Readonly<Record<string, number>> = {
  query_to_xml: 0,
  query_to_xml_and_xmlschema: 0,
  query_to_xmlschema: 0,
  cursor_to_xml: -1,
  cursor_to_xmlschema: -1,
  table_to_xml: -1,
  table_to_xml_and_xmlschema: -1,
  schema_to_xml: -1,
  schema_to_xml_and_xmlschema: -1,
  database_to_xml: -1,
  database_to_xml_and_xmlschema: -1,
  ts_stat: 0,
  ts_rewrite: -1,
  crosstab: 0,
  crosstab2: 0,
  crosstab3: 0,
  crosstab4: 0,
  crosstabn: 0,
  connectby: -1,
  xpath_table: -1,
  dblink: -1,
  dblink_exec: -1,
  dblink_send_query: -1,
  dblink_open: -1,
};

/** True when a call does nothing but call: what it runs, or sets, does not stand in its arguments. */
export function isPlainCall(name: string): boolean {
  const bare = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return bare !== 'set_config' && !Object.hasOwn(RUNS_TEXT, bare);
}
