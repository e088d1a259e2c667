import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestSshd } from '../support/test-sshd.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';
import { Seat } from './seat.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

describe('hoop with a host', () => {
  const scratch = temporaryDirectory('ssh e2e');
  const home = join(scratch, 'client home');
  const agentHome = join(scratch, 'agent');
  let parts: Parts;
  let sshd: TestSshd;
  let env: Record<string, string>;

  before(async () => {
    [parts, sshd] = await Promise.all([Parts.start({ HOOP_HOME: agentHome }), TestSshd.start()]);
    const { office } = parts;
    env = { HOME: scratch, HOOP_HOME: home, HOOP_API_URL: office.apiUrl, HOOP_TOKEN: office.token };
    const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
    await office.connection('host', id, sshd.settings(), { deny: ['forbidden'] }, { type: 'application', subtype: 'ssh' });
    await until('the agent', async () => {
      const { status } = await office.api.call(routes.getConnection, { params: { nameOrID: 'host' } });
      return status === 'online';
    });
  });
  after(async () => {
    await parts[Symbol.asyncDispose]();
    await sshd.stop();
  });

  test('connect starts the user’s own ssh, without a question, and ends as it does', async () => {
    const { stdout, stderr, exitCode } = await runProgram(HOOP, ['connect', 'host', '--', 'cat; exit 5'], { env, input: 'through' });
    assert.deepEqual([stdout, exitCode], ['through', 5], stderr);
    const known = join(home, 'ssh_known_hosts');
    assert.equal(statSync(known).mode & 0o777, 0o600);
    assert.match(readFileSync(known, 'utf8'), /^hoop-gateway ssh-ed25519 \S+\n$/);
  });

  test('connect gives a shell in a terminal', async () => {
    using seat = new Seat([HOOP, 'connect', 'host'], { env, columns: 91, rows: 33 });
    await seat.sees(/\$ ?$/);
    seat.type('stty size; exit 3\r');
    await seat.sees(/33 91/);
    assert.equal((await seat.ended).exitCode, 3);
  });

  test('a rule says no in connect and in exec alike', async () => {
    const connected = await runProgram(HOOP, ['connect', 'host', '--', 'echo forbidden'], { env });
    assert.deepEqual([connected.stdout, connected.exitCode], ['', 254]);
    assert.match(connected.stderr, /Not here/);
    const run = await runProgram(HOOP, ['exec', 'host'], { env, input: 'echo forbidden' });
    assert.equal(run.exitCode, 254);
    const allowed = await runProgram(HOOP, ['exec', 'host'], { env, input: 'echo allowed; exit 0' });
    assert.deepEqual([allowed.stdout.trim(), allowed.exitCode], ['allowed', 0], allowed.stderr);
  });

  test('connect with a port only listens, and any client may come', async () => {
    const { local } = await choosePorts({ local: [] });
    const hoop = new Program(HOOP, ['connect', 'host', '--port', String(local.port)], { env });
    await until('the port is there', () => hoop.stderr.includes('Ready'));
    const options = ['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-p', String(local.port)];
    const { stdout, stderr } = await runProgram('ssh', [...options, 'noop@127.0.0.1', 'echo in'], { env });
    assert.equal(stdout, 'in\n', stderr);
    hoop.child.kill('SIGINT');
    assert.equal((await hoop.done).exitCode, 0);
  });

  test('an agent remembers a host’s key when it was started anew', async () => {
    const targets = JSON.parse(readFileSync(join(agentHome, 'agent', 'targets.json'), 'utf8')) as Record<string, string>;
    assert.match(targets[`ssh 127.0.0.1:${sshd.port}`] ?? '', /^ssh-ed25519 /);
    await sshd.changeHostKey();
    const { stderr, exitCode } = await runProgram(HOOP, ['connect', 'host', '--', 'true'], { env });
    assert.equal(exitCode, 255);
    assert.match(stderr, /shows another key/);
  });
});
