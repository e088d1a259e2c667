/** A handshake response: names are short, connection attributes have 64 KiB at most. */
export const HANDSHAKE_BYTES_MAX = 80 * 1024;

/** A password, in clear text or encrypted. */
export const PASSWORD_BYTES_MAX = 4_096;

/** A command or a packet of an answer that must be whole before it may pass. The default of max_allowed_packet in MySQL 8. */
export const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Prepared statements that one session may have at a time; max_prepared_stmt_count of servers is 16,382 for all sessions together. */
export const STATEMENTS_MAX = 20_000;

/** Texts and descriptions of columns that are remembered for prepared statements, all together. */
export const STATEMENT_BYTES_MAX = 64 * 1024 * 1024;

/** Of the parameters of one execution, what goes into the action's text: characters of one, and of all. */
export const PARAMETER_CHARACTERS_MAX = 4_096;
export const PARAMETERS_CHARACTERS_MAX = 256 * 1024;

/** Of a parameter that is sent ahead in pieces (COM_STMT_SEND_LONG_DATA), what is kept for the action's text. */
export const LONG_DATA_KEPT_BYTES_MAX = 4_096;

/** Columns of a result, as servers have it (MAX_FIELDS). */
export const COLUMNS_MAX = 4_096;

/** The description of one column: six names of at most 256 characters. They are kept while their result passes. */
export const COLUMN_DEFINITION_BYTES_MAX = 16 * 1024;

/** Packets of a target's login before it is ready. */
export const LOGIN_PACKETS_MAX = 20;

/** Dialling back to the target to stop what runs. */
export const CANCEL_MS_MAX = 5_000;

/** Reading what is at a target, from dialling on; rows of all its answers together, and their bytes. */
export const CATALOGUE_MS_MAX = 5_000;
export const CATALOGUE_ROWS_MAX = 200_000;
export const CATALOGUE_BYTES_MAX = 16 * 1024 * 1024;
