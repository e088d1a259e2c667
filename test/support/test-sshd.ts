import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '../../tools/demo/ports.ts';
import { type Account, serverAccount } from '../../tools/postgres/account.ts';
import { atExit } from './at-exit.ts';
import { endProcess } from './end-process.ts';
import { plainEnv } from './env.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

const SSHD = '/usr/sbin/sshd';

/** A real OpenSSH server on a port of its own, for one user, thrown away when the test's process ends. */
export class TestSshd {
  readonly port: number;
  readonly directory: string;
  /** Whom sessions run as: not root, for whom a server separates no privileges and then passes no signals on. */
  readonly user: string;
  readonly #account: Account | undefined = withTerminals(serverAccount());
  #server: ChildProcess;
  #log = '';

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
    this.user = nameOf(this.#account);
    this.#own();
    this.#server = this.#spawn();
    atExit(() => {
      this.#server.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    });
  }

  /** `more`: further lines of its configuration. */
  static async start(more: readonly string[] = []): Promise<TestSshd> {
    const directory = temporaryDirectory('sshd');
    const path = (name: string): string => join(directory, name);
    for (const name of ['host', 'user', 'stranger']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path(name)], { env: plainEnv() });
    }
    const { server } = await choosePorts({ server: [] });
    const config = [
      `Port ${server.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path('host')}`,
      `AuthorizedKeysFile ${path('user.pub')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'AcceptEnv LANG LC_* TZ GIT_PROTOCOL HARMFUL',
      'MaxSessions 100',
      'MaxStartups 200',
      'LoginGraceTime 20',
      'Subsystem sftp internal-sftp',
      `SetEnv HOOP_PLACE=${directory}`,
      ...more,
    ];
    writeFileSync(path('sshd_config'), `${config.join('\n')}\n`);
    const sshd = new TestSshd(directory, server.port);
    await sshd.#ready();
    return sshd;
  }

  /** What a connection needs to reach it. */
  settings(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { HOST: '127.0.0.1', PORT: String(this.port), USER: this.user, AUTHORIZED_SERVER_KEYS: this.key('user'), ...more };
  }

  key(name: 'user' | 'stranger' | 'host'): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  publicKey(name: 'user' | 'stranger' | 'host'): string {
    return readFileSync(join(this.directory, `${name}.pub`), 'utf8').trim();
  }

  /** The file of a private key, for clients that go to it directly. */
  keyFile(name: 'user' | 'stranger'): string {
    return join(this.directory, name);
  }

  /** Gives the host another key, as a machine that was set up anew has. */
  async changeHostKey(): Promise<void> {
    const path = join(this.directory, 'host');
    for (const file of [path, `${path}.pub`]) rmSync(file);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path], { env: plainEnv() });
    await this.stop();
    this.#own();
    this.#server = this.#spawn();
    await this.#ready();
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  get log(): string {
    return this.#log;
  }

  async stop(): Promise<void> {
    await endProcess(this.#server, 'SIGTERM');
  }

  #own(): void {
    if (!this.#account) return;
    const { uid, gid } = this.#account;
    for (const name of ['', ...readdirSync(this.directory)]) chownSync(join(this.directory, name), uid, gid);
  }

  #spawn(): ChildProcess {
    const server = spawn(SSHD, ['-D', '-e', '-f', join(this.directory, 'sshd_config')], {
      env: plainEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#account,
    });
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-100_000);
    });
    return server;
  }

  async #ready(): Promise<void> {
    await until(`sshd takes connections: ${this.#log}`, () => {
      if (this.#server.exitCode !== null) throw new Error(`sshd ended with ${this.#server.exitCode}: ${this.#log}`);
      return new Promise<boolean>((resolve) => {
        const socket = net.connect(this.port, '127.0.0.1');
        socket.once('connect', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', () => resolve(false));
      });
    });
  }
}

function nameOf(account: Account | undefined): string {
  if (!account) return userInfo().username;
  const row = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , uid]) => Number(uid) === account.uid);
  if (row?.[0] === undefined) throw new Error(`There is no user ${account.uid} here`);
  return row[0];
}

/** A server that is not root can only give away terminals to its own group, and wants them to belong to that of terminals. */
function withTerminals(account: Account | undefined): Account | undefined {
  const tty = /^tty:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1];
  return account && tty !== undefined ? { ...account, gid: Number(tty) } : account;
}

/** A directory of the test that sessions may write in too. */
export function sharedDirectory(name: string): string {
  const directory = temporaryDirectory(name);
  chmodSync(directory, 0o777);
  return directory;
}
