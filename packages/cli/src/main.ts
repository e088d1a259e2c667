import { readEnv } from './env.ts';
import { EXIT } from './exit-codes.ts';
import { Exit } from './failure.ts';
import { reportFailure } from './output/report.ts';
import { terminalOf } from './output/terminal.ts';
import { run } from './run.ts';

/** A reader that leaves early (`hoop list | head -1`) is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed));

let stopping: AbortController | undefined;

/** Installs the handlers on the first call: until somebody can drain, the signals keep their usual meaning. */
function stopSignal(): AbortSignal {
  if (stopping) return stopping.signal;
  const controller = new AbortController();
  stopping = controller;
  const stop = (exitCode: number): void => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Exit(exitCode));
  };
  process.on('SIGINT', () => stop(EXIT.interrupted));
  process.on('SIGTERM', () => stop(EXIT.terminated));
  return controller.signal;
}

async function main(): Promise<number> {
  try {
    const env = readEnv();
    return await run(process.argv.slice(2), { env, terminal: terminalOf(process, env.noColour), now: Date.now, stopSignal });
  } catch (error) {
    return reportFailure(error, terminalOf(process, true));
  }
}

process.exitCode = await main();
