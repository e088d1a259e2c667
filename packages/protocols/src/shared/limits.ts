const KIB = 1024;

/** Trailing output that may be the beginning of a value to hide waits so long for its rest; typing must stay quick. */
export const MASK_HOLD_MS = 25;

/** Output that was passed on already and still helps to recognise a value: the longest address has 320 bytes. */
export const MASK_CONTEXT_BYTES = 512;

/** Trailing output that is held back at most. */
export const MASK_HOLD_BYTES_MAX = 512;

/** An escape sequence that is longer is no sequence. */
export const ESCAPE_BYTES_MAX = 4 * KIB;

/** Output that was passed on and is looked at once more by rules on output, together with what follows. */
export const GUARD_CONTEXT_BYTES = 4 * 1024;
