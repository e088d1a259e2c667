/** As the server has it (MAX_STARTUP_PACKET_LENGTH): a start-up packet that claims more is not one. */
export const STARTUP_BYTES_MAX = 10_000;

/** A password message. The server takes 65,535 bytes of anything during login. */
export const PASSWORD_BYTES_MAX = 4_096;

/** Any message: the server's own limit for large ones (PQ_LARGE_MESSAGE_LIMIT). These are passed on as they come, never held. */
export const MESSAGE_BYTES_MAX = 0x3fffffff;

/** A message that must be whole before it may pass: a statement, an error, a row that is to be masked. */
export const HELD_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Of a longer Bind only the names at its start are needed, and its parameters are passed on as they come: in which formats it wants its
 * results, which it says at its end, is then not known. NAMEDATALEN is 64, drivers stay below.
 */
export const BIND_HEAD_BYTES_MAX = 2_048;
export const BIND_WHOLE_BYTES_MAX = 64 * 1024;

/** Prepared statements and portals that one session may name at a time. */
export const NAMES_MAX = 20_000;

/** A json or an array in text in which something was hidden, and which must be gone through word by word to be one again. A longer one is no value. */
export const MENDED_BYTES_MAX = 4 * 1024 * 1024;

/** Values inside of one binary value that are hidden one by one. With more, all of it is no value. */
export const HIDDEN_PARTS_MAX = 100_000;

/** Characters of a text in which it is looked how a COPY writes its lines. */
export const COPY_TEXT_MAX = 16 * 1024;

/** Cursors whose portions are counted together, at a time. */
export const CURSORS_MAX = 1_000;

/** Statement texts that are remembered for prepared statements, all together. */
export const NAMED_TEXT_BYTES_MAX = 64 * 1024 * 1024;

/** SCRAM: a hostile server may not make the agent compute for hours, nor send a nonce without end. */
export const SCRAM_ITERATIONS_MAX = 1_000_000;
export const SCRAM_MESSAGE_BYTES_MAX = 8_192;

/** Messages of a target's login before it is ready; parameter statuses are some dozens. */
export const LOGIN_MESSAGES_MAX = 1_000;

/** Dialling back to the target to cancel. */
export const CANCEL_MS_MAX = 5_000;

/** Reading what is at a target, from dialling on; rows of all its answers together, and their bytes. */
export const CATALOGUE_MS_MAX = 5_000;
export const CATALOGUE_ROWS_MAX = 50_000;
export const CATALOGUE_BYTES_MAX = 16 * 1024 * 1024;

/** A file of authorities: what systems ship has some 250 KiB. */
export const AUTHORITY_BYTES_MAX = 1024 * 1024;

/** Of the parameters of one execution, what is shown to who has to approve it: characters of one, and of all. */
export const PARAMETER_CHARACTERS_MAX = 4_096;
export const PARAMETERS_CHARACTERS_MAX = 256 * 1024;
