import type { Settings } from 'node:http2';

/** Named limits of the tunnel, with why. Units are in the names. */

/** How much a stream may send ahead of its reader. Large enough for a fast link, small enough to hold for thousands of slow readers. */
export const STREAM_WINDOW_BYTES = 512 * 1024;

/** All streams of a link together; per-stream windows do the holding back, so this only must not be the bottleneck. */
export const LINK_WINDOW_BYTES = 64 * 1024 * 1024;

export const STREAMS_PER_LINK_MAX = 20_000;

export const H2_SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxFrameSize: 64 * 1024,
  maxConcurrentStreams: STREAMS_PER_LINK_MAX,
};

/** In MiB; the default of 10 refuses streams long before `STREAMS_PER_LINK_MAX`. */
export const H2_SESSION_MEMORY_MIB = 2048;

/** How a link's two ends know of each other that they live. */
export interface PulseLimits {
  /** How often a link is looked at. Turns of our own timer are counted, so a stall of ours is never held against the peer. */
  readonly tick_ms: number;
  /** Whoever sent nothing for this long sends a ping: so each side hears something this often, however slow the other direction is. */
  readonly ping_every_ms: number;
  /** A peer of whom nothing at all was heard for this long is gone. */
  readonly silence_ms_max: number;
  /** What is left of that after this machine slept. */
  readonly probe_ms: number;
}

/** A link that swallows everything is noticed after 4.5 s; a peer may stand still for 3 s and be forgiven. */
export const PULSE: PulseLimits = { tick_ms: 500, ping_every_ms: 1_500, silence_ms_max: 4_500, probe_ms: 1_500 };

/** What a peer said before it said that it goes is dealt with for so long. */
export const FAREWELL_MS_MAX = 1_000;

/** The clock on the wall went further than our timers by this: the machine slept, and whoever it talked to may be gone. */
export const SLEEP_MS_MIN = 5_000;

/** A whole dial, with all of its attempts. */
export const DIAL_MS_MAX = 10_000;

/**
 * While one attempt has no answer, the next one starts after this, and the first that succeeds wins. A packet into a network that is cut
 * would be sent again after 1, 3 and 7 s, and a name may lead elsewhere by now.
 */
export const DIAL_AGAIN_MS = 1_000;

/** The same where somebody has answered, and TLS or a proxy takes its time: another attempt costs the gateway a handshake. */
export const DIAL_AGAIN_ANSWERED_MS = 2_500;

/** A dial that failed is tried again after a random time up to this, which doubles with each failure. */
export const BACKOFF_MS_MIN = 200;
export const BACKOFF_MS_MAX = 2_000;

/** A link that lived this long was a good one: the next loss begins with the shortest wait. */
export const GOOD_LINK_MS_MIN = 5_000;

/** What a peer that has proven nothing yet may open and send on one connection: a key or a token, and no more. */
export const STRANGER_STREAMS_MAX = 32;
export const STRANGER_BYTES_MAX = 256 * 1024;

/** With as many strangers as there may be, one that had this long to prove itself makes way for the next. */
export const STRANGER_MS_MIN = 5_000;

/** A message of the tunnel as a WebSocket; `ws` keeps a message until it is whole. */
export const WEBSOCKET_MESSAGE_BYTES_MAX = 128 * 1024;

/** Pieces of one message: we send none, and something in between may. */
export const WEBSOCKET_FRAGMENTS_MAX = 256;

/** How long a peer may take to answer that a WebSocket is closed. */
export const WEBSOCKET_CLOSE_MS_MAX = 1_000;

/** What waits to be written to a WebSocket before its writer is told to wait. */
export const WEBSOCKET_BUFFER_BYTES = 256 * 1024;

/** A proxy's or a server's answer that is no tunnel: as much of it as is read. */
export const ANSWER_BYTES_MAX = 16 * 1024;

/** Messages of an agent on its control stream: larger ones, and more a second, are dropped. */
export const AGENT_MESSAGE_BYTES_MAX = 1024 * 1024;
export const AGENT_MESSAGES_PER_SECOND_MAX = 10;

/** Log entries that an agent keeps until they can be told; the oldest go first. */
export const REPORT_ENTRIES_MAX = 2_000;
/** Entries of one message, as the contract has it, and their text, which JSON may make six times as long. */
export const REPORT_BATCH_ENTRIES_MAX = 500;
export const REPORT_BATCH_CHARS_MAX = 128 * 1024;
/** Longer texts are cut. */
export const REPORT_TEXT_CHARS_MAX = 8 * 1024;
/** One message in this time. */
export const REPORT_EVERY_MS = 500;
