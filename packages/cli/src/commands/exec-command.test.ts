import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { CommandRig } from '../testing/command-end.ts';
import { connection } from '../testing/fixtures.ts';
import { FakeTty } from '../testing/shell.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-exec-command-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

test('arguments after -- arrive unparsed, both streams come out apart, and the exit code is the command’s', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '--', 'ls', '-l', '--json', 'a b', '$HOME', '--', ''], { stdin: '' });
  const command = await rig.command();
  const args = ['ls', '-l', '--json', 'a b', '$HOME', '--', ''];
  assert.deepEqual(command.start, { mode: 'pipe', args, columns: 80, rows: 24, term: 'dumb', timeout_ms: 0 });
  void command.say('stdout', 'one\n');
  void command.say('stderr', 'two\n');
  void command.say('stdout', 'three\n');
  command.exit({ code: 42 });
  assert.equal(await running.done, 42);
  assert.deepEqual([running.stdout.text, running.stderr.text], ['one\nthree\n', 'two\n']);
});

test('output is there before the command is done', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '-i', 'tail -f log']);
  const command = await rig.command();
  void command.say('stdout', 'first\n');
  await running.stdout.shows(/first/);
  void command.say('stdout', 'second\n');
  await running.stdout.shows(/second/);
  command.exit({ code: 0 });
  assert.equal(await running.done, 0);
});

test('a script comes from a flag, a file or stdin, and its end is told', async () => {
  await using rig = await CommandRig.start();
  const file = join(scratch, 'script.sh');
  writeFileSync(file, 'echo file\n');
  const cases = [
    [['-i', 'echo flag'], 'not this', 'echo flag'],
    [['--input', '', '--', 'x'], 'not this', ''],
    [['-f', file], 'not this', 'echo file\n'],
    [['-f', '-'], 'echo stdin\n', 'echo stdin\n'],
    [[], 'echo stdin\n', 'echo stdin\n'],
  ] as const;
  for (const [flags, stdin, script] of cases) {
    const running = rig.shell.start(['exec', 'demo', ...flags], { stdin });
    const command = await rig.command();
    await command.until(() => command.seen.includes('inputEnd'));
    assert.equal(command.input.toString(), script, flags.join(' '));
    command.exit({ code: 0 });
    assert.equal(await running.done, 0);
  }
});

test('stdin is streamed while it comes, no faster than the command reads it', async () => {
  await using rig = await CommandRig.start();
  const stdin = new PassThrough();
  const running = rig.shell.start(['exec', 'demo'], { stdin });
  const command = await rig.command();
  stdin.write('first\n');
  await command.until(() => command.input.length === 6);
  const { promise: ready, resolve: read } = Promise.withResolvers<void>();
  command.stall(ready);
  const rest = Buffer.alloc(2 * 1024 * 1024, 'abcdefg');
  stdin.end(rest);
  await new Promise((resolve) => setImmediate(resolve));
  read();
  await command.until(() => command.seen.includes('inputEnd'));
  assert.ok(command.input.subarray(6).equals(rest));
  command.exit({ code: 0 });
  assert.equal(await running.done, 0);
});

test('a command that is done does not wait for the rest of stdin', async () => {
  await using rig = await CommandRig.start();
  const stdin = new PassThrough();
  const running = rig.shell.start(['exec', 'demo', '--', 'true'], { stdin });
  (await rig.command()).exit({ code: 0 });
  assert.equal(await running.done, 0);
  assert.ok(stdin.isPaused());
});

test('Ctrl-C is a signal for the command, which decides what becomes of it; so is SIGTERM', async () => {
  for (const [exitCode, name] of [
    [130, 'INT'],
    [143, 'TERM'],
  ] as const) {
    await using rig = await CommandRig.start();
    const running = rig.shell.start(['exec', 'demo', '-i', 'sleep 60']);
    const command = await rig.command();
    await command.until(() => command.seen.includes('inputEnd'));
    running.stop(exitCode);
    await command.until(() => command.seen.includes(`signal ${name}`));
    void command.say('stderr', 'caught\n');
    command.exit({ code: 3 });
    assert.equal(await running.done, 3);
    assert.equal(running.stderr.text, 'caught\n');
  }
});

