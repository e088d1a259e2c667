import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '@hoop/contract/audit';
import { FakeGateway, type Handlers } from '../testing/fake-gateway.ts';
import { SESSION_ID, session } from '../testing/fixtures.ts';
import { FakeTty, Shell } from '../testing/shell.ts';

const START = Date.parse('2026-11-21T08:00:00.000Z');

type Recorded = readonly [at_ms: number, text: string, stream?: 'stdout' | 'stderr' | 'notice'];

/** A session of a command in two pages: what it was started as, and what it showed. */
function recorded(via: 'terminal' | 'exec', ...pieces: readonly Recorded[]): Handlers {
  const at = (ms: number): string => new Date(START + ms).toISOString();
  const action: AuditEvent = { type: 'action', seq: 1, via, text: 'bash', verdict: 'allow' };
  const outputs = pieces.map(([ms, text, stream = 'stdout']) => {
    const event: AuditEvent = { type: 'output', bytes: text.length, data: Buffer.from(text).toString('base64'), stream };
    return { time: at(ms), event };
  });
  const base = { type: 'custom', connection_subtype: '' };
  return {
    getSession: ({ query }) => {
      if (query.expand?.includes('event_stream') !== true) return session({ ...base, actions: [] });
      const isFirst = query.after === 0;
      if (!isFirst) assert.deepEqual([query.after, query.output_after], [1, 17]);
      return isFirst
        ? session({ ...base, event_stream: [{ time: at(0), event: action }, ...outputs.slice(0, 1)], next_after: 1, next_output_after: 17 })
        : session({ ...base, event_stream: outputs.slice(1) });
    },
  };
}

test('sessions get shows what was shown as text to read, and --raw byte for byte', async () => {
  const gateway_ = recorded('terminal', [0, '\x1b[31m$ \x1b[0mlz\b'], [10, 's\r\nfile\r\n'], [20, 'Not here', 'notice']);
  await using gateway = await FakeGateway.start(gateway_);
  using shell = Shell.at(gateway);
  const { code, out } = await shell.run(['sessions', 'get', SESSION_ID]);
  assert.equal(code, 0);
  assert.ok(out.endsWith('\nOutput:\n$ ls\nfile\nNot here\n'), out);
  assert.equal((await shell.run(['sessions', 'get', SESSION_ID, '--raw'])).out, '\x1b[31m$ \x1b[0mlz\bs\r\nfile\r\n');
  const events = JSON.parse((await shell.run(['sessions', 'get', SESSION_ID, '--json'])).out).event_stream;
  assert.equal(events.length, 2);
});

test('a long output is cut, and where the rest is is told', async () => {
  await using gateway = await FakeGateway.start(recorded('exec', [0, 'x'.repeat(70_000)], [1, 'y'], [2, 'z']));
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['sessions', 'get', SESSION_ID]);
  assert.equal(/x{9,}/.exec(out)?.[0].length, 65_536);
  assert.match(err, /There is more output\. Add --raw/);
});

test('a replay into a pipe has everything, without pauses', async () => {
  await using gateway = await FakeGateway.start(recorded('terminal', [0, 'one '], [3_600_000, 'two\n']));
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['sessions', 'replay', SESSION_ID], { stdin: '' }), { code: 0, out: 'one two\n', err: '' });
});

test('a replay at a terminal waits as it was waited, no longer than the longest pause, as fast as is wanted', async () => {
  await using gateway = await FakeGateway.start(recorded('terminal', [0, 'one '], [300, 'two '], [3_600_000, 'three']));
  using shell = Shell.at(gateway);
  const began = performance.now();
  const { code, out } = await shell.run(['sessions', 'replay', SESSION_ID, '--speed', '10', '--max-pause', '1s'], { tty: true });
  const took_ms = performance.now() - began;
  assert.deepEqual([code, out], [0, 'one two three']);
  assert.ok(took_ms >= 125 && took_ms < 10_000, `${took_ms} ms`);
});

test('a replay is left with q, and the screen is put in order', async () => {
  await using gateway = await FakeGateway.start(recorded('terminal', [0, '\x1b[?1049hvim'], [3_600_000, 'never']));
  using shell = Shell.at(gateway);
  const running = shell.start(['sessions', 'replay', SESSION_ID, '--max-pause', '1h'], { tty: true });
  await running.stdout.shows(/vim/);
  running.stdin.unshift(Buffer.from('q'));
  assert.equal(await running.done, 130);
  assert.ok(running.stdout.text.endsWith('vim\x1b[?1049l\x1b>\x1b[0m'));
  assert.ok(running.stdin instanceof FakeTty);
  assert.deepEqual(running.stdin.modes, [true, false]);
});

