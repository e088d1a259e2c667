import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../support/program.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { sharedDirectory, TestSshd } from '../../support/test-sshd.ts';
import type { Product } from '../product.ts';
import { type Carrier, type Source, sha256OfFile } from './carrier.ts';

/** scp, sftp and rsync of a host that is reached over SSH. */
export async function sshCarrier({ office, agentId }: Product): Promise<Carrier> {
  const sshd = await TestSshd.start();
  await office.connection('host', agentId, sshd.settings(), {}, { type: 'application', subtype: 'ssh' });
  const { port, secret } = await office.credential('host');
  const askpass = join(temporaryDirectory('askpass'), 'askpass');
  writeFileSync(askpass, '#!/bin/sh\nprintf "%s\\n" "$SECRET"\n', { mode: 0o700 });
  const options = [
    ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ...['-o', 'PubkeyAuthentication=no', '-o', `Port=${port}`],
  ];
  const there = sharedDirectory('there');
  const here = temporaryDirectory('here');
  const run = async (command: string, args: readonly string[], input = ''): Promise<void> => {
    const env = { SECRET: secret, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
    const { exitCode, stderr } = await runProgram(command, args, { env, input });
    if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}: ${stderr}`);
  };
  const arrived = async (path: string, bring: () => Promise<void>): Promise<string> => {
    await bring();
    const hash = await sha256OfFile(path);
    rmSync(path);
    return hash;
  };
  const remote = (path: string): string => `host@127.0.0.1:${path}`;
  const shell = ['ssh', ...options].join(' ');
  const up = join(there, 'file');
  const down = join(here, 'file');
  const sftp = (command: string): Promise<void> =>
    run('sftp', ['-o', 'BatchMode=no', ...options, '-b', '-', 'host@127.0.0.1'], `${command}\n`);
  return {
    journeys: {
      'scp, to the host': ({ path }: Source) => arrived(up, () => run('scp', [...options, path, remote(up)])),
      'scp, from the host': ({ path }: Source) => arrived(down, () => run('scp', [...options, remote(path), down])),
      'sftp, to the host': ({ path }: Source) => arrived(up, () => sftp(`put ${path} ${up}`)),
      'sftp, from the host': ({ path }: Source) => arrived(down, () => sftp(`get ${path} ${down}`)),
      'rsync, to the host': ({ path }: Source) => arrived(up, () => run('rsync', ['-W', '-e', shell, path, remote(up)])),
      'rsync, from the host': ({ path }: Source) => arrived(down, () => run('rsync', ['-W', '-e', shell, remote(path), down])),
    },
    [Symbol.asyncDispose]: () => sshd.stop(),
  };
}
