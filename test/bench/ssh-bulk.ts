import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '@hoop/contract/routes/all';
import { Parts } from '../e2e/parts.ts';
import { runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { sharedDirectory, TestSshd } from '../support/test-sshd.ts';
import { until } from '../support/until.ts';
import { median, table } from './stack.ts';

/** How long do large transfers over SSH take, as a share of OpenSSH direct? */
export interface SshBulkOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

/** A way to the same host: what its clients are told. */
interface Way {
  readonly name: string;
  readonly options: readonly string[];
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
}

const COMMON = ['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];

/** What is told to both ways: nothing, as people do it, and the quickest there is, which OpenSSH does not choose by itself. */
const CIPHERS: Readonly<Record<string, readonly string[]>> = {
  'what each way agrees on by itself': [],
  'AES-128-GCM on both ways': ['-c', 'aes128-gcm@openssh.com'],
};

export async function sshBulk(options: SshBulkOptions, say: (line: string) => void): Promise<void> {
  const sshd = await TestSshd.start();
  const agentHome = temporaryDirectory('agent');
  await using parts = await Parts.start({ HOOP_HOME: agentHome });
  const ways = [directWay(sshd), await ourWay(parts, sshd)];
  const bytes = Math.ceil(options.megabytes * 1e6);
  const files = sharedDirectory('bulk');
  const source = join(files, 'source');
  await runProgram('dd', ['if=/dev/zero', `of=${source}`, 'bs=1M', `count=${Math.ceil(bytes / 2 ** 20)}`]);
  const questions: Readonly<Record<string, (way: Way) => Promise<unknown>>> = {
    'a command’s output': (way) => output(way, bytes),
    'scp to the host': (way) => scp(way, source, `${way.user}@127.0.0.1:${join(files, 'there')}`),
    'scp from the host': (way) => scp(way, `${way.user}@127.0.0.1:${source}`, '/dev/null'),
  };
  try {
    for (const [cipher, more] of Object.entries(CIPHERS)) {
      const told = ways.map((way) => ({ ...way, options: [...way.options, ...more] }));
      for (const [name, ask] of Object.entries(questions)) say(await compared(`${name}, ${cipher}`, ask, told, bytes, options.rounds));
    }
  } finally {
    await sshd.stop();
  }
}

async function compared(
  name: string,
  ask: (way: Way) => Promise<unknown>,
  ways: readonly Way[],
  bytes: number,
  rounds: number,
): Promise<string> {
  const seconds = new Map<string, number[]>(ways.map((way) => [way.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const began = performance.now();
      await ask(way);
      seconds.get(way.name)?.push((performance.now() - began) / 1000);
    }
  }
  const direct = seconds.get('direct') ?? [];
  const lines = ways.map((way) => {
    const took = seconds.get(way.name) ?? [];
    const share = median(took.map((each, round) => (direct[round] ?? Number.NaN) / each));
    return [way.name, (bytes / 1e6 / median(took)).toFixed(0), share.toFixed(2)];
  });
  return `\n${name}, ${Math.round(bytes / 1e6)} MB\n\n${table(['way', 'MB/s', 'of direct'], lines)}`;
}

function directWay(sshd: TestSshd): Way {
  return {
    name: 'direct',
    options: [...COMMON, '-i', sshd.keyFile('user'), '-o', `Port=${sshd.port}`],
    user: sshd.user,
    env: {},
  };
}

async function ourWay({ office }: Parts, sshd: TestSshd): Promise<Way> {
  const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
  await office.connection('host', id, sshd.settings(), {}, { type: 'application', subtype: 'ssh' });
  await until('the agent is there', async () => {
    const { status } = await office.api.call(routes.getConnection, { params: { nameOrID: 'host' } });
    return status === 'online';
  });
  const access = await office.credential('host');
  const askpass = join(temporaryDirectory('askpass'), 'askpass');
  writeFileSync(askpass, '#!/bin/sh\nprintf "%s\\n" "$SECRET"\n', { mode: 0o700 });
  return {
    name: 'gateway + agent',
    options: [...COMMON, '-o', 'PubkeyAuthentication=no', '-o', `Port=${access.port}`],
    user: 'host',
    env: { SECRET: access.secret, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
  };
}

async function scp({ name, options, env }: Way, from: string, to: string): Promise<void> {
  const { exitCode, stderr } = await runProgram('scp', [...options, from, to], { env });
  if (exitCode !== 0) throw new Error(`scp, ${name}, ended with ${exitCode}: ${stderr}`);
}

/** Runs a command at the host, whose output is counted by a program that takes next to nothing of the processor. */
async function output({ name, options, user, env }: Way, bytes: number): Promise<void> {
  const piped = ['-c', 'set -o pipefail; ssh "$@" | wc -c', 'ssh', ...options, `${user}@127.0.0.1`, `head -c ${bytes} /dev/zero`];
  const { exitCode, stdout, stderr } = await runProgram('bash', piped, { env });
  if (exitCode !== 0 || Number(stdout) !== bytes) throw new Error(`ssh, ${name}, ended with ${exitCode} after ${stdout}: ${stderr}`);
}
