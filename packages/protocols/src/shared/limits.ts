const KIB = 1024;

/** Trailing output that may be the beginning of a value to hide waits so long for its rest; typing must stay quick. */
export const MASK_HOLD_MS = 25;

/** The same where nobody types, so that nobody waits for an echo: longer than a busy machine pauses in the middle of a word. */
export const MASK_HOLD_PIPE_MS = 1_000;

/** A word that grows all the time is shown after this, as far as it has come. */
export const MASK_HOLD_MS_MAX = 200;

/** Output that was passed on already and still helps to recognise a value: the longest address has 320 bytes. */
export const MASK_CONTEXT_BYTES = 512;

/** Trailing output that is held back at most, but for one long word. */
export const MASK_HOLD_BYTES_MAX = 512;

/** A word that goes on is held back, and remembered, so far: a token for a web service may have some thousand characters. */
export const MASK_RUN_BYTES_MAX = 4 * KIB;

/** A private key that has begun is hidden until it ends, so far at most. The largest in use have 12 KiB. */
export const MASK_BLOCK_BYTES_MAX = 16 * KIB;

/** A token that is hidden already is hidden until it ends, so far at most. */
export const MASK_TOKEN_BYTES_MAX = 1024 * KIB;

/** An escape sequence that is longer is no sequence. */
export const ESCAPE_BYTES_MAX = 4 * KIB;

/** Output that was passed on and is looked at once more by rules on output, together with what follows. */
export const GUARD_CONTEXT_BYTES = 4 * 1024;

/** A typed line, in characters. A longer one cannot be judged whole and is refused. */
export const LINE_CHARACTERS_MAX = 256 * KIB;

/** The displayed line that is kept to compare with, in columns. */
export const SHOWN_CELLS_MAX = 256 * KIB;

/** How long an echo may take, over a slow link behind the command: a line without one is a secret. */
export const ECHO_WAIT_MS = 400;

/** A line of which the editor has put in a part is read from the terminal when nothing more was shown for so long. */
export const QUIET_MS = 40;

/** After a denied line was cleared the program redraws its prompt; words that come before that would be overwritten. */
export const CLEAR_WAIT_MS = 150;

/** Columns of a terminal; one that claims more is taken to have as many. */
export const COLUMNS_MAX = 10_000;

/** Output behind which nobody has looked for a line is kept up to here, as it came; then only its end. */
export const SHOWN_PENDING_BYTES_MAX = 64 * KIB;

/** Input that comes in larger pieces, or so much ahead of its echo, was not typed: where nothing is judged, no lines are looked for in it. */
export const WATCHED_BYTES_MAX = 8 * KIB;
