import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogEntry } from '@hoop/contract/tunnel';
import { createLog } from '@hoop/core/log';
import { ServerLogs } from '../server-logs.ts';
import { openApi, scratchDirectory } from '../testing/fixtures.ts';

const NOON = Date.parse('2026-11-21T12:00:00Z');
const entry = (message: string, more: Partial<LogEntry> = {}): LogEntry => ({ at_ms: NOON, level: 'info', message, facts: '{}', ...more });

test('administrators see what the gateway and its agents logged, by agent, level and time', async () => {
  await using api = await openApi();
  const { logs } = api.parts;
  logs.addOfAgent('dev', [entry('two', { at_ms: NOON + 1 }), entry('one', { level: 'error', facts: '{"host":"db"}' })]);
  logs.addOfAgent('other', [entry('three', { at_ms: NOON + 2 })]);
  logs.take(JSON.stringify({ level: 40, time: NOON + 3, msg: 'of the gateway', part: 'hub' }));
  const messages = async (query = ''): Promise<string[]> =>
    (await api.call('admin', 'GET', `/server-logs${query}`)).body.map(({ message }: { message: string }) => message);
  assert.deepEqual(await messages(), ['one', 'two', 'three', 'of the gateway']);
  assert.deepEqual(await messages('?agent=dev'), ['one', 'two']);
  assert.deepEqual(await messages('?agent=gateway'), ['of the gateway']);
  assert.deepEqual(await messages('?level=warn'), ['one', 'of the gateway']);
  assert.deepEqual(await messages('?since=2026-11-21T13:00:00.002%2B01:00'), ['three', 'of the gateway']);
  assert.deepEqual(await messages('?limit=2'), ['three', 'of the gateway']);
  assert.deepEqual((await api.call('admin', 'GET', '/server-logs?limit=1&agent=dev&level=error')).body, [
    { time: '2026-11-21T12:00:00.000Z', level: 'error', message: 'one', agent: 'dev', facts: '{"host":"db"}' },
  ]);
  for (const who of ['standard', 'auditor'] as const) assert.equal((await api.call(who, 'GET', '/server-logs')).status, 403);
});

test('nothing that looks like a key is kept, whoever logs it, and nothing that a log hides', () => {
  using scratch = scratchDirectory();
  const fd = openSync(join(scratch.path, 'log'), 'a');
  const logs = new ServerLogs();
  const key = `xagt-${'k'.repeat(43)}`;
  logs.addOfAgent('dev', [entry(`dialling grpcs://dev:${key}@gw:8010`, { facts: JSON.stringify({ dsn: key }) })]);
  const log = createLog({ level: 'debug', encoding: 'json', fd, tap: logs.take });
  log.info({ token: 'a-token', part: 'x' }, `key ${key}`);
  closeSync(fd);
  const text = JSON.stringify(logs.list({ limit: 10 }));
  assert.ok(!text.includes('kkk') && !text.includes('a-token'), text);
  assert.equal(text.split('[secret]').length, 5);
});

test('agents that log without end fill no memory, and the newest entries stay', () => {
  const logs = new ServerLogs();
  for (let round = 0; round < 40; round++) {
    logs.addOfAgent(
      'noisy',
      Array.from({ length: 500 }, (_, index) => entry(`${round * 500 + index} ${'x'.repeat(10_000)}`, { facts: 'y'.repeat(100_000) })),
    );
  }
  const all = logs.list({ limit: 100_000 });
  assert.ok(all.length > 1_000 && all.length <= 5_000, String(all.length));
  assert.ok(all.reduce((sum, { message, facts }) => sum + message.length + facts.length, 0) <= 8 * 1024 * 1024);
  assert.match(all.at(-1)?.message ?? '', /^19999 /);
  logs.addOfAgent('odd clock', [entry('when', { at_ms: 1e300 })]);
  assert.equal(logs.list({ agent: 'odd clock', limit: 1 }).length, 1);
});
