import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerLog } from '@hoop/contract/routes/server-logs';
import { FakeGateway } from '../testing/fake-gateway.ts';
import { Shell } from '../testing/shell.ts';

const entry = (part: Partial<ServerLog> = {}): ServerLog => ({
  time: '2026-11-21T08:00:00.000Z',
  level: 'info',
  message: 'Ready',
  agent: '',
  facts: '{}',
  ...part,
});

test('server logs are lines, with who wrote them, and nothing that drives the terminal', async () => {
  await using gateway = await FakeGateway.start({
    listServerLogs: () => [entry(), entry({ level: 'warn', agent: 'dev', message: 'Slow\x1b[2J', facts: '{"ms":900}' })],
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['admin', 'get', 'serverlogs']), {
    code: 0,
    out: '2026-11-21T08:00:00.000Z INFO  gateway: Ready\n2026-11-21T08:00:00.000Z WARN  dev: Slow\\x1b[2J {"ms":900}\n',
    err: '',
  });
  const { out } = await shell.run(['admin', 'get', 'serverlogs', '--json']);
  const lines = out.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).level),
    ['info', 'warn'],
  );
});

test('filters are sent, and how long ago is a moment', async () => {
  let asked: unknown;
  await using gateway = await FakeGateway.start({
    listServerLogs: ({ query }) => {
      asked = query;
      return [];
    },
  });
  using shell = Shell.at(gateway);
  const words = ['admin', 'get', 'serverlogs', '--agent', 'dev', '--level', 'warn', '--since', '10m', '--limit', '5'];
  const now_ms = Date.parse('2026-11-21T08:10:00.000Z');
  assert.equal((await shell.run(words, { now_ms })).code, 0);
  assert.deepEqual(asked, { agent: 'dev', level: 'warn', since: '2026-11-21T08:00:00.000Z', limit: 5 });
  for (const flags of [
    ['--since', 'soon'],
    ['--limit', '0'],
    ['--limit', '1001'],
    ['--level', 'loud'],
  ]) {
    assert.equal((await shell.run(['admin', 'get', 'serverlogs', ...flags])).code, 2, flags.join(' '));
  }
});

test('--follow shows each entry once: two alike, and one of a clock that is behind', async () => {
  const twice = entry({ message: 'Twice' });
  const behind = entry({ time: '2026-11-21T07:59:45.000Z', agent: 'dev', message: 'Behind' });
  const last = entry({ time: '2026-11-21T08:00:01.000Z', message: 'Last' });
  const replies = [
    [entry(), twice],
    [behind, entry(), twice, twice],
    [behind, entry(), twice, twice, last],
  ];
  const since: unknown[] = [];
  await using gateway = await FakeGateway.start({
    listServerLogs: ({ query }) => {
      since.push(query.since);
      return replies[Math.min(since.length, replies.length) - 1] ?? [];
    },
  });
  using shell = Shell.at(gateway);
  const running = shell.start(['admin', 'get', 'serverlogs', '-f', '--limit', '1']);
  await running.stdout.shows(/Last/);
  running.stop(130);
  assert.equal(await running.done, 0);
  const messages = running.stdout.text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(': ')[1]);
  assert.deepEqual(messages, ['Twice', 'Behind', 'Twice', 'Last']);
  assert.deepEqual(since.slice(0, 2), [undefined, '2026-11-21T07:59:30.000Z']);
});
