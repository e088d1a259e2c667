import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { createConnection } from 'mysql2/promise';
import type { Office } from '../support/office.ts';
import { holdWords, Reviewer } from '../support/reviewer.ts';
import { System } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until, within } from '../support/until.ts';
import { HttpLab } from './http/lab.ts';
import { Lab as MysqlLab } from './mysql/lab.ts';
import { query } from './mysql/wire-client.ts';
import { Lab as SshLab } from './ssh/lab.ts';
import { CommandLab } from './terminal/lab.ts';

/** A group of reviewers for a connection, with one member. */
async function reviewed(office: Office, connection: string): Promise<Reviewer> {
  await office.api.call(routes.createGroup, { body: { name: connection } });
  const member = await Reviewer.hire(office, `member-${connection}`, [connection]);
  await office.api.call(routes.patchConnection, { params: { nameOrID: connection }, body: { reviewers: [connection] } });
  return member;
}

/** A rule on a connection, by name, that holds what has this word. */
async function holding(office: Office, connection: string, word: string): Promise<void> {
  const { id } = await office.api.call(routes.getConnection, { params: { nameOrID: connection } });
  await holdWords(office, id, [word]);
}

describe('MySQL', () => {
  let lab: MysqlLab;
  let boss: Reviewer;
  before(async () => {
    lab = await MysqlLab.start('tunnel');
    boss = await Reviewer.hire(lab.system.office, 'boss', ['admin']);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  test('holds a statement, keeps what is pipelined behind it in order, and goes on after a no', async () => {
    const access = await lab.access(await lab.mariadb.database());
    await holding(lab.system.office, access.connection, "'held'");
    const client = await lab.through(access);
    client.send(query("select 'held' as a"), query("select 'second' as a"));
    const approved = await boss.asked(access.connection);
    assert.equal(approved.text, "select 'held' as a");
    await boss.approve(approved);
    assert.deepEqual((await client.result()).rows, ['held']);
    assert.deepEqual((await client.result()).rows, ['second']);
    client.send(query("select 'held' as b"));
    await boss.reject(await boss.asked(access.connection), 'not today');
    assert.match((await client.result()).error ?? '', /Rejected by boss@example\.test: not today/);
    assert.deepEqual((await client.ask('select 3')).rows, ['3']);
  });

  test('A38: shows the parameters of what it holds, and asks again for others', async () => {
    const access = await lab.access(await lab.mariadb.database());
    await holding(lab.system.office, access.connection, 'as held');
    const { host, port, connection: user, secret: password } = access;
    const driver = await createConnection({ host, port, user, password });
    const ask = async (value: string) => {
      const answer = driver.execute('select ? as held', [value]);
      const review = await boss.asked(access.connection);
      await boss.approve(review);
      await answer;
      return review;
    };
    const [one, other] = [await ask('one'), await ask('other')];
    assert.deepEqual([one.text, one.text_warnings], ['select ? as held\n-- parameters: "one"', []]);
    assert.notEqual(one.text_hash, other.text_hash);
    const [long, longer] = [await ask('x'.repeat(10_000)), await ask(`${'x'.repeat(9_999)}y`)];
    assert.deepEqual(long.text_warnings, ['parameters_not_shown']);
    assert.notEqual(long.text_hash, longer.text_hash);
    await driver.end();
  });

  test('opens a session that its reviewers approve', async () => {
    const access = await lab.access(await lab.mariadb.database());
    const member = await reviewed(lab.system.office, access.connection);
    const opening = lab.through(access);
    await member.approve(await member.asked(access.connection));
    assert.deepEqual((await (await opening).ask('select 1')).rows, ['1']);
  });
});

describe('HTTP', () => {
  let lab: HttpLab;
  let boss: Reviewer;
  before(async () => {
    lab = await HttpLab.start();
    boss = await Reviewer.hire(lab.system.office, 'boss', ['admin']);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  test('holds a request and no other, and answers 403 after a no', async () => {
    const paths: string[] = [];
    const target = await lab.target((request, response) => {
      paths.push(request.url ?? '');
      response.end('done');
    });
    const way = await lab.wayTo(target.port);
    await holding(lab.system.office, way.connection, '/held');
    const held = fetch(`${way.url}/held`);
    const approved = await boss.asked(way.connection);
    assert.equal(await (await fetch(`${way.url}/other`)).text(), 'done');
    assert.deepEqual(paths, ['/other']);
    await boss.approve(approved);
    assert.deepEqual([(await held).status, paths], [200, ['/other', '/held']]);
    const refused = fetch(`${way.url}/held`);
    await boss.reject(await boss.asked(way.connection), 'not today');
    assert.equal((await refused).status, 403);
    assert.equal(paths.length, 2);
  });

  test('passes the first request on when its reviewers have approved the session', async () => {
    const target = await lab.target((_, response) => response.end('done'));
    const way = await lab.wayTo(target.port);
    const member = await reviewed(lab.system.office, way.connection);
    const answer = fetch(`${way.url}/first`);
    await member.approve(await member.asked(way.connection));
    assert.equal(await (await answer).text(), 'done');
  });
});

describe('a terminal', () => {
  let lab: CommandLab;
  let boss: Reviewer;
  before(async () => {
    lab = await CommandLab.start('tunnel');
    boss = await Reviewer.hire(lab.system.office, 'boss', ['admin']);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  test('holds a line, tells that it waits, and runs it once it is approved', async () => {
    const connection = await lab.connection(['bash', '--noprofile', '--norc', '-i'], { secrets: { PS1: 'ready> ' } });
    await holding(lab.system.office, connection, 'held');
    const client = await lab.sit(connection);
    await client.shows(/ready> $/);
    await client.type('echo held-$((40 + 2))\r');
    const review = await boss.asked(connection);
    await until('the notice', () => client.notices.some((words) => words.includes(review.id)));
    await boss.approve(review);
    await client.shows(/held-42/);
    await client.type('echo held-$((50 + 2))\r');
    await boss.reject(await boss.asked(connection), 'not today');
    await client.shows(/not today/);
    await client.type('echo and on\r');
    await client.shows(/and on\r\n/);
    assert.equal(client.stdout.includes('held-52'), false);
  });

  test('opens for a connection with reviewers when they approve, and says that it waits', async () => {
    const connection = await lab.connection(['bash', '--noprofile', '--norc', '-i'], { secrets: { PS1: 'ready> ' } });
    const member = await reviewed(lab.system.office, connection);
    const client = await lab.sit(connection);
    const review = await member.asked(connection);
    await until('the notice', () => client.notices.some((words) => words.includes(review.id)));
    await member.approve(review);
    await client.shows(/ready> $/);
  });

  test('with reviewers holds a command whose text comes over the wire, as one action', async () => {
    const { office } = lab.system;
    await office.api.call(routes.createGroup, { body: { name: 'dba' } });
    const connection = await lab.connection(['bash']);
    await office.api.call(routes.patchConnection, { params: { nameOrID: connection }, body: { reviewers: ['dba'] } });
    const client = await lab.sit(connection, { mode: 'pipe' }, 'exec');
    await client.script('echo approved-$((40 + 2))\n');
    const review = await boss.asked(connection);
    assert.deepEqual([review.type, review.rule, review.text], ['onetime', 'reviewers', 'echo approved-$((40 + 2))\n']);
    await boss.approve(review);
    await client.shows(/approved-42/);
  });
});

describe('SSH', () => {
  let lab: SshLab;
  let boss: Reviewer;
  before(async () => {
    lab = await SshLab.start('tunnel');
    boss = await Reviewer.hire(lab.system.office, 'boss', ['admin']);
  });
  after(() => lab.close());

  test('holds a command, and runs it once it is approved', async () => {
    const access = await lab.access();
    await holding(lab.system.office, access.connection, 'held');
    const running = lab.run(access, 'echo held-$((40 + 2))');
    await boss.approve(await boss.asked(access.connection));
    const { stdout, exitCode, stderr } = await within('the command', running);
    assert.deepEqual([stdout, exitCode], ['held-42\n', 0], stderr);
    const refused = lab.run(access, 'echo held-$((50 + 2))');
    await boss.reject(await boss.asked(access.connection), 'not today');
    const no = await within('the end of the refused one', refused);
    assert.equal(no.stdout, '');
    assert.match(no.stderr, /not today/);
  });

  test('opens a session that its reviewers approve, and says why to one that they do not', async () => {
    const access = await lab.access();
    const member = await reviewed(lab.system.office, access.connection);
    const running = lab.run(access, 'echo opened');
    await member.approve(await member.asked(access.connection));
    const { stdout, stderr } = await within('the command', running);
    assert.equal(stdout, 'opened\n', stderr);
    const refused = lab.run(access, 'echo opened');
    await member.reject(await member.asked(access.connection), 'not you');
    assert.match((await within('the end of the refused one', refused)).stderr, /not you/);
  });
});

test('what a gateway had asked before it was restarted is cancelled: nobody waits for it', async () => {
  const home = join(temporaryDirectory('restart'), 'home');
  const asked = await System.start({ agent: 'memory', home });
  const gatewayId = readFileSync(join(home, 'gateway.id'), 'utf8').trim();
  const nobody = { id: 'u', email: 'u@example.test', name: 'U' };
  const { id } = await asked.gateway.store.reviews.create({
    ...{ sessionId: randomUUID(), seq: 1, gatewayId, connection: 'pg', connectionId: 'c', type: 'onetime', via: 'query', text: 'x' },
    ...{ textHash: '0'.repeat(64), rule: 'r', message: 'm', groups: [], requester: nobody, expiresAt: Number.MAX_SAFE_INTEGER },
  });
  await asked.close();
  await using again = await System.start({ agent: 'memory', home });
  assert.equal((await again.gateway.store.reviews.get(id))?.status, 'CANCELLED');
});
