import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandRig } from '../testing/command-end.ts';
import { connection } from '../testing/fixtures.ts';
import { FakeTty, type Running } from '../testing/shell.ts';

const custom = (part: Parameters<typeof connection>[0] = {}): ReturnType<typeof connection> =>
  connection({ type: 'custom', subtype: '', command: ['bash'], ...part });

function tty(running: Running): FakeTty {
  assert.ok(running.stdin instanceof FakeTty);
  return running.stdin;
}

/** Raw mode was entered, and left again last. */
function assertRestored(running: Running): void {
  assert.deepEqual(tty(running).modes, [true, false]);
  assert.ok(tty(running).isPaused(), 'stdin still holds the process');
}

test('the command gets the terminal: its size, its kind, its arguments, and its exit code is ours', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo', '--', '-c', 'echo "$1"', '--', '-x'], {
    tty: true,
    env: { TERM: 'screen-256color' },
  });
  const command = await rig.command();
  const args = ['-c', 'echo "$1"', '--', '-x'];
  assert.deepEqual(command.start, { mode: 'pty', args, columns: 80, rows: 24, term: 'screen-256color', timeout_ms: 0 });
  void command.say('stdout', 'hello\r\n');
  command.exit({ code: 7 });
  assert.equal(await running.done, 7);
  assert.equal(running.stdout.text, 'hello\r\n');
  assertRestored(running);
});

test('what is typed goes to the command byte by byte, Ctrl-C and halves of characters too', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  const typed = Buffer.concat([Buffer.from([0x03, 0x1a, 0x00]), Buffer.from('é✓'), Buffer.from([0xff, 0xc3])]);
  for (const byte of typed) tty(running).write(Buffer.from([byte]));
  await command.until(() => command.input.length === typed.length);
  assert.deepEqual(command.input, typed);
  command.exit({ code: 0 });
  assert.equal(await running.done, 0);
});

test('a megabyte that is pasted arrives whole, though the command reads it late', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  const { promise: ready, resolve: read } = Promise.withResolvers<void>();
  command.stall(ready);
  const pasted = Buffer.alloc(3 * 1024 * 1024, 'a line with ~ in it\n~.\n');
  for (let at = 0; at < pasted.length; at += 4_095) tty(running).write(pasted.subarray(at, at + 4_095));
  read();
  await command.until(() => command.input.length >= pasted.length);
  assert.ok(command.input.equals(pasted));
  command.exit({ code: 0 });
  await running.done;
});

test('a character that is cut in two is shown as it came', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo', '-s'], { tty: true });
  const command = await rig.command();
  const text = Buffer.from('é✓🙂\r\n');
  for (const byte of text) void command.say('stdout', Buffer.from([byte]));
  command.exit({ code: 0 });
  await running.done;
  assert.deepEqual(running.stdout.bytes, text);
});

test('the command hears of a new size', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  running.stdout.resize(132, 43);
  await command.until(() => command.seen.length === 1);
  running.stdout.resize(0, 0);
  await command.until(() => command.seen.length === 2);
  assert.deepEqual(command.seen, ['resize 132x43', 'resize 80x24']);
  command.exit({ code: 0 });
  await running.done;
  running.stdout.resize(50, 50);
});

test('words of the gateway stand on lines of their own on stderr, and cannot drive the terminal', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo', '-s'], { tty: true });
  const command = await rig.command();
  void command.say('stdout', '$ ');
  void command.say('notice', 'Not here\x1b[2J');
  void command.say('notice', 'Second');
  command.exit({ code: 0 });
  await running.done;
  assert.equal(running.stderr.text, '\r\nNot here\\x1b[2J\r\nSecond\r\n');
  assert.equal(running.stdout.text, '$ ');
});

test('a tilde and a dot after Enter leave a session that hangs, and the screen is put in order', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  assert.match(running.stderr.text, /Connected to demo; Enter ~\. leaves/);
  const { promise: never, resolve: read } = Promise.withResolvers<void>();
  void command.say('stdout', '\x1b[?1049h\x1b[?25lvim');
  await running.stdout.shows(/vim/);
  command.stall(never);
  for (const key of ['x'.repeat(200_000), '\r', '~', '.']) tty(running).write(key);
  assert.equal(await running.done, 130);
  assertRestored(running);
  assert.ok(running.stdout.text.endsWith('\x1b[?1049l\x1b[?25h\x1b>\x1b[0m'));
  read();
  await command.until(() => command.gone);
});

