import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mysql2 from 'mysql2/promise';
import type { Access } from '../../support/office.ts';
import { Lab } from './lab.ts';

const MAIL = 'ada.lovelace@example.org';
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
    access = await lab.access(database, { mask: ['EMAIL_ADDRESS'] });
    const { host, port, connection, secret } = access;
    client = await mysql2.createConnection({ host, port, user: connection, password: secret, ssl: { rejectUnauthorized: false } });
  });
  after(async () => {
    await client.end();
    await lab.close();
  });

  for (const way of ['query', 'execute'] as const) {
    test(`A34: hide values and leave numbers, dates and nulls readable, with ${way}`, async () => {
      const sql = 'select id, mail, note, born, paid, data from people order by id';
      const [rows] = await (way === 'query' ? client.query<mysql2.RowDataPacket[]>(sql) : client.execute<mysql2.RowDataPacket[]>(sql));
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

  test('A35: a row that is too long to be looked at ends the session rather than pass', async () => {
    const wide = await lab.through(access);
    assert.equal(
      (
        await wide.ask(`select concat(repeat('x', 17000000), '${MAIL}') as a`).catch((error: Error) => ({ error: error.message }))
      ).error?.includes(MAIL),
      false,
    );
    assert.equal(wide.takeBytes().includes(MAIL), false);
  });
});
