import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, type ProgramResult, runProgram } from '../../../support/program.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { until } from '../../../support/until.ts';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

let directory: string | undefined;
let count = 0;

function workplace(): string {
  if (directory === undefined) {
    directory = temporaryDirectory('openssh');
    writeFileSync(join(directory, 'askpass'), '#!/bin/sh\nprintf "%s\\n" "$SECRET"\n', { mode: 0o700 });
  }
  return directory;
}

/** OpenSSH with one connection for many commands, as people set it up with ControlMaster. */
class OpenSshSession implements Client {
  readonly ended: Promise<string>;
  readonly #master: Program;
  readonly #socket: string;

  constructor(master: Program, socket: string) {
    this.#master = master;
    this.#socket = socket;
    this.ended = master.done.then(({ stderr }) => stderr.trim());
  }

  async ask(text: string): Promise<Answer> {
    const { stdout, stderr, exitCode }: ProgramResult = await runProgram('ssh', ['-F', 'none', '-S', this.#socket, '-T', 'gateway', text]);
    const rows = stdout.split('\n').slice(0, -1);
    return exitCode === 0 ? { rows } : { rows, error: `${stderr.trim()} (exit status ${exitCode})` };
  }

  /** What a session refuses, it refuses by its agent. */
  async isUp(): Promise<boolean> {
    const forward = await runProgram('ssh', ['-F', 'none', '-S', this.#socket, '-W', '127.0.0.1:1', 'gateway']);
    return /open refused by peer/i.test(forward.stderr);
  }

  vanish(): void {
    this.#master.child.kill('SIGKILL');
  }

  async leave(): Promise<void> {
    await runProgram('ssh', ['-F', 'none', '-S', this.#socket, '-O', 'exit', 'gateway']);
    await this.#master.done;
  }
}

async function start({ host, port, user, secret }: Place): Promise<OpenSshSession> {
  const home = workplace();
  const socket = join(home, `c${++count}`);
  const args = ['-F', 'none', '-M', '-S', socket, '-N', '-p', String(port), '-l', user, '-o', 'StrictHostKeyChecking=no'];
  const quiet = [
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'GlobalKnownHostsFile=none',
    '-o',
    'NumberOfPasswordPrompts=1',
    '-o',
    'PubkeyAuthentication=no',
  ];
  const env = { SECRET: secret, SSH_ASKPASS: join(home, 'askpass'), SSH_ASKPASS_REQUIRE: 'force', HOME: home };
  const master = new Program('ssh', [...args, ...quiet, host], { env });
  const session = new OpenSshSession(master, socket);
  await until('ssh is in, or is told why not', async () => {
    if (master.child.exitCode !== null) return true;
    return (await runProgram('ssh', ['-F', 'none', '-S', socket, '-O', 'check', 'gateway'])).exitCode === 0;
  });
  return session;
}

export const openssh: ClientKind = {
  name: 'OpenSSH',
  skills: new Set(['vanish', 'last-words', 'notices the end']),
  async open(place) {
    const session = await start(place);
    if (await session.isUp()) return session;
    await session.leave();
    throw new Error(await session.ended);
  },
};
