const KIB = 1024;

/** A frame of the cleartext stream: one message of the connection layer, which comes in one packet of the transport. */
export const FRAME_BYTES_MAX = 256 * KIB;

/**
 * A packet of the transport with its length and tag, as OpenSSH has it (PACKET_MAX_SIZE): its client sends a long command in one. At least
 * 35,000 (RFC 4253, section 6.1), which the library keeps to with other ciphers than AES-GCM.
 */
export const PACKET_BYTES_MAX = 256 * KIB;

/** What a side gives of its windows is held back for this long, so that one message does for many. */
export const WINDOW_ADJUST_MS = 2;

/** Channels of one session at a time. OpenSSH takes 10 shells; an editor opens some dozens of forwards. */
export const CHANNELS_MAX = 100;

/** Answers of one channel, or of the session itself, that the other side still owes. */
export const REPLIES_OWED_MAX = 1_000;

/** Environment variables that a client may set for one command, and the length of each. */
export const ENV_COUNT_MAX = 64;
export const ENV_BYTES_MAX = 4 * KIB;

/** A client must have said what it speaks by then: programs say so at once, and people do not come by hand. */
export const IDENT_MS_MAX = 10_000;

/** A client that has said its first line gets our offer of algorithms by then, whether or not it has made its own. */
export const OFFER_MS_MAX = 500;

/** Requests of one client (channels to open, variables, sizes of a window, keep-alives …) within `REQUESTS_WINDOW_MS`. */
export const REQUESTS_MAX = 5_000;
export const REQUESTS_WINDOW_MS = 5_000;

/** Tries to log in on one connection, as OpenSSH has it (MaxAuthTries). */
export const LOGIN_ATTEMPTS_MAX = 6;

/** Keys that one connection may offer without a signature: each is looked up. Agents of people hold some. */
export const LOGIN_OFFERS_MAX = 20;

/** Requests of one login in all, whatever they are for: keys that are offered, secrets, a question that is asked for anew. */
export const LOGIN_REQUESTS_MAX = 40;

/** A line of a public key: RSA with 16384 bits has 2800 characters, and a comment. */
export const USER_KEY_LINE_CHARACTERS_MAX = 8 * KIB;

/** New keys that one client or host may ask for within `REKEY_WINDOW_MS`: each costs a signature. */
export const REKEYS_MAX = 20;
export const REKEY_WINDOW_MS = 60_000;

/** Behind so much data, both ways together, new keys are due and not counted: people set OpenSSH's `RekeyLimit` as low as 1M. */
export const REKEY_BYTES_MIN = 512 * KIB;

/** What is kept for the other side while keys are renewed; then it waits at its source. */
export const RENEWAL_BYTES_MAX = KIB * KIB;

/** Of a client's window, this much is kept back for what we say ourselves on a channel; of a small one a quarter. */
export const OWN_WORDS_BYTES_MAX = 8 * KIB;

/** What is typed behind an Enter that waits for its verdict is kept up to here; a client that sends more waits with all its channels. */
export const HELD_INPUT_BYTES_MAX = 256 * KIB;

/** Remote forwards that one session may ask for. */
export const REMOTE_FORWARDS_MAX = 16;

/** An SFTP packet, as OpenSSH's server has it (SFTP_MAX_MSG_LENGTH). */
export const SFTP_PACKET_BYTES_MAX = 256 * KIB;

/** An SFTP request that is looked at as a whole: two paths and some attributes. */
export const SFTP_REQUEST_BYTES_MAX = 32 * KIB;

/** SFTP requests of one channel that wait for their answers; clients send some hundreds ahead. */
export const SFTP_PENDING_MAX = 4_096;

/** Files and directories that one SFTP channel may have open. */
export const SFTP_HANDLES_MAX = 1_024;

/** A handle, as the draft has it (section 4). */
export const SFTP_HANDLE_BYTES_MAX = 256;

/** What `hoop exec` lets the target send before it has taken what came before. */
export const EXECUTE_WINDOW_BYTES = 2 * KIB * KIB;
