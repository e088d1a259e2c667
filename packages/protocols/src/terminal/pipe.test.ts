import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { AppError, Refusal } from '@hoop/core/errors';
import { baseEnvironment } from './env.ts';
import { SCRIPT_BYTES_MAX } from './limits.ts';
import { denying, eventually, forbidding, MASK, ran, Seat } from './testing/seat.ts';

const sh = (script: string): readonly string[] => ['sh', '-c', script];
const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected;

function isAlive(pid: number): boolean {
  try {
    // A process that ended and was not asked for yet still has its number.
    return !/^\d+ \(.*\) [ZX]/s.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('a script', () => {
  test('is given to the command, and its two outputs and its exit code come back', async () => {
    const seat = await ran({ command: ['sh'] }, 'echo out; echo err >&2; exit 7');
    assert.deepEqual([seat.stdout, seat.stderr, seat.exit], ['out\n', 'err\n', { code: 7 }]);
    assert.equal(seat.frames.at(-1), TERMINAL_FRAMES.exit);
    assert.deepEqual(seat.audit, ['exec allow echo out; echo err >&2; exit 7', 'exec settled']);
    assert.equal(seat.outcomes[0]?.exit_code, 7);
    assert.equal(seat.outcomes[0]?.bytes, 8);
  });

  test('passes bytes of every value unchanged', async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
    const seat = await ran({ command: ['cat'] }, bytes.toString('latin1'));
    assert.equal(seat.exit?.code, 0);
    assert.equal(Buffer.from(seat.stdout, 'latin1').toString('utf8'), bytes.toString('latin1'));
  });

  test('is judged whole before anything starts', async () => {
    const mark = join(fs.mkdtempSync(join(tmpdir(), 'hoop-mark-')), 'started');
    const seat = await ran({ command: sh(`touch ${mark}; cat`), judge: denying('drop') }, `select 1;\n${'-'.repeat(100_000)}\ndrop`);
    assert.deepEqual(seat.notices, ['no drop here']);
    assert.deepEqual(seat.exit, { code: 254 });
    assert.equal(fs.existsSync(mark), false);
    assert.equal(seat.audit.length, 1);
    assert.match(seat.audit[0] ?? '', /^exec deny select 1/);
  });

  test('waits for a slow judge, and starts nothing meanwhile', async () => {
    const verdict = Promise.withResolvers<{ allow: true }>();
    await using seat = await Seat.take({ command: ['sh'], judge: () => verdict.promise });
    const sent = seat.script('echo late');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(seat.busy, false);
    verdict.resolve({ allow: true });
    await sent;
    await seat.ended();
    assert.equal(seat.stdout, 'late\n');
  });

  test('with arguments only is judged and recorded as the command line', async () => {
    const seat = await ran({ command: ['echo', '-n'], start: { args: ['a b', "it's"] } });
    assert.equal(seat.stdout, "a b it's");
    assert.equal(seat.audit[0], "exec allow echo -n 'a b' 'it'\\''s'");
    const denied = await ran({ command: ['echo'], start: { args: ['drop'] }, judge: denying('drop') });
    assert.equal(denied.exit?.code, 254);
    const both = await ran({ command: ['cat'], start: { args: ['-'] } }, 'input');
    assert.equal(both.audit[0], 'exec allow cat -\ninput');
  });

  test('that is too long is refused', async () => {
    await using seat = await Seat.take({ command: ['cat'] });
    await assert.rejects(async () => {
      for (let sent = 0; sent <= SCRIPT_BYTES_MAX; sent += 1024 * 1024) await seat.type(Buffer.alloc(1024 * 1024, 'x'));
    }, code('script_too_long'));
  });

  test('that its command does not read does not hold it up', async () => {
    const seat = await ran({ command: sh('exec 0<&-; echo done') }, 'x'.repeat(2_000_000));
    assert.deepEqual([seat.stdout, seat.exit?.code], ['done\n', 0]);
  });

  test('gets all of its output through to a slow client, also what came just before the end', async () => {
    let held = 0;
    const slow = (): Promise<void> | undefined => (held++ % 8 === 0 ? new Promise((resolve) => setTimeout(resolve, 30)) : undefined);
    const seat = await ran({ command: sh('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end'), slow });
    assert.equal(seat.stdout.length, 3_000_005);
    assert.ok(seat.stdout.endsWith('\nend\n'));
  });

  test('that prints without an end is cut, ended, and says so', async () => {
    const seat = await ran({ command: ['sh', '-c', 'cat /dev/zero'] });
    assert.deepEqual(seat.exit, { code: 143, signal: 'TERM', truncated: true });
    assert.equal(seat.stdout.length, 64 * 1024 * 1024);
    assert.match(seat.notices[0] ?? '', /output was cut at/);
  });
});

describe('a program', () => {
  test('that is not there is named', async () => {
    await assert.rejects(
      ran({ command: ['no-such-program', 'x'] }),
      (error) => code('command_not_found')(error) && /no-such-program/.test(String(error)),
    );
    await assert.rejects(ran({ command: ['/etc/no/such'] }), code('command_not_found'));
  });

  test('that may not be run is named', async () => {
    const file = join(fs.mkdtempSync(join(tmpdir(), 'hoop-plain-')), 'program');
    fs.writeFileSync(file, '', { mode: 0o644 });
    await assert.rejects(ran({ command: [file] }), code('command_not_executable'));
  });

  test('that cannot be started after all ends with words and a code', async () => {
    const file = join(fs.mkdtempSync(join(tmpdir(), 'hoop-broken-')), 'program');
    fs.writeFileSync(file, '#!/no/such/interpreter\n', { mode: 0o755 });
    const seat = await ran({ command: [file] });
    assert.equal(seat.exit?.code, 127);
    assert.match(seat.notices[0] ?? '', /could not be started/);
  });
});

describe('what a command gets', () => {
  test('is the base of the environment, its settings, and what is derived of them', async () => {
    const seat = await ran({ command: ['env'], settings: { PASS: 'geheim', HOST: 'db', PATH: baseEnvironment().PATH ?? '' } });
    const lines = seat.stdout.trim().split('\n');
    const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    assert.deepEqual(
      [environment.PGPASSWORD, environment.MYSQL_PWD, environment.SQLCMDPASSWORD, environment.PASS, environment.HOST],
      ['geheim', 'geheim', 'geheim', 'geheim', 'db'],
    );
    assert.deepEqual(
      ['CONNECTION_NAME', 'CONNECTION_TYPE', 'CLIENT_ORIGIN', 'CLIENT_VERB', 'USER_ID', 'USER_EMAIL'].map(
        (name) => environment[`HOOP_${name}`],
      ),
      ['tools', 'custom', 'cli', 'exec', 'u-1', 'ann@example.test'],
    );
    assert.equal(environment.HOOP_SESSION_ID, seat.id);
  });

  test('is a directory of its own, which is gone afterwards', async () => {
    const seat = await ran({ command: ['sh'] }, 'pwd; stat -c %a .; touch left-behind; ls -A');
    const [directory = '', mode, listing] = seat.stdout.split('\n');
    assert.deepEqual([mode, listing], ['700', 'left-behind']);
    assert.equal(fs.existsSync(directory), false);
  });

  test('is the directory that the agent names, which stays', async () => {
    const cwd = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'hoop-application-')));
    const seat = await ran({ command: ['sh'], session: { cwd } }, 'pwd; touch left-behind');
    assert.equal(seat.stdout, `${cwd}\n`);
    assert.deepEqual(fs.readdirSync(cwd), ['left-behind']);
    fs.rmSync(cwd, { recursive: true });
  });

  test('is the value of a name in its own command, and of no name in an argument of the client', async () => {
    const settings = { HOST: 'db one', PORT: '5432' };
    const seat = await ran({
      command: ['printf', '%s|', '$HOST', 'p=${PORT}', '$NOT_SET'],
      settings,
      start: { args: ['$HOST', '${PORT}', '$(id)'] },
    });
    assert.equal(seat.stdout, 'db one|p=5432|$NOT_SET|$HOST|${PORT}|$(id)|');
  });

  test('leaves a script in its command to the shell', async () => {
    const seat = await ran({ command: ['sh', '-c', 'for i in 1 2; do echo "$i $HOST"; done'], settings: { HOST: 'a"; echo b' } });
    assert.equal(seat.stdout, '1 a"; echo b\n2 a"; echo b\n');
  });

  test('does not put a user’s strange address into the middle of an argument', async () => {
    const user = { id: 'u', email: '`id`@example.test' };
    await assert.rejects(ran({ command: ['echo', '--for=$HOOP_USER_EMAIL'], session: { user } }), code('unsafe_value'));
    assert.equal((await ran({ command: ['echo', '$HOOP_USER_EMAIL'], session: { user } })).stdout, '`id`@example.test\n');
  });
});

