import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentService } from './choose.ts';
import { plistText } from './launchd-plist.ts';
import type { AgentService } from './service.ts';
import { FakeManager } from './testing/fake-manager.ts';

const KEY = 'grpcs://dev:xagt-0123456789abcdefghij@gateway.test:8010?mode=standard';
const command = ['/opt/node', '/opt/hoop/main.js', 'start', 'agent'];
const PLIST = 'Library/LaunchAgents/hoop-agent.plist';

/** A property list as Python's parser, which is not ours, reads it. */
function parsed(text: string): unknown {
  const program = 'import json, plistlib, sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout)';
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', program], { input: text, encoding: 'utf8' }));
}

function serviceOn(manager: FakeManager): AgentService {
  return agentService(manager.machine({ platform: 'darwin', uid: 501 }));
}

test('the property list says what launchd is to do, whatever is in the paths', () => {
  const strange = '/Users/a & b <c> "d" \'e\' é/node';
  const text = plistText({ command: [strange, 'start', 'agent'], variables: { HOOP_ENV_FILE: strange }, outputFile: strange });
  assert.deepEqual(parsed(text), {
    Label: 'hoop-agent',
    ProgramArguments: [strange, 'start', 'agent'],
    EnvironmentVariables: { HOOP_ENV_FILE: strange },
    RunAtLoad: true,
    KeepAlive: true,
    ThrottleInterval: 10,
    ExitTimeOut: 40,
    StandardOutPath: strange,
    StandardErrorPath: strange,
  });
});

test('start keeps the key out of the property list, and lets launchd take it in', async () => {
  using manager = new FakeManager();
  manager.answer('launchctl print', { code: 113 });
  const service = serviceOn(manager);
  assert.deepEqual(await service.start({ command, variables: { HOOP_KEY: KEY } }), { change: 'installed', hints: [] });
  const plist = join(manager.home, PLIST);
  assert.deepEqual(manager.calls(), [
    'launchctl enable gui/501/hoop-agent',
    `launchctl bootstrap gui/501 ${plist}`,
    'launchctl kickstart gui/501/hoop-agent',
  ]);
  const envFile = join(manager.home, '.config/hoop/agent.env');
  assert.deepEqual((parsed(readFileSync(plist, 'utf8')) as { EnvironmentVariables: unknown }).EnvironmentVariables, {
    HOOP_ENV_FILE: envFile,
  });
  assert.doesNotMatch(readFileSync(plist, 'utf8'), /xagt-/);
  assert.equal(statSync(envFile).mode & 0o777, 0o600);
  assert.deepEqual(service.stored(), { HOOP_KEY: KEY });
});

test('an agent that runs with these settings is left alone', async () => {
  using manager = new FakeManager();
  manager.answer('launchctl print', { code: 113 });
  const service = serviceOn(manager);
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.answer('launchctl print', { out: 'gui/501/hoop-agent = {\n\tstate = running\n\tpid = 77\n}\n' });
  manager.calls();
  assert.equal((await service.start({ command, variables: { HOOP_KEY: KEY } })).change, 'unchanged');
  assert.deepEqual(manager.calls(), []);
  const { installed, enabled, running, linked, pid } = await service.status();
  assert.deepEqual([installed, enabled, running, linked, pid], [true, true, true, undefined, 77]);
});

test('an agent that ended is told with its exit code', async () => {
  using manager = new FakeManager();
  manager.answer('launchctl print', { out: 'gui/501/hoop-agent = {\n\tstate = not running\n\tlast exit code = 78: EX_CONFIG\n}\n' });
  const { running, message } = await serviceOn(manager).status();
  assert.deepEqual([running, message], [false, 'It ended with exit code 78']);
});

test('stop and remove undo it', async () => {
  using manager = new FakeManager();
  manager.answer('launchctl print', { code: 113 });
  const service = serviceOn(manager);
  assert.equal(await service.remove(), false);
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.calls();
  assert.equal(await service.stop(), true);
  assert.deepEqual(manager.calls(), ['launchctl disable gui/501/hoop-agent']);
  assert.equal(await service.remove(), true);
  assert.deepEqual([existsSync(join(manager.home, PLIST)), service.stored()], [false, undefined]);
  assert.deepEqual(service.logs({ follow: true, lines: 20 }).slice(0, 4), ['tail', '-n', '20', '-F']);
});
