import assert from 'node:assert/strict';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pty from '@lydell/node-pty';
import { plainEnv } from '../support/env.ts';
import { Program, type ProgramOptions, type ProgramResult } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

/** Nobody listens there: an application must not notice. */
const KEY = 'grpc://shop:xagt-0123456789abcdefghij@127.0.0.1:1?mode=embedded';

const home = realpathSync(temporaryDirectory('run'));
const ENV = { HOME: home, HOOP_KEY: KEY, HOOP_LOG_FILE: join(home, 'agent.log') };

function beside(command: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(HOOP, ['run', '--name', 'shop', '--', ...command], { ...options, env: { ...ENV, ...options.env } });
}

function direct(command: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(command[0] ?? '', command.slice(1), {
    ...options,
    env: { HOME: home, HOOP_LOG_FILE: ENV.HOOP_LOG_FILE, ...options.env },
  });
}

/** A program that says when it is ready, and then every signal that it gets, until it has read a line. */
const LISTENER = `
import os, select, signal, sys
def hear(number, frame):
    os.write(1, ('heard %s\\n' % signal.Signals(number).name).encode())
# A signal just before a read would be heard behind it only.
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
for name in ('INT', 'TERM', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH'):
    signal.signal(getattr(signal, 'SIG' + name), hear)
os.write(1, b'ready\\n')
while 0 not in select.select([0, woken], [], [])[0]:
    os.read(woken, 64)
sys.exit(42)
`;

describe('an application beside an agent', () => {
  const programs: readonly (readonly [string, readonly string[], ProgramOptions?])[] = [
    ['a shell', ['bash', '-c', 'echo out; echo err >&2; printf "\\0\\1\\377"; cat; pwd; exit 3'], { input: 'what was typed\n' }],
    ['the environment without the key', ['bash', '-c', 'env -u _ | sort']],
    ['Node.js as a REPL', [process.execPath, '-i'], { input: '1 + 1\n.exit\n' }],
    ['Python as a REPL', ['/usr/bin/python3', '-i'], { input: 'print(6 * 7)\nexit(5)\n' }],
    ['SQLite’s shell', ['sqlite3', ':memory:'], { input: 'create table t (x);\ninsert into t values (42);\nselect x from t;\n.exit 4\n' }],
    ['a megabyte through a pipe', ['cat'], { input: `${'x'.repeat(1023)}\n`.repeat(1024) }],
    ['a pipe that its reader leaves', ['bash', '-c', 'set -o pipefail; yes | head -n 1; echo $?']],
  ];
  for (const [what, command, options] of programs) {
    test(`says and ends just what it says and ends alone: ${what}`, async () => {
      const own = { input: '', cwd: home, ...options };
      const [alone, together] = await Promise.all([direct(command, own).done, beside(command, own).done]);
      assert.deepEqual(together, alone);
    });
  }

  test('says and ends just what it says and ends alone: psql', async () => {
    const postgres = await TestPostgres.start();
    try {
      const { user } = USERS.trusted;
      const where = ['-X', '-h', '127.0.0.1', '-p', String(postgres.port), '-U', user, '-d', await postgres.database()];
      const options = { input: 'select 6 * 7;\n\\echo done\nselect nothing;\n', cwd: home };
      const command = ['psql', '-v', 'ON_ERROR_STOP=1', ...where];
      const [alone, together] = await Promise.all([direct(command, options).done, beside(command, options).done]);
      assert.deepEqual(together, alone);
      assert.equal(alone.exitCode, 3);
    } finally {
      await postgres.stop();
    }
  });

  test('ends the whole with its exit code, and with 128 and its number when a signal ends it', async () => {
    const ended = async (script: string): Promise<ProgramResult> => beside(['sh', '-c', script], { input: '' }).done;
    const ends = await Promise.all(['exit 0', 'exit 255', 'kill -TERM $$', 'kill -KILL $$'].map(ended));
    assert.deepEqual(
      ends.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr]),
      [0, 255, 143, 137].map((code) => [code, '', '']),
    );
  });

  test('that is not there, or no program, ends as in a shell', async () => {
    const [missing, data] = await Promise.all([beside(['/nowhere/app']).done, beside(['/etc/passwd']).done]);
    assert.deepEqual([missing.exitCode, data.exitCode], [127, 126]);
    assert.match(missing.stderr, /^Error: \/nowhere\/app cannot be run: there is no such program\n$/);
  });

  test('hears every signal that is sent to the whole, and decides itself', async () => {
    const program = beside(['/usr/bin/python3', '-c', LISTENER]);
    await until('it listens', () => program.stdout.includes('ready\n'));
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTERM'] as const;
    let said = 'ready\n';
    for (const signal of signals) {
      said += `heard ${signal}\n`;
      program.child.kill(signal);
      await until(`it heard ${signal}`, () => program.stdout === said);
    }
    program.child.stdin?.end('\n');
    const { exitCode, stdout, stderr } = await program.done;
    assert.deepEqual([exitCode, stdout, stderr], [42, said, '']);
  });

  test('is not disturbed by a gateway that is away; the agent’s log says so, for its owner only', async () => {
    const logFile = join(home, 'away.log');
    const program = beside(['cat'], { env: { HOOP_LOG_FILE: logFile } });
    await until('the agent has tried in vain', () => existsSync(logFile) && /cannot be reached/.test(readFileSync(logFile, 'utf8')));
    program.child.stdin?.end('still here');
    const { exitCode, stdout, stderr } = await program.done;
    assert.deepEqual([exitCode, stdout, stderr], [0, 'still here', '']);
    assert.doesNotMatch(readFileSync(logFile, 'utf8'), /xagt-/);
  });

  test('is not started with a key or a command line that cannot be meant', async () => {
    const standard = KEY.replace('embedded', 'standard');
    const run = (flags: readonly string[], key: string): Promise<ProgramResult> =>
      new Program(HOOP, ['run', ...flags, '--', 'echo', 'started'], { env: { ...ENV, HOOP_KEY: key } }).done;
    const agent = new Program(HOOP, ['start', 'agent'], { env: ENV }).done;
    const [wrongKey, wrongLine, wrongCommand] = await Promise.all([run([], standard), run(['--command', `rails 'console`], KEY), agent]);
    assert.deepEqual([wrongKey.exitCode, wrongKey.stdout], [78, '']);
    assert.match(wrongKey.stderr, /works with `hoop start agent` and `hoop agent start` only/);
    assert.deepEqual([wrongLine.exitCode, wrongLine.stdout], [2, '']);
    assert.match(wrongLine.stderr, /the quote ' is not closed/);
    assert.equal(wrongCommand.exitCode, 78);
    assert.match(wrongCommand.stderr, /works with `hoop run` only/);
  });
});

