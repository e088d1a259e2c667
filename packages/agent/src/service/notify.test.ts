import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ServiceNotifier } from './notify.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-notify-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const said = join(scratch, 'said');
writeFileSync(join(scratch, 'systemd-notify'), `#!/bin/sh\nfor word in "$@"; do echo "$NOTIFY_SOCKET $word"; done >> ${said}\n`, {
  mode: 0o755,
});

const heard = (): string[] => (existsSync(said) ? readFileSync(said, 'utf8').trimEnd().split('\n') : []);

test('systemd hears in order: why there is no link, the link, that it is ready, and the end', async () => {
  const notifier = new ServiceNotifier({ socket: '/s', watchdog_ms: undefined, path: scratch });
  notifier.unlinked('Dialling a:1: the gateway\nis away');
  notifier.unlinked('Dialling a:1: the gateway\nis away');
  notifier.linked('a:1', 'dev');
  notifier.linked('a:1', 'dev');
  await notifier.stopping('Stopped');
  assert.deepEqual(heard(), [
    '/s STATUS=Dialling a:1: the gateway is away',
    '/s STATUS=Linked to a:1 as dev',
    '/s READY=1',
    '/s STOPPING=1',
    '/s STATUS=Stopped',
  ]);
  rmSync(said);
});

test('the watchdog is fed while the event loop turns', async () => {
  const notifier = new ServiceNotifier({ socket: '/s', watchdog_ms: 30, path: scratch });
  const deadline = performance.now() + 10_000;
  while (heard().filter((line) => line === '/s WATCHDOG=1').length < 3 && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await notifier.stopping('Stopped');
  assert.ok(heard().filter((line) => line === '/s WATCHDOG=1').length >= 3);
  rmSync(said);
});

test('without systemd, and without its program, nothing is said and nothing fails', async () => {
  const nobody = new ServiceNotifier({ socket: undefined, watchdog_ms: 1, path: scratch });
  nobody.linked('a:1', 'dev');
  await nobody.stopping('Stopped');
  const gone = new ServiceNotifier({ socket: '/s', watchdog_ms: undefined, path: '/nowhere' });
  gone.linked('a:1', 'dev');
  await gone.stopping('Stopped');
  assert.deepEqual(heard(), []);
});
