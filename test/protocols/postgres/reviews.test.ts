import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import pg from 'pg';
import type { Access } from '../../support/office.ts';
import { Program } from '../../support/program.ts';
import { holdWords, Reviewer } from '../../support/reviewer.ts';
import { until, within } from '../../support/until.ts';
import { psqlCall } from './drivers/psql.ts';
import { Lab } from './lab.ts';
import { cellsOf, extended, query, type Reply, sync, wordsOf } from './wire-client.ts';

let lab: Lab;
let database: string;
let boss: Reviewer;
const programs: Program[] = [];
const drivers: pg.Client[] = [];

before(async () => {
  lab = await Lab.start('tunnel');
  database = await lab.postgres.database();
  await lab.postgres.sql('create table t (id int); grant all on t to public', database);
  boss = await Reviewer.hire(lab.system.office, 'boss', ['admin']);
});
after(() => lab.close());
afterEach(async () => {
  lab.tidyUp();
  for (const program of programs.splice(0)) {
    program.child.kill('SIGKILL');
    await program.done;
  }
  for (const driver of drivers.splice(0)) await driver.end().catch(() => undefined);
  await lab.postgres.sql('truncate t', database);
});

/** A way in where statements with `insert` are held. */
async function held(): Promise<Access> {
  const access = await lab.access(database);
  await holdWords(lab.system.office, access.connectionId, ['insert']);
  return access;
}

function startPsql(access: Access): Program {
  const { args, env } = psqlCall({ host: access.host, port: access.port, user: access.connection, secret: access.secret });
  const program = new Program('psql', args, { env: { ...env, PGSSLMODE: 'disable' } });
  programs.push(program);
  return program;
}

async function connectDriver(access: Access): Promise<pg.Client> {
  const { host, port, connection: user, secret: password } = access;
  const client = new pg.Client({ host, port, user, password, database: user });
  client.on('error', () => undefined);
  drivers.push(client);
  await client.connect();
  return client;
}

const countOf = async (): Promise<number> => Number((await lab.postgres.sql('select count(*)::int as n from t', database))[0]?.n);
const firstCells = (replies: readonly Reply[]): (string | null)[] =>
  replies.filter(({ type }) => type === 'D').map((row) => cellsOf(row)[0] ?? null);

