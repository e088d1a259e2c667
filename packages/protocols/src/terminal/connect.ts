import { Misconfigured, Refusal } from '@hoop/core/errors';
import type { ConnectContext, RelayPorts, Target } from '@hoop/core/protocol';
import { CommandWire } from './command/command-wire.ts';
import { findProgram } from './command/program.ts';
import { baseEnvironment } from './env.ts';
import { commandLine, environmentOf, expandCommand } from './environment.ts';
import { TerminalRelay } from './relay.ts';
import type { TerminalSettings } from './settings.ts';
import { startFromHello } from './start.ts';

/**
 * Prepares a command: its arguments, its environment, its program. Nothing is started; the relay does that with a permit.
 * @throws TargetFault `command_not_found`, `command_not_executable`, Misconfigured `no_command`, Refusal `terminal_in_exec`, PeerFault `bad_message`
 */
export async function connect({ settings, hello, session, log }: ConnectContext<TerminalSettings>): Promise<Target> {
  const start = startFromHello(hello);
  // Whoever may only run scripts may not sit at a terminal.
  if (session.verb === 'exec' && start.mode === 'pty') throw new Refusal('terminal_in_exec', 'An exec has no terminal; use hoop connect');
  if (session.command.length === 0)
    throw new Misconfigured('no_command', `The connection ${session.connection} has no command; give it one`);
  const environment = environmentOf(baseEnvironment(), settings, session, start.mode === 'pty' ? start.term : undefined);
  const [name = '', ...own] = expandCommand(session.command, environment);
  const program = await findProgram(name, environment);
  const wire = new CommandWire({
    plan: { argv: [program, ...own, ...start.args], environment },
    cwd: session.cwd,
    start,
    session: session.id,
    log,
  });
  return {
    wire,
    greeting: Buffer.alloc(0),
    relay: (ports: RelayPorts) =>
      new TerminalRelay(
        { start, commandLine: commandLine([...session.command, ...start.args]), verb: session.verb, stop: () => wire.end() },
        ports,
      ),
    cancel: () => wire.interrupt(),
    released: () => wire.released(),
  };
}
