import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeGateway } from '../testing/fake-gateway.ts';
import { agent, connection } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-completion-'));
const SHELLS = ['bash', 'zsh', 'fish'] as const;

before(async () => {
  using shell = new Shell();
  for (const name of SHELLS) {
    const { code, out } = await shell.run(['completion', name]);
    assert.equal(code, 0);
    writeFileSync(join(scratch, name), out);
  }
  // Stands in for the program when a script asks for names.
  mkdirSync(join(scratch, 'bin'));
  writeFileSync(
    join(scratch, 'bin', 'hoop'),
    '#!/bin/sh\n[ "$2" = connections ] && printf "demo\\nprod-db\\n"\n[ "$2" = agents ] && echo dev\nexit 0\n',
  );
  chmodSync(join(scratch, 'bin', 'hoop'), 0o755);
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const installed = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

for (const shell of SHELLS.filter(installed)) {
  test(`${shell} reads its script without a complaint`, () => {
    const { status, stderr } = spawnSync(shell, ['-n', join(scratch, shell)], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });
}

/** What bash offers for a command line whose last word is being typed. */
function offered(...words: string[]): string[] {
  const script = `PATH="$1:$PATH"; . "$2"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _hoop; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const given = ['--norc', '-c', script, 'bash', join(scratch, 'bin'), join(scratch, 'bash'), ...words];
  const { stdout, stderr } = spawnSync('bash', given, { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((word) => word !== '');
}

test('commands are offered at every level, hidden ones and aliases left out', () => {
  assert.deepEqual(offered('hoop', 'co'), ['connect', 'config', 'completion']);
  assert.deepEqual(offered('hoop', 'admin', ''), ['create', 'get', 'delete', 'serverinfo']);
  assert.deepEqual(offered('hoop', 'admin', 'delete', ''), [
    'agent',
    'connection',
    'orgkeys',
    'resource',
    'user',
    'guardrail',
    'datamasking-rule',
  ]);
  assert.deepEqual(offered('hoop', '__'), []);
});

test('names come from the gateway, also behind flags with values and behind an alias', () => {
  assert.deepEqual(offered('hoop', 'connect', ''), ['demo', 'prod-db']);
  assert.deepEqual(offered('hoop', 'connect', '-p', '5500', 'p'), ['prod-db']);
  assert.deepEqual(offered('hoop', 'connect', '--port', '=', '5500', ''), ['demo', 'prod-db']);
  assert.deepEqual(offered('hoop', 'admin', 'create', 'conn', 'x', '-a', ''), ['dev']);
  assert.deepEqual(offered('hoop', 'admin', 'get', 'connection', ''), ['demo', 'prod-db']);
});

test('a place that is filled offers nothing, and after two dashes the words are not ours', () => {
  assert.deepEqual(offered('hoop', 'connect', 'demo', ''), []);
  assert.deepEqual(offered('hoop', 'connect', '-p', ''), []);
  assert.deepEqual(offered('hoop', 'admin', 'create', 'connection', 'x', '--', 'ba'), []);
});

test('flags and their fixed values are offered', () => {
  assert.deepEqual(offered('hoop', 'connect', '--s'), ['--silent']);
  assert.deepEqual(offered('hoop', 'list', '-o', ''), ['table', 'wide', 'json']);
  assert.deepEqual(offered('hoop', 'list', '--output', '=', 'w'), ['wide']);
  assert.deepEqual(offered('hoop', 'completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(offered('hoop', 'help', 'ex'), ['exec', 'exit-codes']);
});

test('files are offered where a file is meant', () => {
  const script = join(scratch, 'ba');
  assert.deepEqual(offered('hoop', 'exec', 'demo', '-f', script), [join(scratch, 'bash')]);
});

test('every command of the tree is in every script', async () => {
  using shell = new Shell();
  for (const name of SHELLS) {
    const { out } = await shell.run(['completion', name]);
    for (const word of ['login', 'connect', 'credentials', 'sessions', 'standalone', 'datamasking-rules', 'serverinfo']) {
      assert.match(out, new RegExp(`\\b${word}\\b`), `${name}: ${word}`);
    }
    assert.doesNotMatch(out, /undefined|\[object/);
  }
});

test('the names that a shell asks for are words, one a line, and nothing that a shell would run', async () => {
  await using gateway = await FakeGateway.start({
    listConnections: () => [connection(), connection({ name: 'odd $(rm -rf)' })],
    listAgents: () => [agent({ name: 'dev' })],
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['__complete', 'connections', 'd']), { code: 0, out: 'demo\n', err: '' });
  assert.deepEqual(await shell.run(['__complete', 'agents']), { code: 0, out: 'dev\n', err: '' });
});

test('a shell that asks without a login, without a gateway, or for nonsense gets silence', async () => {
  using shell = new Shell();
  const silence = { code: 0, out: '', err: '' };
  assert.deepEqual(await shell.run(['__complete', 'connections']), silence);
  assert.deepEqual(
    await shell.run(['__complete', 'connections'], { env: { HOOP_API_URL: 'http://127.0.0.1:1', HOOP_TOKEN: 'x' } }),
    silence,
  );
  assert.deepEqual(await shell.run(['__complete', 'nonsense'], { env: { HOOP_TOKEN: 'x' } }), silence);
});