describe('a statement that a rule holds', () => {
  test('waits with a notice for psql, runs once somebody else approves it, and the records say who', async () => {
    const access = await held();
    const psql = startPsql(access);
    psql.say("select 'before';\ninsert into t values (1);\nselect 'after';\n");
    const review = await boss.asked(access.connection);
    assert.equal(review.text, 'insert into t values (1);');
    await until('the notice', () => psql.stderr.includes(review.id));
    assert.match(psql.stderr, /^NOTICE: {2}Waiting up to 60 min for approval: .*four eyes/m);
    assert.deepEqual([await countOf(), psql.stdout], [0, 'before\n']);
    await boss.approve(review);
    await until('the answer', () => psql.stdout === 'before\nafter\n');
    assert.equal(await countOf(), 1);
    const [, action] = await lab.actions(access, 3);
    assert.deepEqual([action?.verdict, action?.decision?.approved, action?.decision?.by], ['hold', true, boss.email]);
    assert.equal(action?.outcome?.rows, 1);
  });

  test('that is rejected is an error in the driver, and the session goes on', async () => {
    const access = await held();
    const client = await connectDriver(access);
    const answer = client.query('insert into t values ($1)', [1]).then(
      () => 'it ran',
      ({ code, message }: pg.DatabaseError) => `${code} ${message}`,
    );
    const review = await boss.asked(access.connection);
    assert.deepEqual([review.text, review.text_warnings], ['insert into t values ($1)\n-- parameters: $1 = "1"', []]);
    await boss.reject(review, 'not on a Friday');
    assert.equal(await answer, `42501 Rejected by ${boss.email}: not on a Friday`);
    assert.equal((await client.query('select 42 as n')).rows[0].n, 42);
    assert.equal(await countOf(), 0);
  });

  test('A38: is approved for one time: the same statement asks again', async () => {
    const access = await held();
    const client = await lab.through(access);
    for (let time = 1; time <= 2; time++) {
      client.send(query('insert into t values (1)'));
      await boss.approve(await boss.asked(access.connection));
      await client.until('Z');
      assert.equal(await countOf(), time);
    }
  });

  test('A38: is approved with its parameters: others need another approval, and are recorded nowhere else', async () => {
    const access = await held();
    const client = await connectDriver(access);
    const insert = { name: 'insert', text: 'insert into t values ($1)' };
    const first = client.query({ ...insert, values: [1] });
    const approved = await boss.asked(access.connection);
    await boss.approve(approved);
    await first;
    const second = client.query({ ...insert, values: [1_000_000] }).then(
      () => 'it ran',
      ({ message }: pg.DatabaseError) => message,
    );
    const other = await boss.asked(access.connection);
    assert.equal(other.text, 'insert into t values ($1)\n-- parameters: $1 = "1000000"');
    assert.notEqual(other.text_hash, approved.text_hash);
    await assert.rejects(boss.approve({ ...other, text_hash: approved.text_hash }), /is of another text/);
    await boss.reject(other, 'too many');
    assert.match(await second, /too many/);
    assert.equal(await countOf(), 1);
    const { id } = await lab.system.office.openSession(access.connection);
    const texts = (await lab.system.office.actions(id)).map(({ text }) => text);
    assert.deepEqual(texts, [insert.text, insert.text]);
  });

  test('hides what is sensitive in its parameters, and is still approved for these alone', async () => {
    const access = await held();
    await lab.system.office.mask(access.connectionId, ['EMAIL_ADDRESS']);
    const client = await connectDriver(access);
    const asked = async (value: string) => {
      const answer = client.query('insert into t select length($1::text)', [value]);
      const review = await boss.asked(access.connection);
      await boss.approve(review);
      await answer;
      return review;
    };
    const [ada, bob] = [await asked('ada@example.org'), await asked('bob@example.org')];
    assert.match(ada.text, /-- parameters, not all shown: \$1 = "#{15}" \(sha256 of all: [0-9a-f]{64}\)$/);
    assert.deepEqual(ada.text_warnings, ['parameters_not_shown']);
    assert.notEqual(ada.text_hash, bob.text_hash);
  });

  test('A38: is not approved by who runs it, administrator or not', async () => {
    const access = await held();
    const client = await lab.through(access);
    client.send(query('insert into t values (1)'));
    const { id } = await boss.asked(access.connection);
    const own = lab.system.office.api.call(routes.decideReview, { params: { id }, body: { status: 'APPROVED' } });
    await assert.rejects(own, /Nobody approves what they asked for themselves/);
    assert.equal(await countOf(), 0);
  });

  for (const [how, messages, answers] of [
    ['the simple protocol', [query('select 1'), query('insert into t values (1)'), query('select count(*) from t'), query('select 3')], 4],
    [
      'the extended protocol',
      [extended('select 1'), extended('insert into t values (1)'), extended('select count(*) from t'), extended('select 3'), sync],
      1,
    ],
  ] as const) {
    test(`keeps what is pipelined behind it in order, in ${how}, and holds up nobody else`, async () => {
      const access = await held();
      const client = await lab.through(access);
      client.send(...messages);
      const review = await boss.asked(access.connection);
      const neighbour = await lab.through(access);
      assert.deepEqual(firstCells(await neighbour.ask('select 7')), ['7']);
      await boss.approve(review);
      const replies: Reply[] = [];
      for (let left = answers; left > 0; left--) replies.push(...(await client.until('Z')));
      assert.deepEqual(firstCells(replies), ['1', '1', '3']);
    });
  }

  test('holds back a client that pipelines without end, in its own socket', async () => {
    const access = await held();
    const client = await lab.through(access);
    client.send(query('insert into t values (1)'));
    const review = await boss.asked(access.connection);
    const piece = Buffer.concat(Array.from({ length: 64 }, () => query(`select length('${'x'.repeat(64 * 1024)}')`)));
    for (let left = 8; left > 0; left--) client.send(piece);
    // Windows and socket buffers are full long before all of it is there.
    assert.ok(client.socket.writableLength > 16 * 1024 * 1024);
    await boss.approve(review);
    let answered = 0;
    for (let left = 1 + 8 * 64; left > 0; left--) answered += firstCells(await client.until('Z')).length;
    assert.equal(answered, 8 * 64);
  });

  test('is given up when its client cancels it, and the session goes on', async () => {
    const access = await held();
    const psql = startPsql(access);
    psql.say("insert into t values (1);\nselect 'after';\n");
    const review = await boss.asked(access.connection);
    psql.child.kill('SIGINT');
    await boss.is(review, 'CANCELLED');
    await until('the error', () => psql.stderr.includes('it was cancelled'));
    await assert.rejects(boss.approve(review), /cancelled already/);
    assert.equal(await countOf(), 0);
  });

  test('is cancelled with its session, which hears who ended it', async () => {
    const access = await held();
    const client = await lab.through(access);
    client.send(query('insert into t values (1)'), query('select 2'));
    const review = await boss.asked(access.connection);
    await lab.system.office.kill(review.session);
    const words = (await client.rest())
      .filter(({ type }) => type === 'E')
      .map(wordsOf)
      .join();
    assert.match(words, /ended by admin@example\.test/);
    await boss.is(review, 'CANCELLED');
    assert.equal(await countOf(), 0);
  });

  test('is cancelled when its client leaves without a word', async () => {
    const access = await held();
    const client = await lab.through(access);
    client.send(query('insert into t values (1)'));
    const review = await boss.asked(access.connection);
    client.vanish();
    await boss.is(review, 'CANCELLED');
    assert.equal((await lab.system.office.endedSession(access.connection)).status, 'done');
    assert.equal(await countOf(), 0);
  });

  test('is cancelled when the agent is lost', async () => {
    const access = await held();
    const client = await lab.through(access);
    client.send(query('insert into t values (1)'));
    const review = await boss.asked(access.connection);
    await lab.system.unlinkAgent();
    try {
      await boss.is(review, 'CANCELLED');
      assert.match(
        (await client.rest())
          .filter(({ type }) => type === 'E')
          .map(wordsOf)
          .join(),
        /link between gateway and agent broke/,
      );
    } finally {
      await lab.system.linkAgent();
    }
    assert.equal(await countOf(), 0);
  });
});

