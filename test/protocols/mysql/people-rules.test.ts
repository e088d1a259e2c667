import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import mysql2 from 'mysql2/promise';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { rowsVia, WAYS } from './drivers/ways.ts';
import { Lab } from './lab.ts';

const SSN = '078-05-1120';

/** The rules as people write them over the API, and what their clients then see of a MariaDB server. */
describe('rules about answers, from the API to a client of MySQL', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.mariadb.database();
    await lab.mariadb.sql(
      `create table people (id int not null primary key, name varchar(50) not null, ssn varchar(20) not null, pin bigint not null);
       insert into people values (1, 'ada', '${SSN}', 1234), (2, 'bob', '219-09-9999', 5678)`,
      database,
    );
  });
  after(() => lab.close());

  const driver = ({ host, port, connection: user, secret: password }: Access): Promise<mysql2.Connection> =>
    mysql2.createConnection({ host, port, user, password, ssl: { rejectUnauthorized: false } });

  test('a limit of rows ends an answer with its words, and the record says so', async () => {
    const access = await lab.access(database);
    const rules = [{ type: 'row_limit' as const, rows_max: 3, message: 'Ask for less' }];
    const body = { name: 'at most three', input: { rules }, connection_ids: [access.connectionId] };
    await lab.system.office.api.call(routes.createGuardrail, { body });
    const client = await driver(access);
    for (const way of WAYS) await assert.rejects(rowsVia(client, way, 'select seq from seq_1_to_1000'), /Ask for less/);
    const [rows] = await client.query<mysql2.RowDataPacket[]>('select seq from seq_1_to_3');
    assert.equal(rows.length, 3);
    await client.end();
    const input = 'select seq from seq_1_to_1000;\nselect 7;\n';
    const args = mariadbArgs({ ...access, user: access.connection }, ['--batch', '--quick', '--force', '-N']);
    const { stdout, stderr } = await runProgram('mariadb', args, { input });
    assert.equal(stdout, '1\n2\n3\n7\n');
    assert.match(stderr, /ERROR 1142 \(42501\) at line 1: .*Ask for less/);
    const actions = await lab.actions(access, 5);
    const limited = actions
      .filter(({ text }) => text.includes('1000'))
      .map(({ outcome }) => [outcome?.rows, outcome?.error?.startsWith('denied: ')]);
    assert.deepEqual(limited, [
      [3, true],
      [3, true],
      [3, true],
    ]);
  });

  test('words that must not leave end an answer before the row that has them', async () => {
    const access = await lab.access(database);
    const rules = [{ type: 'pattern_match' as const, pattern_regex: '^078-', message: 'Not this one' }];
    const body = { name: 'not this one', output: { rules }, connection_ids: [access.connectionId] };
    await lab.system.office.api.call(routes.createGuardrail, { body });
    const client = await lab.through(access);
    const { rows, error = '' } = await client.ask('select name, ssn from people order by id desc');
    assert.deepEqual(rows, ['bob']);
    assert.match(error, /Not this one/);
    assert.equal(client.takeBytes().includes(SSN), false);
    assert.deepEqual(await client.ask('select 7'), { rows: ['7'] });
  });

  test('columns that a masking rule names are hidden, whatever is asked of them', async () => {
    const access = await lab.access(database);
    const body = { name: 'columns', columns: ['people.ssn', 'people.pin'], connection_ids: [access.connectionId] };
    await lab.system.office.api.call(routes.createMaskingRule, { body });
    const client = await driver(access);
    for (const way of WAYS) {
      const [rows] = await rowsVia(client, way, 'select id, name, ssn, pin from people order by id');
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        [
          { id: 1, name: 'ada', ssn: '########', pin: null },
          { id: 2, name: 'bob', ssn: '########', pin: null },
        ],
      );
    }
    for (const sql of [
      'select concat(ssn) from people',
      'select x from (select ssn as x from people) t',
      'with c as (select ssn as y from people) select y from c',
      'select name from people union all select ssn from people',
      'select extractvalue(1, concat(0x7e, (select ssn from people limit 1)))',
      "set @sql = 'select ssn from people'; prepare s from @sql; execute s",
      'show warnings',
    ]) {
      const wire = await lab.through(access);
      // Warnings of this statement quote what it read.
      await wire.ask('select ssn + 0 from people');
      await wire.ask(sql);
      assert.equal(wire.takeBytes().includes('05-1120'), false, sql);
    }
    await client.end();
    lab.tidyUp();
  });
});
