/** Named maxima of the gateway's API and identity, with why. Units are in the names. */

/** An ordinary request; the exceptions are in `listeners/body-limits.ts`. */
export const API_BODY_BYTES_MAX = 256 * 1024;

/** A connection's secrets may hold files: certificates, keys, small configurations. */
export const CONNECTION_BODY_BYTES_MAX = 8 * 1024 * 1024;

/** A script of 8 MiB in JSON, where each byte may be escaped to six: scripts full of control characters may be refused. */
export const EXEC_BODY_BYTES_MAX = 16 * 1024 * 1024;

/** A whole request must have arrived by then. */
export const API_REQUEST_MS_MAX = 60_000;

/** Open connections to the API; a browser holds six, a client of ours one. */
export const API_CONNECTIONS_MAX = 10_000;

/** An exec that runs longer is answered with 202 and goes on. */
export const EXEC_WAIT_MS = 50_000;

/** Records of a session in one reply; `after` fetches the next ones. */
export const SESSION_RECORDS_MAX = 1_000;

/** Their text, so that a thousand huge statements do not make a reply of a gigabyte. */
export const SESSION_RECORDS_BYTES_MAX = 8 * 1024 * 1024;

/** Password hashings at one time: each takes a core and 19 MiB. */
export const HASHINGS_MAX = 2;

/** Logins that wait for their turn; one more is told to come back. */
export const HASHINGS_QUEUE_MAX = 64;

/** Logins of native clients from one address that may fail within `NATIVE_FAILURES_WINDOW_MS`; then it waits. Those that succeed are not counted. */
export const NATIVE_FAILURES_MAX = 200;
export const NATIVE_FAILURES_WINDOW_MS = 60_000;

/** Live credentials of one user; a script that mints in a loop stops here. */
export const CREDENTIALS_PER_USER_MAX = 200;

/** How long a credential that has ended is remembered. */
export const ENDED_CREDENTIAL_KEPT_MS = 30 * 24 * 3_600_000;

/** A login token's life. */
export const TOKEN_SECONDS = 12 * 3_600;

/** Replays of rules at one time, for all of a gateway's administrators; one more is told to come back. */
export const REPLAYS_MAX = 2;

/** How long one page of a replay is worked on. */
export const REPLAY_PAGE_MS = 1_500;

/** How long a replay may keep others waiting, but for one statement that takes longer. */
export const REPLAY_SLICE_MS = 5;

/** Records of a replay whose sessions are looked up together. */
export const REPLAY_RECORDS_AT_ONCE = 1_000;

/** Their bytes, after which no further batch of the log is read. */
export const REPLAY_BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Of an action's text in a replay's findings, in characters. */
export const REPLAY_TEXT_LENGTH_MAX = 400;

/** How far back in its session the action of an outcome is looked for, in records. */
export const REPLAY_STEPS_BACK_MAX = 1_000;

/** Sessions with something hidden that one report counts; of more, the newest. */
export const REPORT_SESSIONS_MAX = 50_000;
