import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { EXIT, EXIT_MEANINGS } from './exit-codes.ts';
import { terminalOf } from './output/terminal.ts';
import { buildProgram } from './program.ts';
import { apart } from './run.ts';
import { Captured, FakeTty, Shell } from './testing/shell.ts';

test('the program alone shows its help on stdout', async () => {
  using shell = new Shell();
  const { code, out, err } = await shell.run([]);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^Usage: hoop /);
  assert.doesNotMatch(out, /__complete/);
});

test('a command line that is wrong ends with 2, says why on stderr, and leaves stdout empty', async () => {
  using shell = new Shell();
  for (const [words, message] of [
    [['conect'], /^Error: Unknown command 'conect'\n\(Did you mean connect\?\)/],
    [['exec'], /^Error: Missing required argument 'name'/],
    [['list', '--colour'], /^Error: Unknown option '--colour'/],
    [['list', '-o', 'xml'], /^Error: Option '-o, --output <format>' argument 'xml' is invalid/],
    [['logout', 'now'], /^Error: Too many arguments/],
    [['start', 'everything'], /^Error: Unknown command 'everything'/],
    [['help', 'nothing'], /^Error: There is no help on "nothing"/],
    [['admin', 'create', 'agent', 'x', '--mode', 'fast'], /Allowed choices are standard, embedded/],
  ] as const) {
    const { code, out, err } = await shell.run(words);
    assert.deepEqual([code, out], [2, ''], words.join(' '));
    assert.match(err, message);
  }
});

test('a group of commands without one shows its help on stderr and ends with 2', async () => {
  using shell = new Shell();
  const { code, out, err } = await shell.run(['admin', 'get']);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /agents/);
});

test('help of a command is asked for in three ways, aliases included', async () => {
  using shell = new Shell();
  const { out } = await shell.run(['admin', 'create', 'connection', '--help']);
  assert.match(out, /^Usage: hoop admin create connection/);
  assert.equal((await shell.run(['help', 'admin', 'create', 'conn'])).out, out);
  assert.equal((await shell.run(['admin', 'create', 'conn', '-h'])).out, out);
});

test('every exit code is documented by the program itself, once', async () => {
  using shell = new Shell();
  const { out } = await shell.run(['help', 'exit-codes']);
  assert.deepEqual(
    EXIT_MEANINGS.map(([code]) => code),
    Object.values(EXIT),
  );
  for (const code of Object.values(EXIT)) assert.match(out, new RegExp(`^${code} +\\S`, 'm'));
});

test('every variable that the command line reads is documented by it', async () => {
  using shell = new Shell();
  const { out } = await shell.run(['help', 'environment']);
  for (const name of ['HOOP_HOME', 'HOOP_API_URL', 'HOOP_APIURL', 'HOOP_GRPCURL', 'HOOP_TOKEN', 'HOOP_TLSCA', 'HOOP_TLS_SKIP_VERIFY']) {
    assert.match(out, new RegExp(`\\b${name}\\b`));
  }
});

test('the version is one line, or JSON', async () => {
  using shell = new Shell();
  assert.match((await shell.run(['version'])).out, /^hoop \d+\.\d+\.\d+ \(Node\.js 24\.\S+, \w+\/\w+\)\n$/);
  assert.deepEqual(Object.keys(JSON.parse((await shell.run(['version', '--json'])).out)), ['version', 'node', 'platform']);
  assert.match((await shell.run(['--version'])).out, /^hoop \d+\.\d+\.\d+\n$/);
});

test('every command and flag of the tree is described, so that no help has a hole', () => {
  const streams = { stdin: new FakeTty(), stdout: new Captured(), stderr: new Captured() };
  const program = buildProgram(
    {
      env: {
        home: '',
        skipTlsVerify: undefined,
        noColour: true,
        apiUrl: '',
        grpcUrl: '',
        token: undefined,
        tlsCa: '',
        email: '',
        password: undefined,
        term: undefined,
      },
      terminal: terminalOf(streams, true),
      now: Date.now,
      stopSignal: () => new AbortController().signal,
    },
    async (work) => void (await work()),
  );
  const visit = (command: Command, path: string): void => {
    for (const option of command.options) assert.notEqual(option.description, '', `${path} ${option.flags}`);
    for (const child of command.createHelp().visibleCommands(command)) {
      assert.notEqual(child.description(), '', `${path} ${child.name()}`);
      visit(child, `${path} ${child.name()}`);
    }
  };
  visit(program, 'hoop');
});

test('TYPE/NAME is two words in admin get and delete, and nowhere else', () => {
  assert.deepEqual(apart(['admin', 'get', 'agent/dev', '--json']), ['admin', 'get', 'agent', 'dev', '--json']);
  assert.deepEqual(apart(['admin', 'delete', 'conn/a/b']), ['admin', 'delete', 'conn', 'a/b']);
  assert.deepEqual(apart(['admin', 'create', 'a/b']), ['admin', 'create', 'a/b']);
  assert.deepEqual(apart(['exec', 'get', 'a/b']), ['exec', 'get', 'a/b']);
});

test('colours are for terminals, and NO_COLOR wins', () => {
  const streams = (isTTY: boolean) => ({ stdin: new FakeTty(), stdout: new Captured(isTTY), stderr: new Captured(isTTY) });
  assert.equal(terminalOf(streams(true), false).errStyle.red('x'), '\x1b[31mx\x1b[39m');
  assert.equal(terminalOf(streams(true), true).errStyle.red('x'), 'x');
  assert.equal(terminalOf(streams(false), false).errStyle.red('x'), 'x');
});

test('an error that is ours is told with a stack, once, and ends with 1', async () => {
  using shell = new Shell();
  const broken = shell.start(['version']);
  await broken.done;
  const { reportFailure } = await import('./output/report.ts');
  const code = await reportFailure(new RangeError('boom'), broken.context.terminal);
  assert.equal(code, 1);
  assert.match(broken.stderr.text, /^Error: Unexpected error: boom\n.*RangeError: boom/s);
});
