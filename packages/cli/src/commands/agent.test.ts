import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentService } from '@hoop/agent/service/choose';
import { FakeManager } from '@hoop/agent/service/testing/fake-manager';
import { Shell } from '../testing/shell.ts';
import { logs, remove, type ServicePlace, start, status, stop } from './agent.ts';

const KEY = 'grpcs://dev:xagt-0123456789abcdefghij@gateway.test:8010?mode=standard';

function placeOn(manager: FakeManager, env: NodeJS.ProcessEnv = {}): ServicePlace {
  const machine = manager.machine();
  return { service: () => agentService(machine), env: { ...machine.env, ...env }, program: ['/opt/node', '/opt/hoop/main.js'] };
}

/** What a command prints. */
async function said(shell: Shell, work: (context: ReturnType<Shell['start']>['context']) => Promise<unknown>): Promise<string> {
  const { context, stdout, done } = shell.start(['version']);
  await done;
  const before = stdout.text.length;
  await work(context);
  return stdout.text.slice(before);
}

test('start, status, stop and remove say what they did', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  const place = placeOn(manager, { HOOP_KEY: KEY });
  assert.match(await said(shell, (context) => start(context, {}, place)), /^✓ Installed and started hoop-agent service\n/);
  assert.match(
    readFileSync(join(manager.home, '.config/systemd/user/hoop-agent.service'), 'utf8'),
    /^ExecStart=\/opt\/node \/opt\/hoop\/main\.js start agent$/m,
  );
  manager.answer('systemctl show', {
    out: 'ActiveState=active\nUnitFileState=enabled\nMainPID=42\nStatusText=Linked to gateway.test:8010 as dev\n',
  });
  assert.match(
    await said(shell, (context) => start(context, {}, place)),
    /^✓ The hoop-agent service runs already.*\nLinked to gateway\.test:8010 as dev\n$/,
  );
  assert.match(await said(shell, (context) => status(context, {}, place)), /Enabled {4}yes\nRunning {4}yes, process 42\nLinked {5}yes\n/);
  const json = JSON.parse(await said(shell, (context) => status(context, { json: true }, place)));
  assert.deepEqual([json.installed, json.enabled, json.running, json.linked, json.pid, json.since], [true, true, true, true, 42, null]);
  assert.match(await said(shell, (context) => stop(context, place)), /^✓ Stopped hoop-agent service\n$/);
  assert.match(await said(shell, (context) => remove(context, place)), /^✓ Removed hoop-agent service and its key\n$/);
});

test('a rotated key is in force after stop and start, and no key is needed again for the same one', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  const rotated = KEY.replace('0123', 'new0');
  const envFile = join(manager.home, '.config/hoop/agent.env');
  await said(shell, (context) => start(context, {}, placeOn(manager, { HOOP_KEY: KEY })));
  await said(shell, (context) => stop(context, placeOn(manager)));
  await said(shell, (context) => start(context, {}, placeOn(manager, { HOOP_KEY: rotated })));
  assert.match(readFileSync(envFile, 'utf8'), /HOOP_KEY=".*xagt-new0456789/);
  assert.doesNotMatch(readFileSync(envFile, 'utf8'), /xagt-0123/);
  await said(shell, (context) => start(context, {}, placeOn(manager)));
  assert.match(readFileSync(envFile, 'utf8'), /xagt-new0456789/);
});

test('a key that cannot be used is refused before anything is written', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  for (const key of [undefined, 'nonsense', KEY.replace('standard', 'embedded')]) {
    const place = placeOn(manager, key === undefined ? {} : { HOOP_KEY: key });
    await assert.rejects(
      said(shell, (context) => start(context, {}, place)),
      /HOOP_KEY/,
    );
  }
  assert.deepEqual(manager.calls(), []);
});

test('the status of a service that does not run ends with 1', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  const { context } = shell.start(['version']);
  assert.equal(await status(context, {}, placeOn(manager)), 1);
});

test('logs follow the journal in this terminal, with its exit code, and without a service say so', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  const place = placeOn(manager, { HOOP_KEY: KEY });
  const { context } = shell.start(['version']);
  await assert.rejects(logs(context, { follow: true }, place), /There is no hoop-agent service/);
  await assert.rejects(stop(context, place), { code: 'service_missing' });
  await said(shell, (inside) => start(inside, {}, place));
  const bin = join(manager.home, 'journal');
  mkdirSync(bin);
  writeFileSync(join(bin, 'journalctl'), `#!/bin/sh\necho "$@" > ${JSON.stringify(join(bin, 'args'))}\nexit 3\n`);
  chmodSync(join(bin, 'journalctl'), 0o755);
  const there = { ...place, env: { PATH: `${bin}:/usr/bin:/bin` } };
  assert.equal(await logs(context, { follow: true }, there), 3);
  assert.equal(readFileSync(join(bin, 'args'), 'utf8'), '--user -u hoop-agent.service -f -o cat --no-pager\n');
  await logs(context, { follow: false, lines: '20' }, there);
  assert.equal(readFileSync(join(bin, 'args'), 'utf8'), '--user -u hoop-agent.service -o cat --no-pager -n 20\n');
  await assert.rejects(logs(context, { follow: true, lines: 'all' }, there), /--lines takes a number/);
});

test('here, where no systemd runs, the command says what to do instead', async () => {
  using manager = new FakeManager();
  using shell = new Shell();
  const machine = manager.machine({ isManaged: false });
  const { context } = shell.start(['version']);
  const place: ServicePlace = { ...placeOn(manager, { HOOP_KEY: KEY }), service: () => agentService(machine) };
  await assert.rejects(start(context, {}, place), /Run `hoop start agent` in the foreground/);
});
