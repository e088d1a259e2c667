import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { Lab } from './lab.ts';

const NOTICED = /Noticed by the following Guardrails rule: Mind this, match guard rail \[InputRules:[^\]]*\] rule, type=deny_words_list/;

describe('what a rule warns of', () => {
  let lab: Lab;
  let database: string;
  const drivers: Connection[] = [];
  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.mariadb.database();
    await lab.mariadb.sql('create table t (n int)', database);
  });
  after(() => lab.close());
  afterEach(async () => {
    lab.tidyUp();
    for (const driver of drivers.splice(0)) await driver.end();
  });

  const warned = (): Promise<Access> => lab.access(database, { warn: ['careful'] });

  async function driver({ host, port, connection: user, secret: password }: Access): Promise<Connection> {
    const connection = await createConnection({ host, port, user, password, database });
    drivers.push(connection);
    return connection;
  }

  const warningsOf = async (connection: Connection): Promise<string[]> => {
    const [rows] = await connection.query<RowDataPacket[]>('SHOW WARNINGS');
    return rows.map(({ Level, Code, Message }) => `${Level} ${Code} ${Message}`);
  };

  test('is a warning that the client of the command line shows, and the answer comes all the same', async () => {
    const { host, port, connection: user, secret } = await warned();
    const args = mariadbArgs({ host, port, user, secret }, ['--ssl', '--show-warnings', '-vvv']);
    const { stdout, exitCode } = await runProgram('mariadb', args, { input: "select 'careful' as word;\nselect 'fine' as word;\n" });
    assert.equal(exitCode, 0);
    assert.match(stdout, /1 row in set, 1 warning/);
    assert.match(stdout, /^Warning \(Code 1105\): Noticed by/m);
    assert.match(stdout, NOTICED);
    assert.equal(stdout.match(/Noticed by/g)?.length, 1);
    assert.match(stdout, /\| fine +\|/);
  });

  test('is counted and told to a driver, of a change and of a prepared statement too, and forgotten with the next', async () => {
    const connection = await driver(await warned());
    const [changed] = await connection.query<ResultSetHeader>('insert into t select 1 /* careful */');
    assert.deepEqual([changed.affectedRows, changed.warningStatus], [1, 1]);
    const [told, ...more] = await warningsOf(connection);
    assert.match(told ?? '', /^Warning 1105 Noticed by/);
    assert.match(told ?? '', NOTICED);
    assert.deepEqual(more, []);
    await connection.execute("select 'careful' as word, ? as n", [1]);
    assert.match((await warningsOf(connection)).join(), NOTICED);
    assert.match((await warningsOf(connection)).join(), NOTICED);
    await connection.query("select 'fine'");
    assert.deepEqual(await warningsOf(connection), []);
  });

  test('stands behind what the server itself warns of', async () => {
    const connection = await driver(await warned());
    await connection.query("select 'careful' as word, cast('x' as int) as n");
    const told = await warningsOf(connection);
    assert.equal(told.length, 2);
    assert.match(told[0] ?? '', /^Warning 1292 Truncated/);
    assert.match(told[1] ?? '', NOTICED);
    await connection.query('select 1');
    const [rows] = await connection.query('select 2 as n');
    assert.deepEqual(rows, [{ n: 2 }]);
  });
  test('is told to who runs a script, behind what the server itself warns of', async () => {
    const { connection } = await warned();
    const { output, exit_code } = await lab.system.office.api.call(routes.execSession, {
      body: { connection, script: "select 'careful' as word, cast('x' as int) as n" },
    });
    assert.equal(exit_code, 0);
    const [names, row, truncated, noticed = '', ...more] = output.trimEnd().split('\n');
    assert.deepEqual([names, row, more], ['word\tn', 'careful\t0', []]);
    assert.match(truncated ?? '', /^Warning \(code 1292\): Truncated/);
    assert.match(noticed, /^Warning \(code 1105\): /);
    assert.match(noticed, NOTICED);
  });
});
