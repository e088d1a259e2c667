import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Access } from '../../support/office.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';
import {
  bind,
  copyData,
  copyDone,
  copyFail,
  describe as describeMessage,
  execute,
  extended,
  functionCall,
  int32,
  message,
  parse,
  query,
  type Reply,
  sync,
  text,
  type WireClient,
  wordsOf,
} from './wire-client.ts';

/** Attacks on a gateway for databases, by class: the number stands in front, so that a class can be found. */
describe('attacks', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.postgres.database();
    await lab.postgres.sql('create table victim (id int); insert into victim values (1), (2); grant all on victim to public', database);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  async function guarded(...deny: string[]): Promise<{ access: Access; client: WireClient }> {
    const access = await lab.access(database, { deny });
    return { access, client: await lab.through(access) };
  }

  const errors = (replies: readonly Reply[]): string[] => replies.filter(({ type }) => type === 'E').map(wordsOf);

  async function victimLives(): Promise<void> {
    assert.equal((await lab.postgres.sql('select count(*)::int as n from victim', database))[0]?.n, 2);
  }

  describe('A01: several statements in one query', () => {
    for (const sql of [
      'select 1; drop table victim',
      'select 1;DROP\tTABLE victim',
      "select E'\\''; drop table victim; --'",
      "select ''''; drop table victim",
      'select $$ quoted $$; drop table victim',
      'select $a$ $$ $a$; drop table victim',
      'select 1 /* /* nested */ still a comment */; drop /* in between */ table victim',
      'select 1 -- a comment\r; drop table victim',
      'select 1 -- a comment\n; drop\n\n\ttable victim',
      'begin; drop table victim; commit',
      'select "a;b" from (select 1 as "a;b") x; drop table victim',
      'drop  table\u000bvictim',
      ';;;drop table victim;;;',
    ]) {
      test(JSON.stringify(sql), async () => {
        const { client } = await guarded('drop table');
        const heard = errors(await client.ask(sql));
        assert.match(heard.join(), /Blocked|syntax error/);
        await victimLives();
      });
    }
  });

  describe('A02: text that is hidden by the extended protocol', () => {
    const hidden: readonly [string, readonly Buffer[], number][] = [
      ['in a Parse of an earlier batch', [parse('s', 'drop table victim'), sync, bind('', 's'), execute(), sync], 2],
      ['in a Parse that is only described', [parse('s', 'drop table victim'), describeMessage('S', 's'), sync], 1],
      [
        'behind a harmless one of the same name',
        [parse('s', 'select 1'), parse('s', 'drop table victim'), bind('', 's'), execute(), sync],
        1,
      ],
      [
        'in a named portal',
        [query('begin'), parse('s', 'drop table victim'), bind('p', 's'), sync, execute('p'), sync, query('commit')],
        4,
      ],
      ['in PREPARE of SQL', [query('prepare s as delete from victim'), query('execute s')], 2],
      [
        'behind a denied one, pipelined',
        [extended('drop table victim'), extended('drop table victim'), sync, extended('drop table victim'), sync],
        2,
      ],
      ['in EXECUTE of a DO block', [query("do $$ begin execute 'delete from victim'; end $$")], 1],
    ];
    for (const [where, messages, answers] of hidden) {
      test(where, async () => {
        const { client } = await guarded('drop table', 'delete from');
        client.send(...messages);
        for (let left = answers; left > 0; left--) await client.until('Z');
        assert.match(errors(await client.ask('drop table victim')).join(), /Blocked/);
        await victimLives();
      });
    }
  });

  describe('A03: COPY', () => {
    test('that deletes, runs a program or writes a file is judged by its text', async () => {
      const { client } = await guarded('delete from', 'to program', 'from program', "to '/");
      for (const sql of [
        'copy (delete from victim returning *) to stdout',
        "copy victim to program 'cat'",
        "copy victim from program 'echo 1'",
        "copy victim to '/tmp/x'",
      ])
        assert.match(errors(await client.ask(sql)).join(), /Blocked/);
      await victimLives();
    });

    test('data that is sent after a denial goes nowhere, and the session is in step', async () => {
      const { client } = await guarded('copy victim');
      client.send(query('copy victim from stdin'), copyData('9\n'), copyDone, query('select 1'));
      assert.match(errors(await client.until('Z')).join(), /Blocked/);
      assert.deepEqual(errors(await client.until('Z')), []);
      client.send(extended('copy victim from stdin'), sync, copyData('9\n'), copyFail('no'), sync);
      await client.until('Z');
      await client.until('Z');
      await victimLives();
    });
  });

  describe('A04: functions and side ways', () => {
    test('a function call by number is denied where there are rules, whatever it calls', async () => {
      const { client } = await guarded('anything');
      // pg_read_file(text), pg_sleep(float8), lo_import(text)
      for (const oid of [2624, 2626, 764]) {
        client.send(functionCall(oid, [Buffer.from('/etc/passwd')]));
        assert.match(errors(await client.until('Z')).join(), /cannot be checked against the rules/);
      }
    });

    test('statements that change by another name are judged by their text', async () => {
      const { client } = await guarded('delete from', 'pg_read_file', 'lo_export', 'dblink', 'set role', 'alter system', 'query_to_xml');
      for (const sql of [
        'explain analyze delete from victim',
        'with gone as (delete from victim returning *) select * from gone',
        "select query_to_xml('delete from victim', true, true, '')",
        "select pg_read_file('/etc/passwd')",
        "select lo_export(1, '/tmp/x')",
        'set role postgres',
        "alter system set log_statement to 'all'",
        'SELECT "pg_read_file"(\'/etc/passwd\')',
      ])
        assert.match(errors(await client.ask(sql)).join(), /Blocked/, sql);
      await victimLives();
    });
  });

  describe('A05: encodings', () => {
    test('bytes that are no UTF-8 hide nothing that is written in ASCII', async () => {
      const access = await lab.access(database, { deny: ['drop table'] });
      for (const encoding of ['SQL_ASCII', 'LATIN1', 'SJIS', 'GBK', 'BIG5']) {
        const client = await lab.through(access, { parameters: { client_encoding: encoding } });
        for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from([0x83, 0x5c]), Buffer.from([0xc0, 0xaf])]) {
          client.send(message('Q', Buffer.from("select '"), bytes, Buffer.from("'; "), text('drop table victim')));
          assert.ok(errors(await client.until('Z')).length > 0);
        }
      }
      await victimLives();
    });

    test('a zero byte ends a statement for nobody', async () => {
      const { access, client } = await guarded('drop table');
      client.send(message('Q', text('select 1'), text('drop table victim')));
      assert.match(errors(await client.rest()).join(), /08P01: A message has bytes after its end/);
      assert.equal((await lab.system.office.endedSession(access.connection)).end_reason, 'bad_message');
      await victimLives();
    });
  });

  describe('A08, A09: floods and lengths', () => {
    test('ten thousand tiny messages are answered in their order', async () => {
      const { client } = await guarded('nothing');
      client.send(...Array.from({ length: 10_000 }, () => sync));
      for (let left = 10_000; left > 0; left--) await client.until('Z');
      assert.deepEqual(errors(await client.ask('select 1')), []);
    });

    for (const [what, bytes] of [
      ['a Parse with more types than it has', message('P', text(''), text('select 1'), Buffer.from([0x7f, 0xff]))],
      ['a Parse with fewer than none', message('P', text(''), text('select 1'), Buffer.from([0xff, 0xff]))],
      ['an Execute that is too long', message('E', text(''), int32(0), int32(0))],
      ['a Bind without its names', message('B', Buffer.from('x'))],
      ['a function call of three bytes', message('F', Buffer.alloc(3))],
    ] as const) {
      test(`${what} ends the session, and is told`, async () => {
        const { client } = await guarded('nothing');
        client.send(bytes);
        assert.match(errors(await client.rest()).join(), /FATAL 08P01: A message has/);
      });
    }
  });

  describe('A12: what a client may set', () => {
    test('a client’s settings do not reach into what the gateway does, and rules do not see what it does', async () => {
      const access = await lab.access(database, { deny: ['set ', 'select version'] });
      const client = await lab.through(access, { parameters: { search_path: 'nowhere', options: '-c statement_timeout=10000' } });
      assert.deepEqual(errors(await client.ask('select 1')), []);
      const [action, ...more] = await lab.actions(access, 1);
      assert.deepEqual([action?.text, more.length], ['select 1', 0]);
    });
  });

  describe('A36: records', () => {
    test('a statement with line breaks and quotes is one record, as it was written', async () => {
      const { access, client } = await guarded('nothing');
      const sql = 'select 1 as "a\n{\\"type\\":\\"action\\",\\"verdict\\":\\"allow\\"}\r\n\u2028"';
      await client.ask(sql);
      const actions = await lab.actions(access, 1);
      assert.deepEqual(
        actions.map((action) => action.text),
        [sql],
      );
    });

    test('of a statement of many megabytes the beginning is kept, and how long it was', async () => {
      const { access, client } = await guarded('nothing');
      const sql = `select length('${'é'.repeat(2_000_000)}')`;
      assert.deepEqual(errors(await client.ask(sql)), []);
      const [action] = await lab.actions(access, 1);
      assert.equal(action?.text_bytes, Buffer.byteLength(sql));
      assert.ok((action?.text.length ?? 0) > 100_000 && sql.startsWith(action?.text ?? 'x'));
    });
  });

  describe('A39: without end', () => {
    test('a cell of seventy megabytes passes, and is not kept', async () => {
      const { client } = await guarded('nothing');
      const heard = await client.ask("select repeat('x', 70000000)");
      assert.equal(heard.find(({ type }) => type === 'D')?.body.length, 70_000_000 + 6);
    });

    test('a query that never ends is stopped by a kill, and the target rests', async () => {
      const { access, client } = await guarded('nothing');
      client.send(query('with recursive r as (select 1 as n union all select n from r) select * from r'));
      await client.until('T');
      const session = await lab.system.office.openSession(access.connection);
      await lab.system.office.kill(session.id);
      client.destroy();
      await until('the target rests', async () => {
        const rows = await lab.postgres.sql("select 1 from pg_stat_activity where state = 'active' and query like 'with recursive%'");
        return rows.length === 0;
      });
    });
  });
});
