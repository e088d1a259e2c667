import { readEnv } from './env.ts';
import { EXIT } from './failure.ts';
import { run } from './run.ts';

/** A reader that leaves early is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed));

const { stdin, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), { env: readEnv(), stdin, stdout, stderr, now: Date.now });