describe('a connection with reviewers', () => {
  let dba: Reviewer;
  before(async () => {
    const { office } = lab.system;
    await office.api.call(routes.createGroup, { body: { name: 'dba' } });
    dba = await Reviewer.hire(office, 'dba', ['dba']);
  });

  async function reviewed(): Promise<Access> {
    const access = await lab.access(database);
    await lab.system.office.api.call(routes.patchConnection, { params: { nameOrID: access.connection }, body: { reviewers: ['dba'] } });
    return access;
  }

  test('opens a session when a member of the group approves, and then does not ask again', async () => {
    const access = await reviewed();
    const opening = connectDriver(access);
    const review = await dba.asked(access.connection);
    assert.deepEqual([review.type, review.action_seq, review.text], ['jit', 0, `Open a session of ${access.connection}`]);
    await dba.approve(review);
    const client = await opening;
    await client.query('insert into t values (1)');
    assert.equal(await countOf(), 1);
  });

  test('refuses the session that is rejected, with the reason', async () => {
    const access = await reviewed();
    const opening = connectDriver(access);
    opening.catch(() => undefined);
    await dba.reject(await dba.asked(access.connection), 'not you');
    await assert.rejects(opening, /Rejected by dba@example\.test: not you/);
  });

  test('cancels the request of a client that leaves, and of one that is killed', async () => {
    const access = await reviewed();
    for (const end of ['vanish', 'kill'] as const) {
      const client = await lab.connect(access);
      const login = client.login({ user: access.connection, password: access.secret });
      login.catch(() => undefined);
      const review = await dba.asked(access.connection);
      if (end === 'vanish') client.vanish();
      else await lab.system.office.kill(review.session);
      await dba.is(review, 'CANCELLED');
      await assert.rejects(within('the end of the login', login), end === 'kill' ? /ended by admin/ : /closed/);
    }
  });

  test('A38: does not open what was changed since it was shown', async () => {
    const access = await reviewed();
    const opening = connectDriver(access);
    opening.catch(() => undefined);
    const review = await dba.asked(access.connection);
    const secret = { 'envvar:DB': Buffer.from('postgres').toString('base64') };
    await lab.system.office.api.call(routes.patchConnection, { params: { nameOrID: access.connection }, body: { secret } });
    await dba.approve(review);
    await assert.rejects(opening, /was changed while this waited for approval/);
  });

  test('ends the sessions that nobody approved when it gets reviewers', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    await lab.system.office.api.call(routes.patchConnection, { params: { nameOrID: access.connection }, body: { reviewers: ['dba'] } });
    assert.match(
      (await client.rest())
        .filter(({ type }) => type === 'E')
        .map(wordsOf)
        .join(),
      /connection of this session was closed/,
    );
  });

  test('runs a script once it is approved as a whole, and keeps its result', async () => {
    const access = await reviewed();
    const { api } = lab.system.office;
    const script = "insert into t values (1); select 'done' as said";
    const reply = await api.call(routes.execSession, { body: { connection: access.connection, script } });
    assert.deepEqual([reply.has_review, reply.output_status, reply.exit_code], [true, 'running', -2]);
    const review = await dba.asked(access.connection);
    assert.deepEqual([review.id, review.type, review.text], [reply.review_id, 'onetime', script]);
    await dba.approve(review);
    const result = await until('the result', async () => {
      const got = await api.call(routes.getSessionResult, { params: { session_id: reply.session_id } });
      return got.exit_code !== -2 && got;
    });
    assert.deepEqual([result.output_status, result.exit_code], ['success', 0]);
    assert.match(result.output, /done/);
    assert.equal(await countOf(), 1);
  });
});