test('with --escape none a tilde and a dot are text, and with another character it is that one', async () => {
  await using rig = await CommandRig.start();
  const plain = rig.shell.start(['connect', 'demo', '--escape', 'none'], { tty: true });
  const command = await rig.command();
  tty(plain).write('\r~.');
  await command.until(() => command.input.length === 3);
  command.exit({ code: 0 });
  assert.equal(await plain.done, 0);
  const other = rig.shell.start(['connect', 'demo', '--escape', '%'], { tty: true });
  const second = await rig.command();
  tty(other).write('~.\r');
  await second.until(() => second.input.length === 3);
  tty(other).write('%.');
  assert.equal(await other.done, 130);
  assert.equal((await rig.shell.run(['connect', 'demo', '--escape', 'ab'])).code, 2);
});

test('the terminal is restored when the link breaks, and the exit code says that it did', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  void command.say('stdout', '\x1b[?1049h');
  await running.stdout.shows(/1049h/);
  rig.cut();
  assert.equal(await running.done, 69);
  assertRestored(running);
  assert.ok(running.stdout.text.endsWith('\x1b[?1049l\x1b>\x1b[0m'));
  assert.match(running.stderr.text, /Error: /);
});

test('the terminal is restored on SIGTERM', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  running.stop(143);
  assert.equal(await running.done, 143);
  assertRestored(running);
  await command.until(() => command.gone);
});

test('a terminal that is closed ends the session', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  const command = await rig.command();
  tty(running).end();
  assert.equal(await running.done, 129);
  await command.until(() => command.gone);
});

test('a refusal is told when the terminal is a terminal again, with its exit code', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo', '-s'], { tty: true });
  (await rig.command()).refuse('forbidden', 'You may not use demo');
  assert.equal(await running.done, 254);
  assertRestored(running);
  assert.equal(running.stderr.text, 'Error: You may not use demo\n');
});

test('bytes that are no frames end the session', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['connect', 'demo', '-s'], { tty: true });
  const command = await rig.command();
  void command.raw(18, Buffer.from('not json'));
  assert.equal(await running.done, 1);
  assertRestored(running);
});

test('an agent that is offline is waited for before the terminal is taken', async () => {
  let asked = 0;
  await using rig = await CommandRig.start({ getConnection: () => custom({ status: ++asked < 2 ? 'offline' : 'online' }) });
  const running = rig.shell.start(['connect', 'demo'], { tty: true });
  await running.stderr.shows(/The agent of demo is offline/);
  assert.deepEqual(tty(running).modes, []);
  (await rig.command()).exit({ code: 0 });
  assert.equal(await running.done, 0);
});

test('what a terminal cannot do is refused with what to do instead, and nothing is opened', async () => {
  await using rig = await CommandRig.start();
  const cases = [
    [['connect', 'demo', '--json'], {}, 2, /hoop exec demo --json/],
    [['connect', 'demo', '-p', '9000'], {}, 2, /Leave --port out/],
    [['connect', 'demo'], { stdin: 'ls' }, 2, /stdin is none\. Use `hoop exec demo`/],
  ] as const;
  for (const [words, options, code, message] of cases) {
    const result = await rig.shell.run(words, options);
    assert.deepEqual([result.code, result.out], [code, ''], words.join(' '));
    assert.match(result.err, message);
  }
  await using closed = await CommandRig.start({ getConnection: () => custom({ access_mode_connect: 'disabled' }) });
  const { code, err } = await closed.shell.run(['connect', 'demo']);
  assert.equal(code, 254);
  assert.match(err, /may not be used with connect.*hoop exec/);
});

test('a database takes no arguments', async () => {
  await using rig = await CommandRig.start({ getConnection: () => connection() });
  const { code, err } = await rig.shell.run(['connect', 'demo', '--', 'ls']);
  assert.equal(code, 2);
  assert.match(err, /of type database\/postgres: it opens a port/);
});
