import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '@hoop/contract/routes/connections';
import { FakeGateway, Refused } from '../testing/fake-gateway.ts';
import { agent, CONNECTION_ID, connection, SESSION_ID, session } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const page = { total_is_capped: false, has_next_page: false };

test('sessions list shows the default columns, newest first as the gateway gives them', async () => {
  await using gateway = await FakeGateway.start({ listSessions: () => ({ data: [session()], ...page }) });
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['sessions', 'list']);
  assert.equal(
    out,
    [
      'ID                                     USER              ROLE   TYPE       START_DATE                 STATUS',
      '0f9e8d7c-0000-4000-8000-000000000003   ann@example.com   demo   postgres   2026-11-21T08:00:00.000Z   done',
      '',
    ].join('\n'),
  );
  assert.equal(err, '');
});

test('sessions list sends its filters, and takes dates as people write them', async () => {
  let asked: unknown;
  await using gateway = await FakeGateway.start({
    listSessions: ({ query }) => {
      asked = query;
      return { data: [], ...page };
    },
  });
  using shell = Shell.at(gateway);
  const { code, err } = await shell.run([
    ...['sessions', 'list', '--role', 'demo', '--status', 'open', '--start-date', '2026-11-21', '--limit', '7', '--offset', '14'],
  ]);
  assert.equal(code, 0, err);
  const start_date = '2026-11-21T00:00:00.000Z';
  assert.deepEqual(asked, { connection: 'demo', status: 'open', start_date, limit: 7, offset: 14, count: 'none' });
});

test('sessions list shows chosen fields, ids only, and says when there is more', async () => {
  await using gateway = await FakeGateway.start({ listSessions: () => ({ data: [session()], ...page, has_next_page: true }) });
  using shell = Shell.at(gateway);
  const chosen = await shell.run(['sessions', 'list', '--fields', 'id,exit_code']);
  assert.equal(chosen.out, `ID                                     EXIT_CODE\n${SESSION_ID}   0\n`);
  assert.match(chosen.err, /--offset 1/);
  assert.equal((await shell.run(['sessions', 'list', '-q'])).out, `${SESSION_ID}\n`);
});

test('filters that cannot be meant are refused before anything is sent', async () => {
  await using gateway = await FakeGateway.start({});
  using shell = Shell.at(gateway);
  for (const flags of [
    ['--limit', '0'],
    ['--limit', 'many'],
    ['--offset', '-1'],
    ['--start-date', 'yesterday'],
    ['--fields', 'id,colour'],
    ['--status', 'asleep'],
  ]) {
    const { code, out } = await shell.run(['sessions', 'list', ...flags]);
    assert.deepEqual([code, out], [2, ''], flags.join(' '));
  }
  assert.deepEqual(gateway.calls, []);
});

test('sessions get shows what was done, denied statements and errors included, on one line each', async () => {
  const time = '2026-11-21T08:00:01.000Z';
  const outcome = { rows: 5, bytes: 100, duration_us: 1_234 };
  await using gateway = await FakeGateway.start({
    getSession: ({ query }) => {
      assert.equal(query.expand, 'actions,session_input');
      return session({
        script: { data: 'select 1' },
        actions: [
          { seq: 1, time, via: 'query', text: 'select *\n  from t', verdict: 'allow', outcome },
          { seq: 2, time, via: 'query', text: 'drop table t', verdict: 'deny', rule: 'no-drop' },
          { seq: 3, time, via: 'query', text: 'selct', verdict: 'allow', outcome: { ...outcome, rows: 0, error: '42601: syntax error' } },
          { seq: 4, time, via: 'query', text: 'select pg_sleep(9)', verdict: 'allow' },
        ],
        expand_truncated: true,
        next_after: 4,
      });
    },
  });
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['sessions', 'get', SESSION_ID]);
  const table = out.slice(out.indexOf('SEQ'));
  assert.equal(
    table,
    [
      'SEQ   TIME       VERDICT   ROWS   DURATION   RESULT                STATEMENT',
      '1     08:00:01   allow     5      1.2 ms     ok                    select *   from t',
      '2     08:00:01   deny      -      -          no-drop               drop table t',
      '3     08:00:01   allow     0      1.2 ms     42601: syntax error   selct',
      '4     08:00:01   allow     -      -          running               select pg_sleep(9)',
      '',
    ].join('\n'),
  );
  assert.match(out, /^Reason: +client_left$/m);
  assert.match(err, /--after 4/);
});

