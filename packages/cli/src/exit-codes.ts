/** Every exit code of `hoop`, for scripts. `hoop help exit-codes` prints this table, so it is the documentation too. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unavailable: 69,
  unauthenticated: 77,
  misconfigured: 78,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
  refused: 254,
} as const;

/** What each code means, in the order of the codes. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'It worked'],
  [EXIT.failed, 'It failed; the reason is on stderr'],
  [EXIT.usage, 'The command line was wrong: unknown command or flag, missing argument, value that cannot be read'],
  [EXIT.unavailable, 'The gateway, or the agent of a connection, cannot be reached now'],
  [EXIT.unauthenticated, 'Not logged in, or the login has expired: run `hoop login`'],
  [EXIT.misconfigured, 'An agent cannot run: the gateway does not take its key, or a setting is wrong; trying again cannot help'],
  [EXIT.hungUp, 'The terminal of a session was closed'],
  [EXIT.interrupted, 'Stopped with Ctrl-C'],
  [EXIT.terminated, 'Stopped with SIGTERM'],
  [EXIT.refused, 'Policy said no: a guardrail, a permission or an access mode; or would have, with `hoop policy replay --exit-code`'],
];

/** What `hoop exec` adds to the table. */
export const EXEC_EXIT_NOTE =
  '`hoop exec`, and `hoop connect` where it opens a terminal, end with the exit code of what they ran (a database statement that fails ends with 1), and with 254 when policy refused it.';
