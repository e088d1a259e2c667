import { readEnv } from './env.ts';
import { EXIT } from './exit-codes.ts';
import { Exit } from './failure.ts';
import { reportFailure } from './output/report.ts';
import { terminalOf } from './output/terminal.ts';
import { run } from './run.ts';

/** A reader that leaves early (`hoop list | head -1`) is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed));

const stopping = new AbortController();
const handled = new Set<NodeJS.Signals>();

/** Installs the handlers when they are asked for: until somebody can drain, the signals keep their usual meaning. */
function stopSignal(options: { readonly hangUp?: boolean } = {}): AbortSignal {
  const handle = (signal: NodeJS.Signals, exitCode: number): void => {
    if (handled.has(signal)) return;
    handled.add(signal);
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(exitCode);
      stopping.abort(new Exit(exitCode));
    });
  };
  handle('SIGINT', EXIT.interrupted);
  handle('SIGTERM', EXIT.terminated);
  if (options.hangUp === true) handle('SIGHUP', EXIT.hungUp);
  return stopping.signal;
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
