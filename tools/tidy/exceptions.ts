/**
 * Where a rule does not hold, and why. An exception that nothing needs any more fails too: see `unusedExceptions`.
 * A path that ends with a slash means everything below it.
 */
export interface Exception {
  readonly path: string;
  readonly why: string;
}

/** Files that may be longer than others: lists, where a split would only hide half of the list. */
export const LONG_FILES: readonly Exception[] = [];

/** Programs: where reading begins. Everything else has to be imported by something that these reach. */
export const ENTRIES: readonly Exception[] = [
  { path: 'packages/cli/src/main.ts', why: 'bin/hoop runs it' },
  { path: 'packages/hsh/src/main.ts', why: 'bin/hsh runs it' },
  { path: 'tools/demo/main.ts', why: 'npm start runs it' },
  { path: 'tools/check/main.ts', why: 'npm test runs it' },
  { path: 'tools/check/reporter.ts', why: "node's test runner loads it" },
  { path: 'tools/check/counts.ts', why: "node's test runner loads it" },
  { path: 'tools/docs.mjs', why: 'npm run docs runs it' },
  { path: 'tools/docs/write.ts', why: 'tools/docs.mjs runs it' },
  { path: 'tools/kube-apiserver.mjs', why: 'npm run build:kube-apiserver runs it' },
  { path: 'tools/kube-apiserver/build.ts', why: 'tools/kube-apiserver.mjs runs it' },
  { path: 'tools/tidy.ts', why: 'npm test runs it' },
  { path: 'tools/setup.mjs', why: 'npm run build runs it' },
  { path: 'tools/start.mjs', why: 'npm start runs it' },
  { path: 'tools/test.mjs', why: 'npm test runs it' },
];

/** A word that is not used outside the files named here, and what to use instead. */
export interface Ban {
  /** Tokens, in order. */
  readonly words: readonly string[];
  readonly instead: string;
  readonly except: readonly Exception[];
}

export const BANS: readonly Ban[] = [
  {
    words: ['process', '.', 'env'],
    instead: 'read the environment in an env.ts and hand on what it says',
    except: [
      { path: 'tools/setup.mjs', why: 'runs before anything else, and asks which npm started it' },
      { path: '*/env.ts', why: 'this is the place' },
    ],
  },
  { words: ['console', '.'], instead: 'take a log, or write to the output that you were given', except: [] },
  {
    words: ['setInterval', '('],
    instead: 'wait for what you wait for; a timer of a long life belongs to a part that closes it',
    except: [
      { path: 'packages/tunnel/src/pulse.ts', why: 'pings a link as long as it lives' },
      { path: '*.test.ts', why: 'a test counts the turns of the event loop' },
      { path: 'tools/progress.mjs', why: 'turns the spinner while something is awaited' },
    ],
  },
  {
    words: ['process', '.', 'exit', '('],
    instead: 'throw, or return an exit code: whoever called has things to close',
    except: [
      { path: 'packages/cli/src/main.ts', why: 'the second Ctrl-C, and a reader that left' },
      { path: 'packages/core/src/lifecycle.ts', why: 'the second signal of a drain' },
    ],
  },
  {
    words: ['Math', '.', 'random'],
    instead: 'use node:crypto for what must not be guessed, and a seeded generator for what must repeat',
    except: [
      { path: 'packages/cli/src/commands/connect.ts', why: 'jitter' },
      { path: 'packages/tunnel/src/agent-client.ts', why: 'jitter' },
    ],
  },
  { words: ['eval', '('], instead: 'write the code that you mean', except: [] },
  { words: ['new', 'Function', '('], instead: 'write the code that you mean', except: [] },
  { words: ['execSync', '('], instead: 'use execFileSync, which needs no shell and no quoting', except: [] },
  {
    words: ['export', 'default'],
    instead: 'export it by its name',
    except: [
      { path: 'tools/check/reporter.ts', why: "node's test runner wants it so" },
      { path: 'tools/check/counts.ts', why: "node's test runner wants it so" },
    ],
  },
];
