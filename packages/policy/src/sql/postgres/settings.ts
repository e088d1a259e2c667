import type { StatementFacts } from '../facts.ts';
import { isTree, treeAt, unwrap } from './tree.ts';

/** Settings with which the same text is another statement. */
const READS_TEXT_DIFFERENTLY = /^(client_encoding|standard_conforming_strings|backslash_quote|names)$/;
const BECOMES_SOMEBODY = /^(role|session_authorization)$/;

/** Commands that the server runs, and libraries that it loads. */
const RUNS =
  /^(archive_command|restore_command|archive_cleanup_command|recovery_end_command|ssl_passphrase_command|archive_library|(shared|session|local)_preload_libraries|dynamic_library_path|extension_control_path|jit_provider|pl(perl|python|tcl)u?\..*(init|start_proc))$/;

/** Where the server reads and writes. */
const FILES =
  /^(log_directory|log_filename|data_directory|config_file|hba_file|ident_file|external_pid_file|ssl_\w+_(file|dir)|krb_server_keyfile|unix_socket_directories|stats_temp_directory|promote_trigger_file)$/;

/** What a change of a setting does; `value` is undefined where it does not stand there. */
export function readSetting(name: string, value: string | undefined, facts: StatementFacts): void {
  const low = name.toLowerCase();
  facts.does('set');
  if (BECOMES_SOMEBODY.test(low)) facts.does('set_role');
  if (value !== 'default' && RUNS.test(low)) facts.does('program');
  if (value !== 'default' && FILES.test(low)) facts.does('file_read', 'file_write');
  const isUsual = value !== undefined && /^(utf-?8|unicode|on|true|yes|1|safe_encoding|default)$/i.test(value);
  if (READS_TEXT_DIFFERENTLY.test(low) && !isUsual) facts.doubts(`after a change of ${low} the same text can be another statement`);
}

/** `SET role TO x` among the options of a function. */
export function isSetting(option: unknown): boolean {
  return unwrap(treeAt(isTree(option) ? option : undefined, 'DefElem')?.arg)?.type === 'VariableSetStmt';
}
