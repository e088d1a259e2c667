import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentService } from './choose.ts';
import { SystemdService } from './systemd.ts';
import { FakeManager } from './testing/fake-manager.ts';

const KEY = 'grpcs://dev:xagt-0123456789abcdefghij@gateway.test:8010?mode=standard';
const ROTATED = KEY.replace('0123', 'new0');
const command = ['/opt/node', '/opt/hoop/main.js', 'start', 'agent'];
const UNIT = '.config/systemd/user/hoop-agent.service';
const ENV = '.config/hoop/agent.env';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('start writes unit and key apart, the key for its owner only, and starts it now and at every login', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine());
  assert.deepEqual(await service.start({ command, variables: { HOOP_KEY: KEY } }), { change: 'installed', hints: [] });
  assert.deepEqual(manager.calls(), [
    'systemctl --user daemon-reload',
    'systemctl --user enable hoop-agent.service',
    'systemctl --user reset-failed hoop-agent.service',
    'systemctl --user restart hoop-agent.service',
  ]);
  const unit = readFileSync(join(manager.home, UNIT), 'utf8');
  assert.match(unit, /^ExecStart=\/opt\/node \/opt\/hoop\/main\.js start agent$/m);
  assert.doesNotMatch(unit, /xagt-/);
  assert.equal(modeOf(join(manager.home, UNIT)), '644');
  assert.equal(readFileSync(join(manager.home, ENV), 'utf8'), `HOOP_KEY="${KEY}"\n`);
  assert.equal(modeOf(join(manager.home, ENV)), '600');
});

test('a second start with the same settings leaves the running agent alone, and its sessions with it', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine());
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.answer('systemctl show', { out: 'ActiveState=active\n' });
  manager.calls();
  assert.equal((await service.start({ command, variables: { HOOP_KEY: KEY } })).change, 'unchanged');
  assert.deepEqual(manager.calls(), ['systemctl --user daemon-reload', 'systemctl --user enable hoop-agent.service']);
});

test('a rotated key replaces the old one and restarts the agent', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine());
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.answer('systemctl show', { out: 'ActiveState=active\n' });
  assert.equal((await service.start({ command, variables: { HOOP_KEY: ROTATED } })).change, 'updated');
  assert.ok(manager.calls().includes('systemctl --user restart hoop-agent.service'));
  assert.deepEqual(service.stored(), { HOOP_KEY: ROTATED });
  assert.equal(modeOf(join(manager.home, ENV)), '600');
});

test('root installs it for the system', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine({ uid: 0 }));
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  assert.ok(manager.calls().includes('systemctl enable hoop-agent.service'));
  assert.match(readFileSync(join(manager.home, 'etc/systemd/system/hoop-agent.service'), 'utf8'), /^WantedBy=multi-user\.target$/m);
  assert.equal(modeOf(join(manager.home, 'etc/hoop/agent.env')), '600');
  assert.deepEqual(service.logs({ follow: true }), ['journalctl', '-u', 'hoop-agent.service', '-f', '-o', 'cat', '--no-pager']);
});

test('a user whose services end at logout is told how to let this one run on', async () => {
  using manager = new FakeManager();
  manager.answer('loginctl show-user', { out: 'no\n' });
  const { hints } = await new SystemdService(manager.machine()).start({ command, variables: { HOOP_KEY: KEY } });
  assert.match(hints.join(), /loginctl enable-linger/);
});

test('a key that the gateway does not take is told with its reason', async () => {
  using manager = new FakeManager();
  manager.answer('systemctl restart', { code: 1, err: 'Job for hoop-agent.service failed' });
  manager.answer('systemctl show', {
    out: 'ActiveState=failed\nResult=exit-code\nExecMainStatus=78\nStatusText=The agent key is not valid\n',
  });
  const service = new SystemdService(manager.machine());
  await assert.rejects(service.start({ command, variables: { HOOP_KEY: KEY } }), {
    code: 'agent_refused',
    message: 'The service is installed, and ended: The agent key is not valid. See `hoop agent logs`',
  });
  const { running, linked, message } = await service.status();
  assert.deepEqual([running, linked, message], [false, false, 'The agent key is not valid']);
});

test('the status tells what systemd knows', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine());
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.answer('systemctl show', {
    out: 'ActiveState=active\nUnitFileState=enabled\nMainPID=42\nActiveEnterTimestamp=@1790000000\nResult=success\nStatusText=Linked to gateway.test:8010 as dev\n',
  });
  assert.deepEqual(await service.status(), {
    installed: true,
    enabled: true,
    running: true,
    linked: true,
    message: 'Linked to gateway.test:8010 as dev',
    since: new Date(1_790_000_000_000).toISOString(),
    pid: 42,
    definition: join(manager.home, UNIT),
  });
  manager.answer('systemctl show', { out: 'ActiveState=active\nStatusText=Dialling gateway.test:8010: it is away\n' });
  assert.equal((await service.status()).linked, false);
});

test('stop keeps the key for the next start; remove leaves nothing', async () => {
  using manager = new FakeManager();
  const service = new SystemdService(manager.machine());
  assert.deepEqual([await service.stop(), await service.remove()], [false, false]);
  await service.start({ command, variables: { HOOP_KEY: KEY } });
  manager.calls();
  assert.equal(await service.stop(), true);
  assert.deepEqual(manager.calls(), ['systemctl --user disable --now hoop-agent.service']);
  assert.deepEqual(service.stored(), { HOOP_KEY: KEY });
  assert.equal(await service.remove(), true);
  assert.deepEqual(manager.calls(), [
    'systemctl --user disable --now hoop-agent.service',
    'systemctl --user daemon-reload',
    'systemctl --user reset-failed hoop-agent.service',
  ]);
  assert.deepEqual([existsSync(join(manager.home, UNIT)), existsSync(join(manager.home, ENV))], [false, false]);
});

test('a user without a manager of its own is told before anything is written', async () => {
  using manager = new FakeManager();
  manager.answer('systemctl is-system-running', { code: 1, err: 'Failed to connect to bus: No medium found\n' });
  const service = new SystemdService(manager.machine());
  await assert.rejects(service.start({ command, variables: { HOOP_KEY: KEY } }), /No medium found\)\. Log in as this user/);
  assert.deepEqual([existsSync(join(manager.home, UNIT)), existsSync(join(manager.home, ENV))], [false, false]);
});

test('where systemd-notify is missing the unit does not wait for its notices', async () => {
  using manager = new FakeManager(['systemctl', 'loginctl']);
  const machine = manager.machine();
  const service = new SystemdService({ ...machine, env: { PATH: machine.env.PATH?.split(':')[0], HOME: manager.home } });
  await assert.rejects(
    service.start({ command, variables: { HOOP_KEY: KEY } }).then(() => readUnit()),
    /Type=exec/,
  );
  function readUnit(): never {
    throw new Error(readFileSync(join(manager.home, UNIT), 'utf8'));
  }
});

test('a container, and a platform that nobody knows, are told what to do instead', () => {
  using manager = new FakeManager();
  assert.throws(
    () => agentService(manager.machine({ isManaged: false })),
    /systemd does not run here.*`hoop start agent` in the foreground/,
  );
  assert.throws(() => agentService(manager.machine({ platform: 'freebsd' })), /freebsd has no service manager/);
});
