/**
 * Every named maximum of the data path, with why. Units are in the names.
 * A limit of one protocol lives in that protocol's folder; a limit of a store or of the API lives there.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes that one direction of a stream may hold for a peer that does not read. Two windows of a fast link. */
export const STREAM_BUFFER_BYTES_MAX = 1 * MIB;

/** A frame of the tunnel: a chunk of a socket is at most 64 KiB, an audit event may hold a long statement. */
export const TUNNEL_FRAME_BYTES_MAX = 16 * MIB;

/** Statement text kept in an audit record; the rest is cut, and the record says how long the text was. */
export const AUDIT_TEXT_BYTES_MAX = 1 * MIB;

/** Actions of one session that were forwarded and are not answered yet (pipelining). */
export const PENDING_ACTIONS_MAX = 65_536;

/** How long an intent may wait for its result, so that both leave in one event. */
export const AUDIT_INTENT_DELAY_MS = 2;

/** Sessions of one gateway; one more is refused in the protocol's words. */
export const SESSIONS_MAX = 10_000;

/** Clients that have connected and not yet proven who they are. */
export const HANDSHAKES_MAX = 1_000;

/** A client must have logged in by then. */
export const HANDSHAKE_MS_MAX = 30_000;

/** Dialling and logging in to a target. */
export const TARGET_CONNECT_MS_MAX = 15_000;

/** What a drain waits for open sessions before it ends them. */
export const DRAIN_MS_MAX = 25_000;

/** A session that runs nothing, and whose client has said nothing for so long, is not waited for by a drain. */
export const DRAIN_QUIET_MS = 500;

/** How often a drain looks for such sessions. */
export const DRAIN_LOOK_MS = 100;

/** Output of one `exec` that is kept for the caller; past it the output is cut and marked as truncated. */
export const EXEC_OUTPUT_BYTES_MAX = 64 * MIB;

/** Nobody's approval within this time is a no. */
export const REVIEW_WAIT_MS_MAX = 3_600_000;

/** A text that is held for approval and longer than this is denied: nobody would read it before saying yes. */
export const REVIEW_TEXT_BYTES_MAX = 1 * MIB;

/** Actions of one session that wait for approval at one time: requests of one HTTP client, channels of one SSH client. */
export const HELD_ACTIONS_MAX = 16;
