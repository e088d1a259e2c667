import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { plainEnv } from '../../env.ts';
import { findProgram } from '../../process/programs.ts';
import { endLeftover, Supervised } from '../../process/supervised.ts';
import { ensureKey, quoted } from '../ssh-keys.ts';
import { writePrivate } from '../state.ts';
import { Missing, type Target } from './target.ts';

export const SSH = 'demo-ssh';

const START_MS_MAX = 10_000;
/** Where a server that root starts puts what has no rights; Debian's service makes it at boot. */
const PRIVILEGE_SEPARATION = '/run/sshd';

/** Starts an SSH server for the user who starts it, and nobody else, with keys of its own. @throws Missing */
export async function startSshd(directory: string, port: number): Promise<Target> {
  const sshd = findProgram('sshd');
  if (!sshd || !findProgram('ssh-keygen')) throw new Missing('no SSH server on this machine (on Debian: apt-get install openssh-server)');
  await Promise.all(['host', 'agent'].map((name) => ensureKey(join(directory, name), name)));
  const config = configPath(directory);
  const user = userInfo().username;
  writePrivate(config, serverConfig(directory, port, user));
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync('/run')) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  const log = join(directory, 'sshd.log');
  const server = new Supervised({ command: sshd, args: ['-D', '-e', '-f', config], env: plainEnv, log, pidFile: pidPath(directory) });
  const again = async (): Promise<void> => {
    server.start();
    await answers(server, port, log);
  };
  await again();
  const settings = {
    HOST: '127.0.0.1',
    PORT: String(port),
    USER: user,
    AUTHORIZED_SERVER_KEYS: readFileSync(join(directory, 'agent'), 'utf8'),
    HOST_KEY: readFileSync(join(directory, 'host.pub'), 'utf8').trim(),
  };
  return {
    wish: { name: SSH, type: 'application', subtype: 'ssh', settings },
    what: `this machine, as ${user}`,
    running: { ended: () => server.ended(), again, stop: () => server.stop(), hurry: () => server.hurry() },
  };
}

/** Ends the server that a killed start left running. */
export function endLeftoverSshd(directory: string): Promise<void> {
  return endLeftover(pidPath(directory), configPath(directory));
}

function serverConfig(directory: string, port: number, user: string): string {
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${quoted(join(directory, 'host'))}`,
    `AuthorizedKeysFile ${quoted(join(directory, 'agent.pub'))}`,
    `AllowUsers ${user}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    `UsePAM ${isLocked(user) ? 'yes' : 'no'}`,
    'StrictModes no',
    'PidFile none',
    'PrintMotd no',
    'PrintLastLog no',
    'AcceptEnv LANG LC_* TZ GIT_PROTOCOL',
    'Subsystem sftp internal-sftp',
  ];
  return `${lines.join('\n')}\n`;
}

/** A user without a password may come in with a key, but only PAM says so. Who may not read the passwords is not asked. */
function isLocked(user: string): boolean {
  try {
    const row = readFileSync('/etc/shadow', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${user}:`));
    return row?.split(':')[1]?.startsWith('!') ?? false;
  } catch {
    return false;
  }
}

async function answers(server: Supervised, port: number, log: string): Promise<void> {
  const until = Date.now() + START_MS_MAX;
  while (server.running && Date.now() < until) {
    if (await isListening(port)) return;
    await pause(20);
  }
  await server.stop();
  throw new Error(`sshd did not start; ${log} says why`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const configPath = (directory: string): string => join(directory, 'sshd_config');
const pidPath = (directory: string): string => join(directory, 'sshd.pid');
