import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { Program, type ProgramResult, runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';
import { Seat, type SeatOptions } from './seat.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

const SHELL = ['bash', '--noprofile', '--norc', '-i'] as const;
const SETTINGS = { LC_ALL: 'C.UTF-8', PS1: 'ready> ', HISTFILE: '' };

const scratch = temporaryDirectory('terminal');
const home = join(scratch, 'client');

let parts: Parts;
let env: Record<string, string>;

before(async () => {
  parts = await Parts.start();
  const { office } = parts;
  env = { HOME: scratch, HOOP_HOME: home, HOOP_API_URL: office.apiUrl, HOOP_TOKEN: office.token };
  const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
  const kind = (command: readonly string[]) => ({ type: 'custom', subtype: '', command }) as const;
  const settings = { ...SETTINGS, HOME: scratch };
  await office.connection('shell', id, settings, {}, kind(SHELL));
  await office.connection('run', id, settings, {}, kind(['env']));
  await office.connection('bash', id, settings, {}, kind(['bash']));
  await until('the agent', async () => {
    const { status } = await office.api.call(routes.getConnection, { params: { nameOrID: 'shell' } });
    return status === 'online';
  });
  await office.connection('guarded', id, settings, { deny: ['forbidden'] }, kind(['bash']));
});
after(() => parts[Symbol.asyncDispose]());

function connect(options: SeatOptions & { readonly words?: readonly string[] } = {}): Seat {
  return new Seat([HOOP, 'connect', 'shell', '-s', ...(options.words ?? [])], { ...options, env: { ...env, ...options.env } });
}

/** The same shell without anything in between. */
function direct(options: SeatOptions = {}): Seat {
  return new Seat([...SHELL] as [string, ...string[]], { ...options, env: { ...SETTINGS, HOME: scratch, ...options.env } });
}

function exec(words: readonly string[], input = ''): Promise<ProgramResult> {
  return runProgram(HOOP, ['exec', ...words], { env, input });
}

describe('a terminal of hoop connect', () => {
  test('has the size of this one, and follows it', async () => {
    using seat = connect({ columns: 91, rows: 33 });
    await seat.sees(/ready>$/);
    seat.type('stty size\r');
    await seat.sees(/33 91\nready>$/);
    seat.resize(120, 40);
    // The news of the size and what is typed come to the program in ways of their own, in either order.
    for (let time = 0; time < 10 && !seat.text().includes('40 120'); time++) {
      seat.type(`stty size; echo ${time}.\r`);
      await seat.sees(new RegExp(`\\n${time}\\.\\nready>$`));
    }
    assert.match(seat.text(), /\n40 120\n/);
  });

  test('ends with the exit code of the command', async () => {
    using seat = connect();
    await seat.sees(/ready>$/);
    seat.type('exit 42\r');
    assert.equal((await seat.ended).exitCode, 42);
  });

  test('gives Ctrl-C to the command, and goes on', async () => {
    using seat = connect();
    await seat.sees(/ready>$/);
    seat.type('sleep 1000\r');
    await seat.sees(/sleep 1000$/);
    seat.type('\x03');
    await seat.sees(/\^C\nready>$/);
    seat.type('echo "ended $?"\r');
    await seat.sees(/ended 130/);
  });

  test('takes and shows letters of every kind', async () => {
    using seat = connect();
    await seat.sees(/ready>$/);
    seat.type("printf '%s|' é ✓ 🙂 日本 | tr a-z A-Z\r");
    await seat.sees(/\n\s*é\|✓\|🙂\|日本\|ready>$/);
  });

  test('takes a paste of a megabyte to its last byte', async () => {
    const file = join(scratch, 'pasted');
    const pasted = Array.from({ length: 1024 }, (_, at) => `${String(at).padStart(6)} ${'~.'.repeat(508)}\n`).join('');
    using seat = connect();
    await seat.sees(/ready>$/);
    seat.type(`echo pas""te; cat > '${file}'; echo do""ne\r`);
    await seat.sees(/\npaste$/);
    seat.type(pasted);
    seat.type('\x04');
    await seat.sees(/\ndone\nready>$/);
    assert.equal(hash(readFileSync(file)), hash(Buffer.from(pasted)));
  });
});

describe('programs that take the whole screen', () => {
  const text = join(scratch, 'text.c');
  before(() => {
    const lines = Array.from({ length: 200 }, (_, at) => `int line_${at} = ${at}; /* é ✓ 日本 "text" */`);
    writeFileSync(text, `${lines.join('\n')}\n`);
    writeFileSync(join(scratch, '.vimrc'), 'syntax on\nset number ruler noswapfile viminfo= encoding=utf-8\n');
  });

  type Step = readonly [typed: string, shown: RegExp];
  const COLOURS = "for c in 31 42 '1;33' '38;5;208' '48;2;10;20;30'; do printf '\\033[%sm%s\\033[0m ' \"$c\" x; done; echo";
  const programs: readonly (readonly [name: string, ...steps: Step[]])[] = [
    [
      'vim',
      [`vim -u ~/.vimrc '${text}'`, /1,1 +Top$/],
      ['50G', /50,1 /],
      ['dd', /50 int line_50 /],
      ['oé 日本\x1b', /51 é 日本\n[\s\S]*51,\d/],
      ['zt', /^ *51 é 日本/],
      ['yyp', /^ *51 é 日本\n *52 é 日本/],
      ['\x1b:q!', /:q!$/],
      ['\r', /ready>$/],
    ],
    [
      'less',
      [`less -N '${text}'`, /line_22 /],
      [' ', /line_45 /],
      ['/line_150\r', /line_150 [\s\S]*\n:$/],
      ['b', /line_140 [\s\S]*\n:$/],
      ['q', /ready>$/],
    ],
    ['colours', [COLOURS, /^x x x x x ?\nready>$/]],
  ];
  for (const [name, ...steps] of programs) {
    test(`show through hoop connect what they show alone: ${name}`, async () => {
      using near = direct();
      using far = connect();
      await Promise.all([near.sees(/ready>$/), far.sees(/ready>$/)]);
      for (const [index, [typed, shown]] of steps.entries()) {
        const text = index === 0 ? `clear; ${typed}\r` : typed;
        near.type(text);
        far.type(text);
        await near.sees(shown);
        await until(`the same picture after ${JSON.stringify(text)}`, () => near.picture() === far.picture()).catch((error: unknown) => {
          assert.equal(far.picture(), near.picture(), String(error));
        });
      }
    });
  }

  test('top is drawn anew, and takes its keys', async () => {
    using far = connect();
    await far.sees(/ready>$/);
    far.type('top -d 0.5\r');
    await far.sees(/load average[\s\S]*PID/);
    const first = far.picture();
    await until('it is drawn anew', () => far.picture() !== first);
    far.type('h');
    await far.sees(/Help for Interactive Commands/);
    far.type('q');
    await far.sees(/load average[\s\S]*PID/);
    far.type('q');
    await far.sees(/ready>$/);
  });
});

describe('the terminal that hoop connect was started in', () => {
  /** A shell of this machine that starts it, and compares what the terminal is before and after. */
  function around(): Seat {
    return new Seat(['bash', '--noprofile', '--norc', '-i'], { env: { ...env, PS1: 'here> ', HISTFILE: '' } });
  }
  const START = `stty -a > '${scratch}/before'; '${HOOP}' connect shell; echo "ended $?"; stty -a > '${scratch}/after'; echo wri""tten\r`;

  const ends: readonly (readonly [how: string, code: number, end: (seat: Seat) => Promise<void>])[] = [
    ['the command is done', 3, async (seat) => seat.type('exit 3\r')],
    ['it is left with a tilde and a dot', 130, async (seat) => seat.type('\r~.')],
    ['it is told to stop', 143, async () => signal('SIGTERM')],
    ['it is hung up', 129, async () => signal('SIGHUP')],
    ['its session is killed', 254, killSession],
    ['the agent is killed', 69, async () => parts.killAndRestart('agent')],
    ['the gateway is killed', 69, async () => parts.killAndRestart('gateway')],
  ];
  for (const [how, code, end] of ends) {
    test(`is as it was when ${how}`, async () => {
      using seat = around();
      await seat.sees(/here>$/);
      seat.type(START);
      await seat.sees(/ready>$/);
      seat.type("printf '\\033[?1049h\\033[?25lfull screen'\r");
      await seat.sees(/full screen/);
      await end(seat);
      await seat.sees(/written\nhere>$/);
      assert.match(seat.text(), new RegExp(`ended ${code}\\n`));
      assert.match(seat.picture(), /^normal /);
      assert.equal(readFileSync(join(scratch, 'after'), 'utf8'), readFileSync(join(scratch, 'before'), 'utf8'));
    });
  }

  async function killSession(): Promise<void> {
    await parts.office.kill((await parts.office.openSession('shell')).id);
  }

  /** To the program itself, not to the shell that waits for it. */
  async function signal(name: NodeJS.Signals): Promise<void> {
    const { stdout } = await runProgram('pgrep', ['-f', `^\\S*node .*main\\.js connect shell$`]);
    const pids = stdout.trim().split('\n').map(Number);
    assert.equal(pids.length, 1, stdout);
    process.kill(pids[0] ?? 0, name);
  }
});

describe('the recording of a terminal', () => {
  test('shows what the person saw, as text and as it was', async () => {
    const { office } = parts;
    const earlier = new Set((await office.sessions('shell')).map(({ id }) => id));
    using seat = connect();
    await seat.sees(/ready>$/);
    seat.type("printf '\\033[1;32mgr\\033[0meen\\n'\r");
    await seat.sees(/\ngreen\nready>$/);
    seat.type('exit\r');
    await seat.ended;
    const { id } = await until('the session', async () => {
      return (await office.sessions('shell')).find((session) => !earlier.has(session.id) && session.status === 'done');
    });
    const shown = await runProgram(HOOP, ['sessions', 'get', id], { env });
    assert.match(shown.stdout, /\nOutput:\nready> printf .*\ngreen\nready> exit\nexit\n$/);
    using replay = new Seat([HOOP, 'sessions', 'replay', id, '--speed', '1000'], { env });
    assert.equal((await replay.ended).exitCode, 0);
    await replay.sees(/\ngreen\nready> exit\nexit$/);
    assert.ok(replay.output.includes('\x1b[1;32mgr\x1b[0meen'));
  });
});

describe('hoop exec on a command', () => {
  test('passes arguments as they are, both streams apart, and the exit code on', async () => {
    const script = 'printf "%s\\n" "$@"; echo problem >&2; exit 42';
    assert.deepEqual(await exec(['run', '--', 'bash', '-c', script, 'x', 'a b', '$HOME', '*', '', '--json']), {
      exitCode: 42,
      signal: null,
      stdout: 'a b\n$HOME\n*\n\n--json\n',
      stderr: 'problem\n',
    });
  });

  test('streams what comes while it comes', async () => {
    const program = new Program(HOOP, ['exec', 'run', '-i', '', '--', 'bash', '-c', 'echo first; read -t 1000 < <(sleep 1000)'], { env });
    await until('the first line', () => program.stdout === 'first\n');
    program.child.kill('SIGTERM');
    assert.equal((await program.done).exitCode, 143);
  });

  test('takes a script from stdin, and large input and output whole', async () => {
    const { stdout, exitCode } = await exec(['bash'], 'echo "$HOOP_USER_EMAIL $HOOP_CLIENT_VERB"; exit 5\n');
    assert.deepEqual([exitCode, stdout], [5, 'admin@example.test exec\n']);
    const text = randomBytes(1024 * 1024).toString('base64');
    const echoed = await exec(['run', '--', 'cat'], text);
    assert.equal(hash(Buffer.from(echoed.stdout)), hash(Buffer.from(text)));
  });

  test('gives Ctrl-C to the command, which may have something to do first', async () => {
    const script = 'trap "echo caught; exit 9" INT; echo up; while :; do sleep 0.1; done';
    const program = new Program(HOOP, ['exec', 'run', '-i', '', '--', 'bash', '-c', script], { env });
    await until('the command', () => program.stdout === 'up\n');
    program.child.kill('SIGINT');
    const { exitCode, stdout } = await program.done;
    assert.deepEqual([exitCode, stdout], [9, 'up\ncaught\n']);
  });

  test('ends a command that ignores Ctrl-C at the second one, with everything that it started', async () => {
    const script = 'trap "" INT; echo up $$; sleep 1000';
    const program = new Program(HOOP, ['exec', 'run', '-i', '', '--', 'bash', '-c', script], { env });
    await until('the command', () => /^up \d+\n$/.test(program.stdout));
    const pid = Number(program.stdout.split(' ')[1]);
    program.child.kill('SIGINT');
    program.child.kill('SIGINT');
    await until('the second', () => program.child.kill('SIGINT') === false || program.child.exitCode !== null);
    assert.equal((await program.done).exitCode, 130);
    await until('the end of the command', () => !isAlive(pid));
  });

  test('ends what takes too long', async () => {
    const { exitCode, stderr } = await exec(['run', '--timeout', '1s', '-i', '', '--', 'sleep', '1000']);
    assert.notEqual(exitCode, 0);
    assert.notEqual(stderr, '');
  });

  test('ends with 254 when policy refuses it, before anything ran', async () => {
    const file = join(scratch, 'not-written');
    const { exitCode, stderr, stdout } = await exec(['guarded'], `touch '${file}'; echo forbidden\n`);
    assert.deepEqual([exitCode, stdout], [254, '']);
    assert.match(stderr, /Not here/);
    assert.throws(() => readFileSync(file), { code: 'ENOENT' });
  });

  test('is one JSON object where that is asked for', async () => {
    const { stdout, exitCode } = await exec(['bash', '--json'], 'echo out; echo err >&2; exit 3\n');
    const { data, exit_code } = JSON.parse(stdout);
    assert.deepEqual([exitCode, exit_code, data.output, data.stderr], [3, 3, 'out\n', 'err\n']);
  });
});

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
