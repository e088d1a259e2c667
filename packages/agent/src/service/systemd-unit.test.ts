import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { unitText } from './systemd-unit.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-unit-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** What systemd finds wrong with a unit. */
function verify(scope: 'user' | 'system', text: string): string {
  const path = join(scratch, 'hoop-agent.service');
  writeFileSync(path, text);
  const flags = scope === 'user' ? ['--user'] : [];
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...flags, path], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', HOME: scratch, XDG_RUNTIME_DIR: scratch },
  });
  const ours = stderr.split('\n').filter((line) => line.includes('hoop-agent'));
  return status === 0 && ours.length === 0 ? '' : `exit code ${status}\n${stderr}`;
}

const command = [process.execPath, '--disable-warning=ExperimentalWarning', '/opt/hoop/dist/main.js', 'start', 'agent'];

for (const scope of ['user', 'system'] as const) {
  for (const notifies of [true, false]) {
    test(`systemd finds nothing wrong with the ${scope} unit, ${notifies ? 'with' : 'without'} notices`, () => {
      assert.equal(verify(scope, unitText({ scope, command, envFile: '/etc/hoop/agent.env', notifies })), '');
    });
  }
}

test('the check is one that can fail', () => {
  const text = unitText({ scope: 'system', command, envFile: '/etc/hoop/agent.env', notifies: true });
  assert.match(verify('system', text.replace('KillMode=mixed', 'KillMode=sometimes')), /kill mode/);
  assert.match(verify('system', text.replace('Restart=always', 'Restarts=always')), /Restarts/);
  assert.match(verify('system', text.replace(process.execPath, '/nowhere/node')), /nowhere/);
});

test('a program in a folder with a strange name is found all the same', () => {
  const folder = mkdtempSync(join(scratch, 'a b %h $HOME '));
  const node = join(folder, 'node');
  writeFileSync(node, '#!/bin/sh\n', { mode: 0o755 });
  const text = unitText({ scope: 'system', command: [node, ...command.slice(1)], envFile: join(folder, 'agent.env'), notifies: true });
  assert.equal(verify('system', text), '');
});

test('an agent that was refused is not started again, and one that ends otherwise is, for ever', () => {
  const text = unitText({ scope: 'user', command, envFile: '/x', notifies: true });
  for (const line of ['Restart=always', 'RestartPreventExitStatus=78', 'StartLimitIntervalSec=0'])
    assert.match(text, new RegExp(`^${line}$`, 'm'));
});