test('sessions kill says what it did, and why it could not', async () => {
  await using gateway = await FakeGateway.start({
    killSession: ({ params }) => {
      if (params.session_id !== SESSION_ID) throw new Refused(400, 'session_not_open', 'The session is not open');
    },
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['sessions', 'kill', SESSION_ID]), { code: 0, out: `session "${SESSION_ID}" killed\n`, err: '' });
  const other = SESSION_ID.replace('3', '4');
  assert.deepEqual(await shell.run(['sessions', 'kill', other]), { code: 1, out: '', err: 'Error: The session is not open\n' });
});

test('list shows what you may use, with ids and tags when asked', async () => {
  await using gateway = await FakeGateway.start({
    listConnections: () => [connection({ access_mode_runbooks: 'disabled', connection_tags: { env: 'prod' } })],
  });
  using shell = Shell.at(gateway);
  assert.equal(
    (await shell.run(['ls'])).out,
    'NAME   TYPE                ACCESS         STATUS\ndemo   database/postgres   connect,exec   online\n',
  );
  assert.equal(
    (await shell.run(['list', '-o', 'wide'])).out,
    `NAME   TYPE                ACCESS         STATUS   ID                                     TAGS\ndemo   database/postgres   connect,exec   online   ${CONNECTION_ID}   env=prod\n`,
  );
  assert.equal(JSON.parse((await shell.run(['list', '-o', 'json'])).out)[0].name, 'demo');
});

test('an empty list is a table without rows, and says what to do on stderr', async () => {
  await using gateway = await FakeGateway.start({ listConnections: () => [] });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['list']);
  assert.deepEqual([code, out], [0, 'NAME   TYPE   ACCESS   STATUS\n']);
  assert.match(err, /hoop admin create connection/);
});

test('describe shows which settings there are, and never their values', async () => {
  await using gateway = await FakeGateway.start({ getConnection: () => connection(), listAgents: () => [agent()] });
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['describe', 'demo']);
  assert.match(out, /^Settings: +envvar:HOST, envvar:PASS$/m);
});

test('a login that has expired ends with 77 and says what to run', async () => {
  await using gateway = await FakeGateway.start({
    listConnections: () => {
      throw new Refused(401, 'unauthenticated', 'The token has expired');
    },
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['list']), { code: 77, out: '', err: 'Error: The token has expired. Run `hoop login`\n' });
});

test('a permission that is missing ends with 254', async () => {
  await using gateway = await FakeGateway.start({
    listUsers: () => {
      throw new Refused(403, 'forbidden', 'Only administrators may do that');
    },
  });
  using shell = Shell.at(gateway);
  assert.equal((await shell.run(['admin', 'get', 'users'])).code, 254);
});

test('who is not logged in is told so without a call', async () => {
  using shell = new Shell();
  const { code, out, err } = await shell.run(['list'], { env: { HOOP_API_URL: 'http://127.0.0.1:1' } });
  assert.deepEqual([code, out], [77, '']);
  assert.match(err, /^Error: You are not logged in to http:\/\/127\.0\.0\.1:1\. Run `hoop login`/);
});

test('a connection is shown with its agent: by name, as one of the organization’s, or as deleted', async () => {
  const told = async (part: Partial<Connection>): Promise<string> => {
    await using gateway = await FakeGateway.start({ getConnection: () => connection(part), listAgents: () => [agent()] });
    using shell = Shell.at(gateway);
    return /^Agent: +(.*)$/m.exec((await shell.run(['describe', 'demo'])).out)?.[1] ?? '';
  };
  const elsewhere = '99999999-9999-4999-8999-999999999999';
  assert.equal(await told({}), agent().name);
  assert.equal(await told({ agent_id: elsewhere, managed_by: 'hoopagent', status: 'offline' }), 'whoever has the organization key');
  assert.equal(await told({ agent_id: elsewhere, status: 'online' }), 'whoever has the organization key');
  assert.equal(await told({ agent_id: elsewhere, status: 'offline' }), `${elsewhere} (deleted)`);
});
