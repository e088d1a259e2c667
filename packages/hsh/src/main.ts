import { readEnv } from './env.ts';
import { run } from './run.ts';

/** A reader that leaves early (`hsh status | head -1`) is no error, and what it does not want is dropped. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const { stdin, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), { env: readEnv(), stdin, stdout, stderr, now: Date.now });
