const KIB = 1024;
const MIB = 1024 * KIB;

/** A script is judged whole before anything starts, so it is held; a longer one belongs into a file at the target. */
export const SCRIPT_BYTES_MAX = 16 * MIB;

/** A command may run for a day. Whoever needs longer needs a service, not a session. */
export const COMMAND_MS_MAX = 24 * 3_600_000;

/** What ends is asked first; what is left after this is killed. Shorter than what an agent's drain waits for its last sessions. */
export const TERMINATE_GRACE_MS = 3_000;

/** A killed process is gone at once, unless the kernel holds it (a dead network disk); then the session ends without it. */
export const KILL_WAIT_MS = 1_000;

/** How often it is looked whether processes are gone. */
export const GONE_POLL_MS = 20;

/** After the last process is gone its output has all been written: silence for so long means that nothing more comes. */
export const OUTPUT_IDLE_MS = 200;

/** What is written to a terminal in one piece: a page, which is what the kernel takes at a time. */
export const TERMINAL_WRITE_BYTES = 4 * KIB;

/** A terminal that takes nothing now is tried again after this. There is no signal for it. */
export const TERMINAL_RETRY_MS = 4;
