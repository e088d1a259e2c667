import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { plainEnv } from '../env.ts';
import { findProgram } from '../process/programs.ts';
import { writePrivate } from './state.ts';

/** How long a certificate lets somebody in. Each start makes a new one. */
const CERTIFICATE = '-5m:+24h';

/** Makes a key pair where there is none: PATH and PATH.pub. */
export async function ensureKey(path: string, comment: string): Promise<void> {
  if (existsSync(path) && existsSync(`${path}.pub`)) return;
  for (const half of [path, `${path}.pub`]) rmSync(half, { force: true });
  await sshKeygen('-q', '-t', 'ed25519', '-N', '', '-C', `hoop demo ${comment}`, '-f', path);
}

async function sshKeygen(...args: string[]): Promise<void> {
  await promisify(execFile)('ssh-keygen', args, { env: plainEnv });
}

/** A path as OpenSSH's configurations have it. */
export function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** The public key of the authority whose certificates the demo's gateway believes; made where there is none. Undefined without OpenSSH. */
export async function ensureAuthority(directory: string): Promise<string | undefined> {
  if (!findProgram('ssh-keygen')) return undefined;
  const path = join(directory, 'authority');
  await ensureKey(path, 'authority');
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

export interface ClientWay {
  readonly connection: string;
  readonly port: number;
  /** What the gateway proves itself with: type and base64. */
  readonly hostKey: string;
  /** The user whom the certificate is for. */
  readonly email: string;
}

/** Writes a configuration with which `ssh -F FILE CONNECTION` goes through the gateway, by a certificate. Returns its path. */
export async function writeClientConfig(directory: string, { connection, port, hostKey, email }: ClientWay): Promise<string> {
  const path = (name: string): string => join(directory, name);
  await ensureKey(path('user'), 'user');
  await sshKeygen('-q', '-s', path('authority'), '-I', email, '-n', email, '-V', CERTIFICATE, path('user.pub'));
  writePrivate(path('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const lines = [
    '# Written by npm start, and again at its every start.',
    `Host ${connection}`,
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    `  User ${connection}`,
    `  IdentityFile ${quoted(path('user'))}`,
    `  CertificateFile ${quoted(path('user-cert.pub'))}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${quoted(path('known_hosts'))}`,
    '  StrictHostKeyChecking yes',
  ];
  writePrivate(path('config'), `${lines.join('\n')}\n`);
  return path('config');
}
