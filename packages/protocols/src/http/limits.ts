const KIB = 1024;
const MIB = 1024 * KIB;

/** A message between gateway and agent: the head of a request is the longest that there can be. */
export const MESSAGE_BYTES_MAX = 1 * MIB;

/** All header lines of a request or an answer together. */
export const HEADER_BYTES_MAX = 64 * KIB;

/** And their number. */
export const HEADERS_MAX = 1_000;

/** How much of a body may be on its way without its receiver having taken it. */
export const WINDOW_BYTES = 256 * KIB;

/** So much of an answer is hidden at a time where that makes it longer: up to sixteen times as long, it fits into a window. */
export const GROWING_PIECE_BYTES = 16 * KIB;

/** A body goes in pieces of at most this. */
export const PIECE_BYTES_MAX = 64 * KIB;

/** Requests of one session that have no whole answer yet. */
export const EXCHANGES_MAX = 250;

/** Of a request's body, this much is held back until it is judged; what a longer one goes on with is judged piece by piece. */
export const JUDGED_BYTES_MAX = 64 * KIB;

/** So much of what a body goes on with is gathered before it is judged; two pieces of half of what a client sends at a time cost two judgements. */
export const BODY_PIECE_BYTES = 32 * KIB;

/** What is gathered waits no longer than this for more. */
export const BODY_HELD_MS_MAX = 250;

/** What was judged before a piece and is looked at once more, together with it. Even, for characters of two bytes. */
export const BODY_CONTEXT_BYTES = 4 * KIB;

/** A compressed body is inflated and judged to its end where it does not become longer than this and so many times itself. */
export const BODY_INFLATED_BYTES_FREE = 8 * MIB;
export const BODY_INFLATION_MAX = 100;

/** Of an answer that rules look at, so much is held back until it is whole: a shorter one that they forbid is refused as if it had never been. */
export const ANSWER_HELD_BYTES_MAX = 64 * KIB;

/** An answer that goes on slowly is not held back for longer: somebody may watch it. */
export const ANSWER_HELD_MS_MAX = 250;

/** What was passed on and is looked at once more, together with what follows. */
export const ANSWER_CONTEXT_BYTES = 4 * KIB;

/** What a rule has to say about a request that it let pass, in a header of the answer. */
export const NOTICE_CHARACTERS_MAX = 1_000;

/** A compressed body of a request is inflated to at most this much, to be judged. */
export const INFLATED_BYTES_MAX = 1 * MIB;

/** How long a target may take to the head of its answer. */
export const ANSWER_MS_MAX = 5 * 60_000;

/** A client has to send the next request's head within this; for the first, what goes for every handshake does. */
export const KEEP_ALIVE_MS = 120_000;

/** An upgraded connection in which neither side says anything is ended after this. */
export const UPGRADED_IDLE_MS_MAX = 60 * 60_000;

/** Connections to the target that one session may have at a time: a request that waited for another one's could wait for ever. */
export const TARGET_SOCKETS_MAX = EXCHANGES_MAX;

/** How long a client may go on sending a body that nobody wants after its answer. */
export const UNWANTED_BODY_MS_MAX = 5_000;