test('Ctrl-C before the script is complete ends the session, since there is no command yet', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo'], { stdin: new PassThrough() });
  const command = await rig.command();
  running.stop(130);
  assert.equal(await running.done, 130);
  await command.until(() => command.gone);
  assert.deepEqual(command.seen, []);
});

test('at a terminal whose output goes into a file a command with arguments gets no input', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '--', 'ls']);
  const command = await rig.command();
  await command.until(() => command.seen.includes('inputEnd'));
  assert.equal(command.start?.mode, 'pipe');
  command.exit({ code: 0 });
  assert.equal(await running.done, 0);
  assert.equal(running.stderr.text, '');
});

test('the time that a command may take is told to the agent', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '--timeout', '1m30s', '-i', 'x']);
  const command = await rig.command();
  assert.equal(command.start?.timeout_ms, 90_000);
  command.exit({ code: 124 });
  assert.equal(await running.done, 124);
  for (const timeout of ['0', 'soon', '-1s']) {
    assert.equal((await rig.shell.run(['exec', 'demo', '--timeout', timeout, '-i', 'x'])).code, 2, timeout);
  }
});

test('at a terminal and without a script the terminal becomes the command’s', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '--', 'top'], { tty: true });
  const command = await rig.command();
  assert.deepEqual([command.start?.mode, command.start?.args], ['pty', ['top']]);
  command.exit({ code: 5 });
  assert.equal(await running.done, 5);
  assert.ok(running.stdin instanceof FakeTty);
  assert.deepEqual(running.stdin.modes, [true, false]);
});

test('--json is one event with everything in it, at a terminal too', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '--json', '-i', 'x'], { tty: true, now_ms: 1_000 });
  const command = await rig.command();
  void command.say('stdout', 'out é\n');
  void command.say('stderr', 'err\n');
  void command.say('notice', 'Careful');
  command.exit({ code: 3, truncated: true });
  assert.equal(await running.done, 3);
  assert.deepEqual(JSON.parse(running.stdout.text), {
    status: 'completed',
    message: 'It failed',
    data: { output: 'out é\n', stderr: 'err\n', notices: ['Careful'], truncated: true, output_status: 'failed', execution_time_ms: 0 },
    exit_code: 3,
  });
});

test('output that was cut, and words of the gateway, are told on stderr', async () => {
  await using rig = await CommandRig.start();
  const running = rig.shell.start(['exec', 'demo', '-i', 'x']);
  const command = await rig.command();
  void command.say('notice', 'The command may take an hour');
  command.exit({ code: 0, truncated: true });
  assert.equal(await running.done, 0);
  assert.match(running.stderr.text, /^The command may take an hour\nThe output was longer/);
  assert.equal(running.stdout.text, '');
});

test('a refusal ends with 254, a lost gateway with 69, an unknown exit code with 1', async () => {
  await using rig = await CommandRig.start();
  const refused = rig.shell.start(['exec', 'demo', '-i', 'x']);
  (await rig.command()).refuse('guardrail', 'Not here');
  assert.equal(await refused.done, 254);
  assert.equal(refused.stderr.text, 'Error: Not here\n');
  const odd = rig.shell.start(['exec', 'demo', '-i', 'x']);
  (await rig.command()).exit({ code: -1 });
  assert.equal(await odd.done, 1);
  const lost = rig.shell.start(['exec', 'demo', '-i', 'x']);
  await rig.command();
  rig.cut();
  assert.equal(await lost.done, 69);
});

test('what cannot be meant is refused before a session is opened', async () => {
  await using rig = await CommandRig.start();
  assert.equal((await rig.shell.run(['exec', 'demo', '-i', 'x', '-f', 'y'])).code, 2);
  assert.equal((await rig.shell.run(['exec', 'demo', '-i', 'x', '--correlation-id', 'y'])).code, 2);
  assert.match((await rig.shell.run(['exec', 'demo', '-f', '/nowhere'])).err, /\/nowhere cannot be read \(ENOENT\)/);
  assert.match((await rig.shell.run(['exec', 'demo', '-f', scratch])).err, /cannot be read \(EISDIR\)/);
  await using closed = await CommandRig.start({
    getConnection: () => connection({ type: 'custom', subtype: '', access_mode_exec: 'disabled' }),
  });
  const { code, err } = await closed.shell.run(['exec', 'demo', '-i', 'x']);
  assert.equal(code, 254);
  assert.match(err, /may not be used with exec.*hoop connect/);
});
