import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { AnswerRules } from '@hoop/core/answer';
import mariadb, { type Connection as Connector } from 'mariadb';
import mysql2 from 'mysql2/promise';
import { type MysqlServer, USERS } from '../../support/mysql-server.ts';
import { runProgram } from '../../support/program.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import { until } from '../../support/until.ts';
import { AnswerDoor } from './door.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { rowsVia, WAYS } from './drivers/ways.ts';
import { execute, fetch, isEof, isError, query, WireClient, wordsOf } from './wire-client.ts';

const RULE = 'no more than that';
const denial = { rule: RULE, message: `Blocked by ${RULE}` };
const DENIED = /Blocked by no more than that/;
const atMost = (max: number): AnswerRules => ({ rows: { max, denial } });
const forbidding = (word: string): AnswerRules => ({ forbids: (text) => (text.includes(word) ? denial : undefined) });
const hiding = (...names: readonly string[]): AnswerRules => ({
  hushes: true,
  hides: (columns) =>
    typeof columns === 'number'
      ? undefined
      : columns.map(({ origin }) =>
          origin?.table === 'people' && names.includes(origin.column) ? () => Buffer.from('hidden') : undefined,
        ),
});

/** Claimed by clients of today, whoever they talk to. */
const DEPRECATE_EOF = 0x1000000;

