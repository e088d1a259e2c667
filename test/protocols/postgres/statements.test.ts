import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import type { Access } from '../../support/office.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';
import {
  bind,
  cellsOf,
  close,
  copyData,
  copyDone,
  describe as describeMessage,
  execute,
  extended,
  flush,
  functionCall,
  int32,
  parse,
  query,
  type Reply,
  sync,
  type WireClient,
  wordsOf,
} from './wire-client.ts';

const said = (actions: readonly SessionAction[]): string[] =>
  actions.map(({ text, verdict, outcome }) => `${verdict} ${text} -> ${outcome?.error ?? outcome?.rows ?? 'refused'}`);

const rows = (replies: readonly Reply[]): (string | null)[] =>
  replies.filter(({ type }) => type === 'D').map((reply) => cellsOf(reply)[0] ?? null);

describe('statements in every way that the protocol has for them', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.postgres.database();
    await lab.postgres.sql(
      'create table t (id int); create table later (id int unique deferrable initially deferred); grant all on t, later to public',
      database,
    );
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  async function session(policy?: { deny: string[] }): Promise<{ access: Access; client: WireClient }> {
    const access = await lab.access(database, policy);
    return { access, client: await lab.through(access) };
  }

  describe('the audit names the text that ran', () => {
    test('of a prepared statement, each time that it runs', async () => {
      const { access, client } = await session();
      client.send(parse('s', 'select 7'), sync, bind('', 's'), execute(), sync, bind('', 's'), execute(), sync);
      await client
        .until('Z')
        .then(() => client.until('Z'))
        .then(() => client.until('Z'));
      assert.deepEqual(said(await lab.actions(access, 2)), ['allow select 7 -> 1', 'allow select 7 -> 1']);
    });

    test('when a second Parse of the same name failed', async () => {
      const { access, client } = await session();
      client.send(parse('s', 'select 1'), sync);
      await client.until('Z');
      client.send(parse('s', 'select 2'), sync);
      await client.until('Z');
      client.send(bind('', 's'), execute(), sync);
      assert.deepEqual(rows(await client.until('Z')), ['1']);
      assert.deepEqual(said(await lab.actions(access, 1)), ['allow select 1 -> 1']);
    });

    test('when a second Parse of the same name failed, and everything was sent at once', async () => {
      const { access, client } = await session();
      client.send(parse('s', 'select 1'), sync, parse('s', 'select 2'), sync, bind('', 's'), execute(), sync);
      await client.until('Z');
      assert.equal((await client.until('Z'))[0]?.type, 'E');
      assert.deepEqual(rows(await client.until('Z')), ['1']);
      assert.deepEqual(said(await lab.actions(access, 1)), ['allow select 1 -> 1']);
    });

    test('when a name was closed and given again, and everything was sent at once', async () => {
      const { access, client } = await session();
      client.send(parse('s', 'select 1'), sync, close('S', 's'), parse('s', 'select 2'), sync, bind('', 's'), execute(), sync);
      for (let left = 2; left > 0; left--) await client.until('Z');
      assert.deepEqual(rows(await client.until('Z')), ['2']);
      assert.deepEqual(said(await lab.actions(access, 1)), ['allow select 2 -> 1']);
    });

    test('of a portal that was bound before its statement’s name was given again', async () => {
      const { access, client } = await session();
      await client.ask('begin');
      client.send(parse('s', 'select 1'), bind('p', 's'), close('S', 's'), parse('s', 'select 2'), execute('p'), sync);
      assert.deepEqual(rows(await client.until('Z')), ['1']);
      assert.deepEqual(said(await lab.actions(access, 2)).slice(1), ['allow select 1 -> 1']);
    });

    test('when a statement was prepared in SQL, and run by the protocol', async () => {
      const { access, client } = await session();
      await client.ask("prepare s as select 'of sql'");
      client.send(bind('', 's'), execute(), sync);
      assert.deepEqual(rows(await client.until('Z')), ['of sql']);
      await client.ask('execute s');
      const [prepared, ran, executed] = await lab.actions(access, 3);
      assert.equal(prepared?.text, "prepare s as select 'of sql'");
      assert.match(ran?.text ?? '', /EXECUTE "s"/);
      assert.equal(executed?.text, 'execute s');
    });

    test('and claims nothing when a name changed hands in SQL', async () => {
      const { access, client } = await session();
      client.send(parse('s', "select 'of the protocol'"), sync);
      await client.until('Z');
      await client.ask('deallocate s');
      await client.ask("prepare s as select 'of sql'");
      client.send(bind('', 's'), execute(), sync);
      assert.deepEqual(rows(await client.until('Z')), ['of sql']);
      const [, , ran] = await lab.actions(access, 3);
      assert.match(ran?.text ?? '', /^EXECUTE "s"/);
    });

    test('of statements that were prepared behind a DEALLOCATE, when everything was sent at once', async () => {
      const { access, client } = await session();
      client.send(parse('s', 'select 1'), sync, query('deallocate s'), parse('s', 'select 2'), sync, bind('', 's'), execute(), sync);
      for (let left = 3; left > 0; left--) await client.until('Z');
      assert.deepEqual(rows(await client.until('Z')), ['2']);
      assert.deepEqual(said(await lab.actions(access, 2)).slice(1), ['allow select 2 -> 1']);
    });

    test('of other statements after one was dropped in SQL', async () => {
      const { access, client } = await session();
      client.send(parse('kept', 'select 1'), sync);
      await client.until('Z');
      await client.ask('prepare gone as select 2; deallocate gone');
      client.send(bind('', 'kept'), execute(), sync);
      await client.until('Z');
      const [, ran] = await lab.actions(access, 2);
      assert.match(ran?.text ?? '', /select 1/);
    });
  });

  describe('the audit tells how each ended', () => {
    test('with the error of a batch on the message that failed, and on those that the server passed over', async () => {
      const { access, client } = await session();
      client.send(extended('select 1'), extended('select 1 / 0'), extended('select 3'), sync);
      await client.until('Z');
      const [first, second, third] = said(await lab.actions(access, 3));
      assert.equal(first, 'allow select 1 -> 1');
      assert.match(second ?? '', /-> 22012: division by zero/);
      assert.match(third ?? '', /-> skipped after 22012: division by zero/);
    });

    test('with a constraint that is checked at the Sync', async () => {
      const { access, client } = await session();
      client.send(extended('insert into later values (1), (1)'), sync);
      const replies = await client.until('Z');
      assert.ok(replies.some((reply) => reply.type === 'E' && wordsOf(reply).includes('23505')));
      const { outcome } =
        (await until('the error is recorded', async () => (await lab.actions(access, 1)).find((action) => action.outcome?.error))) ?? {};
      assert.match(outcome?.error ?? '', /23505/);
    });

    test('with rows that came in portions', async () => {
      const { access, client } = await session();
      await client.ask('begin');
      client.send(parse('', 'select generate_series(1, 5)'), bind('p'), execute('p', 2), execute('p', 2), execute('p', 2), sync);
      assert.equal(rows(await client.until('Z')).length, 5);
      const [, ...portions] = await lab.actions(access, 4);
      assert.deepEqual(
        portions.map(({ outcome }) => outcome?.rows),
        [2, 2, 1],
      );
    });

    test('with the rows of COPY in and out, and of several statements in one', async () => {
      const { access, client } = await session();
      client.send(query('copy t from stdin'), copyData('1\n2\n'), copyData('3\n'), copyDone);
      await client.until('Z');
      await client.ask('copy t to stdout');
      await client.ask('select 1; insert into t values (4), (5); select * from t; delete from t');
      const counts = (await lab.actions(access, 3)).map(({ outcome }) => outcome?.rows);
      assert.deepEqual(counts, [3, 3, 1 + 2 + 5 + 5]);
    });

    test('when the server ended it', async () => {
      const { access, client } = await session();
      const pid = cellsOf((await client.ask('select pg_backend_pid()'))[1] as Reply)[0];
      client.send(query('select pg_sleep(600)'));
      await until(
        'the statement runs',
        async () => (await lab.postgres.sql(`select 1 from pg_stat_activity where pid = ${pid} and state = 'active'`)).length > 0,
      );
      await lab.postgres.sql(`select pg_terminate_backend(${pid})`);
      const heard = (await client.rest()).filter(({ type }) => type === 'E').map(wordsOf);
      assert.deepEqual(heard, ['FATAL 57P01: terminating connection due to administrator command']);
      assert.match((await lab.actions(access, 2))[1]?.outcome?.error ?? '', /57P01/);
    });
  });

  describe('a denied statement behaves like one that the server refuses', () => {
    // What is sent where the statement in question is denied, or does not exist: the types of all answers must be the same.
    const wrong = 'select denied_word()';
    const cases: readonly [string, readonly Buffer[], number][] = [
      ['alone', [query(wrong)], 1],
      ['in a batch', [extended(wrong), sync], 1],
      ['in a batch, between others', [extended('select 1'), extended(wrong), extended('select 2'), sync, extended('select 3'), sync], 2],
      ['in a batch, described', [parse('', wrong), describeMessage('S'), bind(), describeMessage('P'), execute(), sync], 1],
      ['named, and run later', [parse('s', wrong), sync, bind('', 's'), execute(), sync], 2],
      ['between simple queries', [query('select 1'), query(wrong), query('select 2')], 3],
      ['behind a batch without its Sync', [extended('select 1'), query(wrong), extended('select 2'), sync], 2],
      ['behind an error without its Sync', [extended('select nothing'), query(wrong), extended(wrong), sync, query('select 1')], 2],
      ['twice behind an error without its Sync', [extended('select nothing'), flush, query(wrong), query(wrong), sync], 1],
      [
        'as a COPY that is fed at once',
        [query(`copy (${wrong}) to stdout`), query('copy denied_word from stdin'), copyData('1\n'), copyDone, query('select 1')],
        3,
      ],
      ['in a transaction', [query('begin'), query(wrong), query('select 1'), query('rollback')], 4],
    ];
    for (const [where, messages, answers] of cases) {
      test(where, async () => {
        const typesOf = async (client: WireClient): Promise<string> => {
          client.send(...messages);
          const replies: Reply[] = [];
          for (let left = answers; left > 0; left--) replies.push(...(await client.until('Z')));
          // And it is in step afterwards.
          replies.push(...(await client.ask("select 'in step'")));
          return replies.map(({ type, body }) => (type === 'Z' ? `Z${body}` : type)).join(' ');
        };
        const direct = await lab.direct(database);
        const { access, client } = await session({ deny: ['denied_word'] });
        assert.equal(await typesOf(client), await typesOf(direct));
        assert.ok((await lab.actions(access, 2)).some(({ verdict }) => verdict === 'deny'));
      });
    }

    test('among several in one query, of which then none runs', async () => {
      const { client } = await session({ deny: ['denied_word'] });
      const heard = await client.ask(`select 1; ${wrong}; select 2`);
      assert.deepEqual(
        heard.map(({ type }) => type),
        ['E', 'Z'],
      );
    });

    test('when the rule came after its Parse', async () => {
      const { access, client } = await session();
      client.send(parse('s', "select 'denied_word'"), bind('p', 's'), sync);
      await client.until('Z');
      await lab.system.office.deny(access.connectionId, ['denied_word']);
      client.send(bind('', 's'), execute(), sync);
      const heard = await client.until('Z');
      assert.ok(heard.some((reply) => reply.type === 'E' && wordsOf(reply).includes('Blocked')));
      assert.deepEqual(rows(heard), []);
    });

    test('when it is a function call that the rules cannot read', async () => {
      const { client } = await session({ deny: ['denied_word'] });
      // now(), by its number
      client.send(functionCall(1299, []));
      const heard = await client.until('Z');
      assert.deepEqual(
        heard.map(({ type }) => type),
        ['E', 'Z'],
      );
      assert.match(wordsOf(heard[0] as Reply), /cannot be checked against the rules/);
    });

    test('when it is a large object’s function by its name', async () => {
      const { client } = await session({ deny: ['lo_unlink'] });
      client.send(functionCall(964, [int32(1)]));
      assert.match(wordsOf((await client.until('Z'))[0] as Reply), /Blocked/);
    });
  });

  describe('a session that lives long is not ended by what it leaves behind', () => {
    test('portals that ended with their transactions are forgotten', async () => {
      const { client } = await session();
      const count = 25_000;
      const at_once = 1_000;
      for (let number = 0; number < count; number += at_once) {
        const batch = Array.from({ length: at_once }, (_, one) => [parse('', 'select 1'), bind(`portal ${number + one}`), sync]).flat();
        client.send(...batch);
        for (let left = at_once; left > 0; left--) await client.until('Z');
      }
      assert.deepEqual(rows(await client.ask("select 'alive'")), ['alive']);
    });

    test('a burst of tens of thousands of messages is answered in full', async () => {
      const { client } = await session();
      const count = 40_000;
      client.send(parse('s', 'select 1'), ...Array.from({ length: count }, () => [bind('', 's'), execute()]).flat(), sync);
      assert.equal(rows(await client.until('Z')).length, count);
    });

    test('more named statements than the limit end it with words', async () => {
      const { client } = await session();
      client.send(...Array.from({ length: 20_001 }, (_, number) => parse(`s${number}`, 'select 1')), sync);
      const heard = (await client.rest()).filter(({ type }) => type === 'E').map(wordsOf);
      assert.match(heard.join(), /too many prepared statements; close those that are not needed/);
    });
  });
});
