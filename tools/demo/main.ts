import { join } from 'node:path';
import { env } from '../env.ts';
import { Stop } from '../process/stop.ts';
import { Demo } from './demo.ts';
import { lockHome } from './lock.ts';
import { HELP, readOptions } from './options.ts';
import { demoPaths } from './paths.ts';

/** What a shell expects of a program that Ctrl-C ended before it was done. */
const EXIT_INTERRUPTED = 130;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stop = new Stop(process);
  const paths = demoPaths(env.HOOP_HOME, process.getuid?.() === 0);
  const unlock = lockHome(join(paths.demo, 'lock'));
  const demo = new Demo(paths, options.postgres);
  stop.onHurry(() => demo.hurry());
  try {
    process.stdout.write(await demo.start(stop.signal));
    await Promise.race([stop.asked(), demo.watch(stop.signal)]);
    process.stdout.write('\nStopping: sessions end, everything is written to disk (Ctrl-C once more does not wait)\n');
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await demo.close();
    unlock();
  }
  return stop.hurried ? EXIT_INTERRUPTED : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
