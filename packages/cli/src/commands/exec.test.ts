import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ExecReply } from '@hoop/contract/routes/sessions';
import { Answered, FakeGateway, type Handlers, Refused } from '../testing/fake-gateway.ts';
import { connection, SESSION_ID, session } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-exec-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const done: ExecReply = {
  has_review: false,
  session_id: SESSION_ID,
  output: '?column?\n1\n',
  output_status: 'success',
  truncated: false,
  execution_time: 12.3,
  exit_code: 0,
};

/** What the command asks before anything else. */
const known: Handlers = { getConnection: () => connection() };

function answering(part: Partial<ExecReply>, scripts: string[] = []): Handlers {
  return {
    ...known,
    execSession: ({ body }) => {
      scripts.push(body.script);
      return { ...done, ...part };
    },
  };
}

test('the output goes to stdout as it is, and nothing else anywhere', async () => {
  await using gateway = await FakeGateway.start(answering({}));
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['exec', 'demo', '-i', 'select 1']), { code: 0, out: '?column?\n1\n', err: '' });
});

test('a script comes from a flag, a file or stdin', async () => {
  const scripts: string[] = [];
  await using gateway = await FakeGateway.start(answering({}, scripts));
  using shell = Shell.at(gateway);
  const file = join(scratch, 'script.sql');
  writeFileSync(file, 'select 2;\nselect 3\n');
  await shell.run(['exec', 'demo', '--input', 'select 1'], { stdin: 'not this' });
  await shell.run(['exec', 'demo', '-f', file]);
  await shell.run(['exec', 'demo'], { stdin: 'select 4\n' });
  assert.deepEqual(scripts, ['select 1', 'select 2;\nselect 3\n', 'select 4\n']);
});

test('without a script nothing is sent and the usage is told', async () => {
  await using gateway = await FakeGateway.start(known);
  using shell = Shell.at(gateway);
  assert.equal((await shell.run(['exec', 'demo'])).code, 2);
  assert.equal((await shell.run(['exec', 'demo'], { stdin: ' \n' })).code, 2);
  assert.equal((await shell.run(['exec', 'demo', '-i', 'x', '-f', 'y'])).code, 2);
  assert.equal((await shell.run(['exec', 'demo', '-i', 'x', '--', 'y'])).code, 2);
  assert.equal((await shell.run(['exec', 'demo', '-i', 'x', '--timeout', '3s'])).code, 2);
  assert.match((await shell.run(['exec', 'demo', '-f', '/nowhere'])).err, /\/nowhere cannot be read \(ENOENT\)/);
  assert.ok(!gateway.calls.includes('execSession'));
});

test('what ran gives the exit code; a failure without one is 1 and a refusal 254', async () => {
  for (const [part, code] of [
    [{ output_status: 'failed', exit_code: 1 }, 1],
    [{ output_status: 'failed', exit_code: 42 }, 42],
    [{ output_status: 'failed', exit_code: 0 }, 1],
    [{ output_status: 'failed', exit_code: -1 }, 1],
    [{ output_status: 'blocked', exit_code: 1 }, 254],
  ] as const) {
    await using gateway = await FakeGateway.start(answering(part));
    using shell = Shell.at(gateway);
    assert.equal((await shell.run(['exec', 'demo', '-i', 'x'])).code, code, JSON.stringify(part));
  }
});

test('a refusal keeps what was printed before it on stdout and tells the reason on stderr', async () => {
  await using gateway = await FakeGateway.start(answering({ output_status: 'blocked', output: 'partial\n' }));
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['exec', 'demo', '-i', 'drop table t']);
  assert.equal(out, 'partial\n');
  assert.match(err, new RegExp(`Policy refused it .*${SESSION_ID}`));
});

test('an output that was cut says so on stderr', async () => {
  await using gateway = await FakeGateway.start(answering({ truncated: true }));
  using shell = Shell.at(gateway);
  assert.match((await shell.run(['exec', 'demo', '-i', 'x'])).err, /cut off/);
});

test('an access mode that is off is a refusal, and an unknown connection an error', async () => {
  await using gateway = await FakeGateway.start({
    getConnection: ({ params }) => {
      if (params.nameOrID === 'demo') return connection();
      throw new Refused(404, 'connection_unknown', `There is no connection ${params.nameOrID}`);
    },
    execSession: () => {
      throw new Refused(403, 'access_mode', 'demo may not be used with exec');
    },
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['exec', 'demo', '-i', 'x']), { code: 254, out: '', err: 'Error: demo may not be used with exec\n' });
  assert.deepEqual(await shell.run(['exec', 'x', '-i', 'x']), { code: 1, out: '', err: 'Error: There is no connection x\n' });
});

test('an agent that is away ends it with 69, so that a script may try again later', async () => {
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    execSession: () => {
      throw new Refused(503, 'agent_offline', 'The agent of demo is offline');
    },
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['exec', 'demo', '-i', 'x']), { code: 69, out: '', err: 'Error: The agent of demo is offline\n' });
});

test('-o json is one event with the output in it', async () => {
  await using gateway = await FakeGateway.start(answering({ output_status: 'failed', exit_code: 3, output: 'boom' }));
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['exec', 'demo', '-i', 'x', '-o', 'json']);
  assert.deepEqual([code, err], [3, '']);
  assert.deepEqual(JSON.parse(out), {
    status: 'completed',
    message: 'It failed',
    data: { session_id: SESSION_ID, output: 'boom', output_status: 'failed', truncated: false, execution_time_ms: 12.3 },
    exit_code: 3,
  });
});

test('a script that runs on is waited for, and its exit code is taken from the session', async () => {
  let asked = 0;
  await using gateway = await FakeGateway.start({
    ...known,
    execSession: () => new Answered({ ...done, output: '', output_status: 'running', exit_code: -2 }, { status: 202 }),
    getSession: () => (++asked < 2 ? session({ status: 'open', exit_code: null }) : session({ exit_code: 7 })),
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['exec', 'demo', '-i', 'select pg_sleep(60)']);
  assert.deepEqual([code, out], [7, '']);
  assert.match(err, new RegExp(`Still running as session ${SESSION_ID}`));
  assert.match(err, /Ended with exit code 7/);
});

test('Ctrl-C while the gateway works drops the call, which ends the script', async () => {
  const called = Promise.withResolvers<AbortSignal>();
  await using gateway = await FakeGateway.start({
    ...known,
    execSession: ({ gone }) => {
      called.resolve(gone);
      return new Promise<ExecReply>(() => undefined);
    },
  });
  using shell = Shell.at(gateway);
  const running = shell.start(['exec', 'demo', '-i', 'select pg_sleep(60)']);
  const gone = await called.promise;
  running.stop(130);
  assert.equal(await running.done, 130);
  if (!gone.aborted) await new Promise((resolve) => gone.addEventListener('abort', resolve, { once: true }));
});

test('Ctrl-C while a running script is waited for kills its session', async () => {
  const killed: string[] = [];
  await using gateway = await FakeGateway.start({
    ...known,
    execSession: () => new Answered({ ...done, output: '', output_status: 'running', exit_code: -2 }, { status: 202 }),
    getSession: () => session({ status: 'open', exit_code: null }),
    killSession: ({ params }) => void killed.push(params.session_id),
  });
  using shell = Shell.at(gateway);
  const running = shell.start(['exec', 'demo', '-i', 'select pg_sleep(60)']);
  await running.stderr.shows(/Still running/);
  running.stop(143);
  assert.equal(await running.done, 143);
  assert.deepEqual(killed, [SESSION_ID]);
});
