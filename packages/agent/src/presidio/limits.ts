const KIB = 1024;
const MIB = 1024 * KIB;

/** Texts of one request. A server reads them one after the other, so a request of many is a long one. */
export const BATCH_TEXTS_MAX = 200;

/** And their bytes together. */
export const BATCH_BYTES_MAX = 64 * KIB;

/** A longer text is asked about in pieces of this size. */
export const PIECE_BYTES_MAX = 32 * KIB;

/** So much of a piece is repeated at the beginning of the next one: a name is shorter. */
export const PIECE_OVERLAP_BYTES = 256;

/** A longer text is not asked about. */
export const TEXT_BYTES_MAX = 1 * MIB;

/** Requests to the server at one time, of all sessions together. */
export const REQUESTS_MAX = 8;

/** Requests that wait for their turn; more are not asked. */
export const WAITING_MAX = 2_000;

/** A request that has its turn must be answered within this. */
export const REQUEST_MS_MAX = 5_000;

/** From when texts are to be asked about to their answer, turns included. */
export const PREPARE_MS_MAX = 15_000;

/** Of one answer. */
export const ANSWER_BYTES_MAX = 4 * MIB;

/** Answers that are kept, whatever session they came for: a digest of the text and where something was. */
export const ANSWERS_MAX = 50_000;

/** Answers that one session holds for texts that it is about to mask. */
export const PREPARED_MAX = 20_000;

/** After so many failures in a row the server is left alone for `PAUSE_MS`, so that nobody waits for it meanwhile. */
export const FAILURES_MAX = 3;
export const PAUSE_MS = 5_000;

/** How long it is believed which entities the server knows. */
export const ENTITIES_MS_MAX = 300_000;
