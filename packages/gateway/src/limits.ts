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

/** Live credentials of one user; a script that mints in a loop stops here. */
export const CREDENTIALS_PER_USER_MAX = 200;

/** How long a credential that has ended is remembered. */
export const ENDED_CREDENTIAL_KEPT_MS = 30 * 24 * 3_600_000;

/** A login token's life. */
export const TOKEN_SECONDS = 12 * 3_600;