test('line feeds of a script’s output are new lines at a terminal, those of a terminal’s are what they were', async () => {
  for (const [via, shown] of [
    ['exec', 'a\r\nb'],
    ['terminal', 'a\nb'],
  ] as const) {
    await using gateway = await FakeGateway.start(recorded(via, [0, 'a\n'], [0, 'b']));
    using shell = Shell.at(gateway);
    assert.equal((await shell.run(['sessions', 'replay', SESSION_ID], { tty: true })).out, shown);
  }
});

test('a session without a recording says so, and flags that cannot be meant are refused', async () => {
  await using gateway = await FakeGateway.start({ getSession: () => session({ event_stream: [] }) });
  using shell = Shell.at(gateway);
  assert.match((await shell.run(['sessions', 'replay', SESSION_ID])).err, /Nothing was shown/);
  for (const flags of [
    ['--speed', '0'],
    ['--speed', 'fast'],
    ['--max-pause', 'long'],
  ]) {
    assert.equal((await shell.run(['sessions', 'replay', SESSION_ID, ...flags])).code, 2, flags.join(' '));
  }
});

/** A session over SSH with two terminals at once. */
function multiplexed(): Handlers {
  const time = new Date(START).toISOString();
  const output = (seq: number, text: string): { time: string; event: AuditEvent } => ({
    time,
    event: { type: 'output', bytes: text.length, data: Buffer.from(text).toString('base64'), stream: 'stdout', seq },
  });
  const pieces = [output(1, 'one '), output(4, 'two '), output(1, 'uno'), output(4, 'due')];
  const terminals = [
    { seq: 1, time, text: 'shell', bytes: 7, size: { columns: 80, rows: 24 } },
    { seq: 4, time, text: 'top', bytes: 7, size: { columns: 132, rows: 50 } },
  ];
  return {
    getSession: ({ query }) => {
      const { expand = '', terminal } = query;
      const base = { type: 'application', connection_subtype: 'ssh', actions: [] };
      if (expand.includes('terminals')) return session({ ...base, terminals });
      const shown = pieces.filter(({ event }) => terminal === undefined || (event.type === 'output' && event.seq === terminal));
      return session({ ...base, ...(expand.includes('event_stream') ? { event_stream: shown } : {}) });
    },
  };
}

test('of several terminals the first is played, and it is told how to see another one', async () => {
  await using gateway = await FakeGateway.start(multiplexed());
  using shell = Shell.at(gateway);
  for (const words of [
    ['replay', SESSION_ID],
    ['get', SESSION_ID, '--raw'],
  ]) {
    const first = await shell.run(['sessions', ...words], { stdin: '' });
    assert.deepEqual([first.code, first.out], [0, 'one uno']);
    assert.match(first.err, /had 2 terminals; this is number 1\. See another one with --terminal 2/);
    const second = await shell.run(['sessions', ...words, '--terminal', '2'], { stdin: '' });
    assert.deepEqual([second.code, second.out], [0, 'two due']);
    assert.match(second.err, /number 2\. See another one with --terminal 1/);
  }
  for (const number of ['0', '3', 'two', '-1']) {
    const { code, err } = await shell.run(['sessions', 'replay', SESSION_ID, '--terminal', number]);
    assert.equal(code, 2, number);
    assert.match(err, number === '-1' ? /./ : /Give a number from 1 to 2/);
  }
});

test('sessions get lists several terminals, and shows the output of one', async () => {
  await using gateway = await FakeGateway.start(multiplexed());
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['sessions', 'get', SESSION_ID, '--terminal', '2']);
  assert.match(out, /TERMINAL +TIME +SCREEN +SIZE +BEGAN WITH\n1 +08:00:00 +80x24 .* shell\n2 +08:00:00 +132x50 .* top\n/);
  assert.ok(out.endsWith('\nOutput:\ntwo due\n'), out);
  const events = JSON.parse((await shell.run(['sessions', 'get', SESSION_ID, '--json', '--terminal', '1'])).out).event_stream;
  assert.equal(events.length, 2);
});

test('a session with one terminal needs no number, and takes the first', async () => {
  await using gateway = await FakeGateway.start(recorded('terminal', [0, 'one '], [1, 'two']));
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['sessions', 'replay', SESSION_ID, '--terminal', '1'], { stdin: '' }), {
    code: 0,
    out: 'one two',
    err: '',
  });
  const { code, err } = await shell.run(['sessions', 'replay', SESSION_ID, '--terminal', '2'], { stdin: '' });
  assert.equal(code, 2);
  assert.match(err, /no terminals to choose from/);
});
