import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { LocalPlace } from './protocols.ts';

/** What the gateway is called where its host key is kept; its address here is another port each time. */
const ALIAS = 'hoop-gateway';

export interface SshCall {
  /** Directory of the command line's own files. */
  readonly home: string;
  readonly place: Pick<LocalPlace, 'host' | 'port'>;
  /** The gateway's host key, as the API tells it: type and base64. */
  readonly hostKey: string;
  /** A command for the host, in place of a shell. */
  readonly args: readonly string[];
}

/** What `ssh` has to be told to use a local port without a question: whose key is there is known, and who you are as well. */
export function sshArguments({ home, place, hostKey, args }: SshCall): string[] {
  const known = writeKnownHosts(home, hostKey);
  const options = [
    `HostKeyAlias=${ALIAS}`,
    // Quoted, because a path may have spaces in it and this option takes several.
    `UserKnownHostsFile="${known}"`,
    'GlobalKnownHostsFile=none',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'PreferredAuthentications=none',
    // What the user has set for all hosts: a shared connection would be that of another host here, and a jump leads away from this machine.
    'ControlPath=none',
    'ProxyCommand=none',
  ];
  const at = ['-p', String(place.port), '-l', 'noop', place.host];
  return [...options.flatMap((option) => ['-o', option]), ...at, ...(args.length > 0 ? ['--', ...args] : [])];
}

/**
 * Runs the user's own `ssh` in this terminal; resolves with its exit code.
 * @throws Failure `ssh_missing` where there is none
 */
export function runSsh(call: SshCall, stop: AbortSignal): Promise<number> {
  const child = spawn('ssh', sshArguments(call), { stdio: 'inherit' });
  const end = (): void => void child.kill('SIGTERM');
  stop.addEventListener('abort', end, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once('error', () => {
      const message = `There is no ssh to start here. Install OpenSSH's client, or take a port for another one: --port ${call.place.port}`;
      reject(new Failure('ssh_missing', message, { exitCode: EXIT.failed }));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 0)));
  }).finally(() => stop.removeEventListener('abort', end));
}

function writeKnownHosts(home: string, hostKey: string): string {
  const path = join(home, 'ssh_known_hosts');
  const whole = `${path}.${process.pid}`;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(whole, `${ALIAS} ${hostKey}\n`, { mode: 0o600 });
  renameSync(whole, path);
  return path;
}