describe('a command that ends', () => {
  test('takes what it started with it', async () => {
    const seat = await ran(
      { command: ['sh'] },
      'sleep 600 & echo $!; (trap "" TERM; exec sleep 601) & echo $!; setsid sleep 602 & echo $!',
    );
    const pids = seat.stdout.trim().split('\n').map(Number);
    assert.equal(pids.length, 3);
    assert.equal(seat.exit?.code, 0);
    for (const pid of pids) assert.equal(isAlive(pid), false, `${pid} lives`);
  });

  test('at its limit tells why', async () => {
    const seat = await ran({ command: ['sleep', '600'], start: { timeout_ms: 100 } });
    assert.deepEqual(seat.exit, { code: 143, signal: 'TERM' });
    assert.match(seat.notices[0] ?? '', /ran for 100 ms/);
  });

  test('hears a signal of its client, with everything that it started', async () => {
    await using seat = await Seat.take({ command: ['sh'] });
    await seat.script('trap "echo heard" INT; sleep 600 & echo $!; wait; wait');
    await seat.shows('\n');
    await seat.signal('INT');
    await seat.shows('heard');
    await seat.signal('TERM');
    await seat.ended();
    assert.equal(isAlive(Number.parseInt(seat.stdout, 10)), false);
    assert.deepEqual(seat.exit, { code: 143, signal: 'TERM' });
  });

  test('is not left running when its session ends, however deaf it is', async () => {
    await using seat = await Seat.take({ command: ['sh'] });
    await seat.script(
      'trap "" TERM HUP INT; (trap "" TERM HUP INT; while :; do sleep 0.1; done) & echo $! $$; while :; do sleep 0.1; done',
    );
    await seat.shows('\n');
    seat.finish(new Refusal('session_killed', 'Ended by an administrator'));
    assert.deepEqual([seat.exit?.code, seat.notices], [254, ['Ended by an administrator']]);
    assert.equal(seat.audit.at(-1), 'exec settled');
    await seat.target.released?.();
    for (const pid of seat.stdout.trim().split(' ')) assert.equal(isAlive(Number(pid)), false);
  });

  test('is ended when its client leaves', async () => {
    await using seat = await Seat.take({ command: ['sh'] });
    await seat.script('echo $$; exec sleep 600');
    await seat.shows('\n');
    seat.target.wire.end();
    await seat.ended();
    assert.equal(isAlive(Number(seat.stdout)), false);
  });
});