/** A terminal with a person in front of it, who types into a shell. */
class Person implements Disposable {
  readonly #pty: ReturnType<typeof pty.spawn>;
  text = '';

  constructor() {
    writeFileSync(join(home, 'rc'), "PS1='$ '\nset +o history\nbind 'set enable-bracketed-paste off' 2>/dev/null\n");
    this.#pty = pty.spawn('bash', ['--noprofile', '--rcfile', join(home, 'rc'), '-i'], {
      cols: 100,
      rows: 30,
      cwd: home,
      env: plainEnv({ ...ENV, TERM: 'dumb', HOOP }),
    });
    this.#pty.onData((data) => {
      this.text += data;
    });
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** Waits until the terminal shows something that was not there, and forgets it. */
  async sees(pattern: RegExp): Promise<string> {
    const found = await until(`the terminal shows ${pattern}`, () => pattern.exec(this.text) ?? undefined).catch((error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify(this.text)}`);
    });
    this.text = this.text.slice(found.index + found[0].length);
    return found[0];
  }

  [Symbol.dispose](): void {
    this.#pty.kill('SIGKILL');
  }
}

describe('an application at a terminal', () => {
  const listener = join(home, 'listener.py');
  writeFileSync(listener, LISTENER);

  test('owns it: its size, its keys, and Ctrl-C once', async () => {
    using person = new Person();
    await person.sees(/\$ $/);
    person.type(`"$HOOP" run -- /usr/bin/python3 ${listener}; echo "ended $?"\r`);
    await person.sees(/ready\r\n/);
    person.type('\x03');
    await person.sees(/heard SIGINT\r\n/);
    person.type('\x1c');
    await person.sees(/heard SIGQUIT\r\n/);
    person.resize(90, 20);
    await person.sees(/heard SIGWINCH\r\n/);
    person.type('\r');
    const rest = await person.sees(/ended \d+/);
    assert.match(rest, /ended 42/);
    assert.doesNotMatch(person.text, /heard/);
  });

  test('that does not care for Ctrl-C ends, and the whole with it', async () => {
    using person = new Person();
    await person.sees(/\$ $/);
    person.type('"$HOOP" run -- sh -c "echo up; exec sleep 1000"; echo "ended $?"\r');
    await person.sees(/\nup\r\n/);
    person.type('\x03');
    // A shell that sees a program die of Ctrl-C starts a new line; one that ends with 130 lets it go on.
    await person.sees(/ended 130/);
  });

  test('is stopped with Ctrl-Z and goes on with fg', async () => {
    using person = new Person();
    await person.sees(/\$ $/);
    person.type('"$HOOP" run -- sh -c "echo up; cat; exit 9"\r');
    await person.sees(/\nup\r\n/);
    person.type('\x1a');
    await person.sees(/Stopped.*\r\n\$ $/s);
    person.type('fg\r');
    await person.sees(/fg\r\n.*run.*\r\n/);
    person.type('again\r');
    await person.sees(/again\r\nagain\r\n/);
    person.type('\x04');
    await person.sees(/\$ $/);
    person.type('echo "ended $?"\r');
    await person.sees(/ended 9/);
  });

  test('that stops itself gives the terminal back to the shell that waits', async () => {
    using person = new Person();
    await person.sees(/\$ $/);
    person.type('"$HOOP" run -- sh -c "echo up; kill -STOP \\$\\$; echo back; exit 4"\r');
    await person.sees(/Stopped.*\r\n\$ $/s);
    person.type('fg\r');
    await person.sees(/\nback\r\n/);
    await person.sees(/\$ $/);
    person.type('echo "ended $?"\r');
    await person.sees(/ended 4/);
  });

  test('may be a shell, with jobs of its own', async () => {
    using person = new Person();
    await person.sees(/\$ $/);
    person.type(`"$HOOP" run -- bash --noprofile --rcfile ${join(home, 'inner')} -i\r`);
    writeFileSync(join(home, 'inner'), "PS1='inner> '\n");
    await person.sees(/> $/);
    person.type('test -t 0 && test -t 1 && test -t 2 && stty size\r');
    await person.sees(/30 100\r\ninner> $/);
    person.type('sh -c "echo begun; exec sleep 1000"\r');
    await person.sees(/\nbegun\r\n/);
    person.type('\x1a');
    await person.sees(/Stopped.*inner> $/s);
    person.type('fg\r');
    await person.sees(/fg\r\nsh -c .*\r\n/);
    person.type('\x03');
    await person.sees(/inner> $/);
    person.type('exit 6\r');
    await person.sees(/\$ $/);
    person.type('echo "ended $?"\r');
    await person.sees(/ended 6/);
  });
});
