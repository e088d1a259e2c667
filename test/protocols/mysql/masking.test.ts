import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isWide } from '@hoop/protocols/mysql/messages/column';
import mariadb from 'mariadb';
import mysql2 from 'mysql2/promise';
import type { Access } from '../../support/office.ts';
import { rowsVia, WAYS } from './drivers/ways.ts';
import { Lab } from './lab.ts';

const MAIL = 'ada.lovelace@example.org';
const CARD = '4111111111111111';
const HIDDEN = '#'.repeat(MAIL.length);

describe('masks on MySQL answers', () => {
  let lab: Lab;
  let access: Access;
  let client: mysql2.Connection;
  before(async () => {
    lab = await Lab.start('memory');
    const database = await lab.mariadb.database();
    await lab.mariadb.sql(
      `create table people (id int primary key, mail varchar(100) unique, note blob, born date, paid decimal(10,2), data json);
       insert into people values (1, '${MAIL}', 'by ${MAIL}', '2001-02-03', 12.50, '{"mail": "${MAIL}"}'), (2, null, '', null, null, null)`,
      database,
    );
    await lab.mariadb.sql(
      `create table cards (id int not null primary key, big bigint not null, exact decimal(20) not null, rough double not null, word varchar(20) not null,
         kind enum('${CARD}', 'x') not null, bits bit(60) not null, data json, shape geometry);
       insert into cards values (1, ${CARD}, ${CARD}, ${CARD}, '${CARD}', '${CARD}', ${CARD}, '{"n": ${CARD}, "s": "${CARD}"}',
         linestringfromtext('linestring(1 2, 3 4)')), (2, 7, 7, 7, 'x', 'x', 7, '{"n": 7, "s": "x"}', null)`,
      database,
    );
    access = await lab.access(database, { mask: ['EMAIL_ADDRESS', 'CREDIT_CARD'] });
    const { host, port, connection, secret } = access;
    client = await mysql2.createConnection({ host, port, user: connection, password: secret, ssl: { rejectUnauthorized: false } });
  });
  after(async () => {
    await client.end();
    await lab.close();
  });

  for (const way of WAYS) {
    test(`A34: hide values and leave numbers, dates and nulls readable, with ${way}`, async () => {
      const sql = 'select id, mail, note, born, paid, data from people order by id';
      const [rows] = await rowsVia(client, way, sql);
      const [first, second] = rows;
      assert.deepEqual([first?.id, first?.mail, String(first?.note), first?.paid], [1, HIDDEN, `by ${HIDDEN}`, '12.50']);
      assert.ok(first?.born instanceof Date);
      assert.equal(JSON.stringify(first?.data).includes('@'), false);
      assert.deepEqual([second?.id, second?.mail, second?.born, second?.paid], [2, null, null, null]);
    });
  }

  test('A33: hide in errors, warnings, names of columns, procedures and defaults', async () => {
    const words = (sql: string): Promise<string> =>
      client.query(sql).then(
        ([rows, fields]) => JSON.stringify([rows, fields]),
        (error: Error) => error.message,
      );
    for (const sql of [
      `insert into people (id, mail) values (3, '${MAIL}')`,
      `select 1 from people where id = (select '${MAIL}' + 0 union select 2)`,
      `signal sqlstate '45000' set message_text = 'about ${MAIL}'`,
      `select 1 as \`${MAIL}\``,
      `select '${MAIL}'`,
      `select group_concat(mail) from people`,
      `select concat('x ', mail, ' y') from people where id = 1`,
      'show create table people',
    ]) {
      assert.equal((await words(sql)).includes(MAIL), false, sql);
    }
    await client.query(`select '${MAIL}' + 0`);
    assert.match(await words('show warnings'), /Truncated incorrect DOUBLE value: '#+'/);
  });

  test('A34: hide nothing of ten thousand rows that have nothing to hide, and each of those that have', async () => {
    const [rows] = await client.query<mysql2.RowDataPacket[]>(
      "select seq, if(seq mod 100 = 0, concat('user', seq, '@example.org'), repeat('x', seq mod 50)) as word from seq_1_to_10000",
    );
    assert.equal(rows.length, 10_000);
    for (const { seq, word } of rows) assert.match(String(word), seq % 100 === 0 ? /^#+$/ : /^x*$/);
    const actions = await lab.actions(access, 1);
    assert.deepEqual(actions.find(({ text }) => text.includes('seq_1_to_10000'))?.outcome?.masked, { EMAIL_ADDRESS: 100 });
  });

  for (const way of WAYS) {
    test(`A34: a card number is found in a column of any type, and no driver breaks on what is shown instead, with ${way}`, async () => {
      const sql = 'select id, big, exact, rough, word, kind, bits, data, shape from cards order by id';
      const shown = { big: null, exact: null, rough: null, word: '#'.repeat(16), kind: null, bits: null };
      const connector = await mariadb.createConnection({
        ...{ host: access.host, port: access.port, user: access.connection, password: access.secret },
        ssl: { rejectUnauthorized: false },
      });
      const [viaMysql2] = await rowsVia(client, way, sql);
      const viaConnector: Record<string, unknown>[] = await connector[way](sql);
      await connector.end();
      for (const [first, second] of [viaMysql2, viaConnector]) {
        const { big, exact, rough, word, kind, bits } = first ?? {};
        assert.deepEqual({ big, exact, rough, word, kind, bits }, shown);
        const data = (row: Record<string, unknown> | undefined): unknown =>
          typeof row?.data === 'string' ? JSON.parse(row.data) : row?.data;
        assert.deepEqual(
          [data(first), data(second)],
          [
            { n: null, s: '#'.repeat(16) },
            { n: 7, s: 'x' },
          ],
        );
        assert.deepEqual([Number(second?.big), Number(second?.exact), second?.rough, second?.word, second?.kind], [7, 7, 7, 'x', 'x']);
      }
    });
  }

  test('A33: who asks for answers in letters of two bytes or four sees no more than others', async () => {
    const wide = await lab.through(access);
    for (const charset of ['utf16', 'utf16le', 'utf32', 'ucs2']) {
      assert.equal((await wide.ask(`set character_set_results = ${charset}`)).error, undefined);
      wide.takeBytes();
      await wide.ask('select mail, word, note from people join cards using (id)');
      await wide.ask(`select 1 from people where id = (select '${MAIL}' + 0 union select 2)`);
      await wide.ask(`signal sqlstate '45000' set message_text = 'about ${MAIL}'`);
      await wide.ask(`select 1 as \`${MAIL}\``);
      const seen = wide.takeBytes().toString('latin1').replaceAll('\0', '');
      assert.deepEqual([seen.includes('lovelace'), seen.includes(CARD)], [false, false], charset);
    }
  });

  test('A33: all collations of wide letters that a server has are known', async () => {
    const collations = await lab.mariadb.sql(
      'select id, character_set_name as charset from information_schema.collation_character_set_applicability',
    );
    assert.ok(collations.length > 300);
    for (const { id, charset } of collations)
      assert.equal(isWide(Number(id)), ['ucs2', 'utf16', 'utf16le', 'utf32'].includes(charset), `${id} ${charset}`);
  });

  test('A35: a row over 16 MiB is masked like any other, whatever packet a value is cut by', async () => {
    const wide = await lab.through(access);
    const text = `concat(repeat('x', 16777200 - 10), ' ${CARD} ', repeat('y', 10), ' ${MAIL}')`;
    const { rows, error } = await wide.ask(`select ${text} as a`);
    assert.equal(error, undefined);
    const [row = ''] = rows;
    assert.equal(row.length, 16777200 - 10 + 18 + 10 + 1 + MAIL.length);
    assert.deepEqual([row.includes(CARD), row.includes(MAIL), row.endsWith('#')], [false, false, true]);
    assert.deepEqual(await wide.ask('select 7'), { rows: ['7'] });
  });

  test('A35: a row that is too long to be looked at is not shown, its answer ends there, and the session goes on', async () => {
    const wide = await lab.through(access);
    const { rows, error = '' } = await wide.ask(`select 'before' union all select concat(repeat('x', 70000000), '${MAIL}')`);
    assert.deepEqual(rows, ['before']);
    assert.match(error, /1301 .*longer than the \d+ bytes that the gateway can look at/);
    assert.equal(wide.takeBytes().includes(MAIL), false);
    assert.deepEqual(await wide.ask('select 7'), { rows: ['7'] });
  });
});