describe('output that is to be masked', () => {
  test('is masked in each stream for itself', async () => {
    const seat = await ran(
      { command: ['sh'], mask: MASK },
      'printf "to ann@ex"; printf "x@" >&2; printf "ample.test, bye\\n"; echo y.zz >&2',
    );
    assert.equal(seat.stdout, 'to ################, bye\n');
    assert.equal(seat.stderr, '######\n');
    assert.deepEqual(seat.outcomes[0]?.masked, { MAIL: 2 });
  });

  test('does not wait for its rest for long', async () => {
    await using seat = await Seat.take({ command: ['sh'], mask: MASK });
    await seat.script('printf prompt; sleep 600');
    await seat.shows('prompt');
    await eventually('it runs still', () => seat.busy);
  });
});

describe('output that a rule forbids', () => {
  test('ends the command, and the client is told why instead of it', async () => {
    const seat = await ran({ command: ['sh'], judge: forbidding('top secret') }, 'echo begins; echo it is top secret; exec sleep 600');
    assert.doesNotMatch(seat.stdout, /secret/);
    assert.deepEqual([seat.notices, seat.exit], [['no top secret here'], { code: 254 }]);
    assert.deepEqual([seat.outcomes[0]?.error, seat.outcomes[0]?.exit_code], ['denied: r', 254]);
  });

  test('is found in what is written as an error, too', async () => {
    const seat = await ran({ command: ['sh'], judge: forbidding('top secret') }, 'echo top secret >&2');
    assert.deepEqual([seat.stderr, seat.exit], ['', { code: 254 }]);
  });

  test('does not keep anything else from being shown', async () => {
    const seat = await ran({ command: ['sh'], judge: forbidding('top secret') }, 'printf "top\\nsecret"; exit 3');
    assert.deepEqual([seat.stdout, seat.exit], ['top\nsecret', { code: 3 }]);
  });
});