describe('rules about the answers of a MariaDB server', () => {
  let server: MysqlServer;
  let database: string;
  let door: AnswerDoor;
  const closing: (() => unknown)[] = [];
  before(async () => {
    server = await startMariadb();
    database = await server.database();
    await server.sql(
      `create table people (id int not null primary key, ssn varchar(20) not null, pin bigint not null, born date not null, data json);
       insert into people values (1, '078-05-1120', 4111111111111111, '2001-02-03', '{"card": 4111111111111111}'),
         (2, '219-09-9999', 5, '2002-03-04', null);
       create procedure two_results() begin select seq from seq_1_to_3; select seq from seq_1_to_3; end`,
      database,
    );
  });
  beforeEach(async () => {
    door = await AnswerDoor.open(server.settings(database, { USER: USERS.trusted.user, PASS: '' }));
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    door.close();
  });
  after(() => server.stop());

  const wire = async (extraFlags = 0): Promise<WireClient> => {
    const client = await WireClient.connect(door.place);
    closing.push(() => client.destroy());
    await client.login({ user: 'anybody', password: 'anything', database, extraFlags });
    return client;
  };
  const viaMysql2 = async (): Promise<mysql2.Connection> => {
    const { host, port, user, secret: password } = door.place;
    const client = await mysql2.createConnection({ host, port, user, password, database, multipleStatements: true });
    closing.push(() => client.end());
    return client;
  };
  const viaConnector = async (): Promise<Connector> => {
    const { host, port, user, secret: password } = door.place;
    const more = { allowPublicKeyRetrieval: true, multipleStatements: true };
    const client = await mariadb.createConnection({ host, port, user, password, database, ...more });
    closing.push(() => client.end());
    return client;
  };
  const running = async (): Promise<number> => {
    const [row] = await server.sql(
      `select count(*) as n from information_schema.processlist where user = '${USERS.trusted.user}' and command in ('Query', 'Execute')`,
    );
    return Number(row?.n);
  };

  for (const [what, flags] of [
    ['', 0],
    [' to a client that would take results without EOF', DEPRECATE_EOF],
  ] as const) {
    test(`an answer ends with the denial after as many rows as it may have${what}, and the session goes on`, async () => {
      door.demands = { answer: atMost(3) };
      const client = await wire(flags);
      for (let time = 0; time < 20; time++) {
        const { rows, error = '' } = await client.ask('select seq from seq_1_to_1000');
        assert.deepEqual([rows, error], [['1', '2', '3'], `1142 (42501): ${denial.message}`]);
        assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
      }
      assert.deepEqual(await client.ask('select seq from seq_1_to_3'), { rows: ['1', '2', '3'] });
      assert.deepEqual(door.ended[0], {
        text: 'select seq from seq_1_to_1000',
        outcome: { ...door.ended[0]?.outcome, rows: 3, error: `denied: ${RULE}` },
      });
    });
  }

  test('the number of each packet is the one that the client waits for', async () => {
    door.demands = { answer: atMost(2) };
    const client = await wire();
    client.send(query('select seq from seq_1_to_300'));
    const sequences: number[] = [];
    for (let reply = await client.reply(); ; reply = await client.reply()) {
      sequences.push(reply.sequence);
      if (isError(reply)) break;
    }
    assert.deepEqual(sequences, [1, 2, 3, 4, 5, 6]);
  });

  test('an answer without end is stopped at the target, and what runs next is not hit', async () => {
    door.demands = { answer: atMost(10) };
    const client = await wire();
    for (let time = 0; time < 5; time++) {
      const { rows, error = '' } = await client.ask(`select a.seq from seq_1_to_1000000 a, seq_1_to_1000000 b`);
      assert.deepEqual([rows.length, DENIED.test(error)], [10, true]);
      assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
    }
    await until('nothing runs at the target', async () => (await running()) === 0);
  });

  test('what is left of an answer is discarded as it comes, and takes no memory', async () => {
    door.demands = { answer: atMost(10) };
    const client = await wire();
    // Two commands at once: the first one cannot be stopped without hitting the second, and is heard to its end.
    client.send(query("select repeat('x', 1000) from seq_1_to_200000"), query('select 7'));
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const before = process.memoryUsage().rss;
    assert.match((await client.result()).error ?? '', DENIED);
    assert.deepEqual(await client.result(), { rows: ['7'] });
    clearInterval(watch);
    assert.ok(most - before < 100 * 1024 * 1024, `${(most - before) / 1024 / 1024} MiB more for an answer of 200 MB`);
  });

  for (const [when, begin] of [
    ['in a transaction', 'start transaction'],
    ['outside of one', 'do 0'],
  ] as const) {
    test(`mysql2 hears the denial ${when}, as text and prepared, and what was written before stays as it was`, async () => {
      door.demands = { answer: atMost(2) };
      await server.sql('create or replace table notes (a int)', database);
      const client = await viaMysql2();
      await client.query(begin);
      await client.query('insert into notes values (1)');
      await assert.rejects(client.query('select seq from seq_1_to_500000'), DENIED);
      await assert.rejects(client.execute('select seq from seq_1_to_500000'), DENIED);
      await client.query('insert into notes values (2)');
      const [[status]] = await client.query<mysql2.RowDataPacket[]>('select @@in_transaction as open');
      assert.equal(status?.open, begin === 'do 0' ? 0 : 1);
      await client.query('rollback');
      const [rows] = await client.query<mysql2.RowDataPacket[]>('select a from notes order by a');
      assert.deepEqual(
        rows.map(({ a }) => a),
        begin === 'do 0' ? [1, 2] : [],
      );
    });

    test(`MariaDB’s connector hears the denial ${when}, as text and prepared, with others in the pipeline`, async () => {
      door.demands = { answer: atMost(2) };
      const client = await viaConnector();
      await client.query(begin);
      const results = await Promise.allSettled([
        client.query('select seq from seq_1_to_100000'),
        client.query('select 7 as n'),
        client.execute('select seq from seq_1_to_100000'),
        client.execute('select 8 as n'),
      ]);
      assert.deepEqual(
        results.map((result) => (result.status === 'fulfilled' ? result.value[0].n : DENIED.test(String(result.reason)))),
        [true, 7, true, 8],
      );
    });

    test(`the command line prints the rows that it got and the denial ${when}, and goes on`, async () => {
      door.demands = { answer: atMost(2) };
      const input = `${begin};\nselect seq from seq_1_to_100000;\nselect 'after';\ncall two_results();\nselect 'last';\n`;
      const args = mariadbArgs(door.place, ['--batch', '--unbuffered', '--quick', '--force', '-N', database]);
      const { stdout, stderr } = await runProgram('mariadb', args, { input });
      assert.deepEqual(stdout.split('\n'), ['1', '2', 'after', '1', '2', 'last', '']);
      assert.equal(stderr.match(new RegExp(DENIED, 'g'))?.length, 2);
    });
  }

  test('rows of several statements and results of one action count together', async () => {
    door.demands = { answer: atMost(4) };
    const client = await wire();
    for (const sql of ['call two_results()', 'select seq from seq_1_to_3; select seq from seq_1_to_3; do 1']) {
      const { rows, error = '' } = await client.ask(sql);
      assert.deepEqual([rows, DENIED.test(error)], [['1', '2', '3', '1'], true]);
      assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
    }
  });

  test('rows of a cursor count across fetches', async () => {
    door.demands = { answer: atMost(5) };
    const client = await wire();
    const statement = await client.prepared('select seq from seq_1_to_100');
    for (let run = 0; run < 2; run++) {
      client.send(execute(statement, [], 1));
      for (let reply = await client.reply(); !isEof(reply); ) reply = await client.reply();
      const seen: string[] = [];
      for (let time = 0; time < 4; time++) {
        client.send(fetch(statement, 2));
        let count = 0;
        let reply = await client.reply();
        for (; !isEof(reply) && !isError(reply); count++) reply = await client.reply();
        seen.push(`${count} ${isError(reply) ? wordsOf(reply) : ''}`);
      }
      const end = `1142 (42501): ${denial.message}`;
      assert.deepEqual(seen, ['2 ', '2 ', `1 ${end}`, `0 ${end}`]);
    }
    assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
  });

  for (const [what, sql] of [
    ['a cell', "select 'fine' union all select 'the forbidden word' union all select 'behind'"],
    ['a column’s name', "select 'fine' as `forbidden`"],
    ['an error', "signal sqlstate '45000' set message_text = 'forbidden'"],
    ['a cell of a second result', "select 'fine'; select 'forbidden'"],
  ] as const) {
    test(`A33: ${what} that must not be shown ends the answer before it, for every client`, async () => {
      door.demands = { answer: forbidding('forbidden') };
      const client = await wire();
      const { rows, error = '' } = await client.ask(sql);
      assert.deepEqual([rows.every((row) => row === 'fine'), DENIED.test(error)], [true, true]);
      assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
      assert.equal(client.takeBytes().includes('forbidden'), false);
      const [first, second] = [await viaMysql2(), await viaConnector()];
      for (let time = 0; time < 2; time++) {
        await assert.rejects(first.query(sql), DENIED);
        await assert.rejects(second.query(sql), DENIED);
      }
      assert.deepEqual(await second.query('select 7 as n'), [{ n: 7 }]);
    });
  }

  for (const [how, sql] of [
    ['by its name', 'select ssn from people order by id'],
    ['under another name', 'select p.ssn as anything from people p order by id'],
    ['beside others of the same name', 'select a.ssn from people a join people b using (id) order by a.id'],
  ] as const) {
    test(`A33: a hidden column is hidden ${how}, as text, prepared and from a cursor`, async () => {
      door.demands = { answer: hiding('ssn') };
      const client = await viaMysql2();
      for (const way of WAYS) {
        const [rows] = await rowsVia(client, way, sql);
        assert.deepEqual(
          rows.map((row) => Object.values(row)[0]),
          ['hidden', 'hidden'],
        );
      }
      const cursor = await wire();
      const statement = await cursor.prepared(sql);
      cursor.send(execute(statement, [], 1), fetch(statement, 2));
      for (let ends = 0; ends < 2; ) if (isEof(await cursor.reply())) ends++;
      const seen = cursor.takeBytes();
      assert.deepEqual([seen.includes('078-05'), seen.includes('hidden')], [false, true]);
    });
  }

  test('A34: hidden numbers, dates and JSON are NULL, though their columns never are, and no driver breaks on it', async () => {
    door.demands = { answer: hiding('pin', 'born') };
    const sql = 'select id, pin, born from people order by id';
    const expected = [
      { id: 1, pin: null, born: null },
      { id: 2, pin: null, born: null },
    ];
    const [first, second] = [await viaMysql2(), await viaConnector()];
    for (const way of WAYS) {
      const [rows, fields] = await rowsVia(first, way, sql);
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        expected,
      );
      assert.deepEqual(
        fields.map(({ flags }) => Number(flags) & 1),
        [0, 0, 0],
      );
      assert.deepEqual([...(await second[way](sql))], expected);
    }
  });

  test('A33: an error or a warning that may quote a hidden column has no words', async () => {
    door.demands = { answer: hiding('ssn') };
    const client = await wire();
    for (const sql of [
      'select extractvalue(1, concat(0x7e, (select ssn from people limit 1)))',
      'select ssn + 0 from people; show warnings',
      "insert into people select 1, ssn, ssn, '2001-01-01', null from people",
    ]) {
      await client.ask(sql);
      assert.equal(client.takeBytes().includes('078-05'), false, sql);
    }
    assert.match((await client.ask('select nothing from people')).error ?? '', /Unknown column 'nothing'/);
  });

  test('a mask that asks another process has all texts of an answer before any of it is shown, from real drivers', async () => {
    const known = new Set<string>();
    door.demands = {
      mask: {
        suspects: () => true,
        apply: (text) => {
          if (!known.has(String(text))) return Buffer.from('unknown');
          const shown = String(text).replaceAll(/\d{3}-\d{2}-\d{4}/g, 'hidden');
          return shown === String(text) ? text : Buffer.from(shown);
        },
        prepare: async (texts) => {
          await new Promise((resolve) => setImmediate(resolve));
          for (const text of texts) known.add(String(text));
        },
      },
    };
    const expected = [
      { id: 1, ssn: 'hidden', words: 'of hidden' },
      { id: 2, ssn: 'hidden', words: 'of hidden' },
    ];
    const sql = "select id, ssn, concat('of ', ssn) as words from people order by id";
    const [first, second] = [await viaMysql2(), await viaConnector()];
    for (const way of WAYS) {
      const [rows] = await rowsVia(first, way, sql);
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        expected,
      );
      assert.deepEqual([...(await second[way](sql))], expected);
    }
    await assert.rejects(first.query("signal sqlstate '45000' set message_text = 'of 078-05-1120'"), { message: 'of hidden' });
  });
});
