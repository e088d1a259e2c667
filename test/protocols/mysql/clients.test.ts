import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mysql2 from 'mysql2/promise';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { Lab } from './lab.ts';

const PYTHON = `
import pymysql, sys
host, port, user, password, how = sys.argv[1:]
secure = {'ssl': {'ssl': {}}, 'ssl_verify_cert': False} if how == 'tls' else {}
c = pymysql.connect(host=host, port=int(port), user=user, password=password, **secure)
k = c.cursor()
k.execute('create temporary table t (a int, b varchar(20))')
k.executemany('insert into t values (%s, %s)', [(n, 'é' * n) for n in range(10)])
k.execute('select count(*), max(b) from t')
print(k.fetchone())
try:
    k.execute('select forbidden')
except pymysql.err.MySQLError as error:
    print(error.args[0])
c.commit()
stream = c.cursor(pymysql.cursors.SSCursor)
stream.execute('select seq from seq_1_to_5000')
print(sum(row[0] for row in stream))
c.close()
`;

/** What people use on MySQL and MariaDB, as it comes, through the native port. */
describe('other people’s clients of MySQL', () => {
  let lab: Lab;
  let access: Access;
  before(async () => {
    lab = await Lab.start('tunnel');
    access = await lab.access(await lab.mariadb.database(), { deny: ['forbidden'] });
  });
  after(() => lab.close());

  for (const how of ['tls', 'plain']) {
    test(`PyMySQL logs in over ${how}, sends many rows, streams many, and hears a denial`, async () => {
      const { host, port, connection, secret } = access;
      const { stdout, stderr } = await runProgram('/usr/bin/python3', ['-c', PYTHON, host, String(port), connection, secret, how]);
      assert.deepEqual([stdout, stderr], ["(10, 'ééééééééé')\n1142\n12502500\n", '']);
    });
  }

  test('sysbench reads and writes with prepared statements on four connections', async () => {
    const { host, port, connection, secret } = access;
    const database = await lab.mariadb.database();
    const place = [`--mysql-host=${host}`, `--mysql-port=${port}`, `--mysql-user=${connection}`, `--mysql-password=${secret}`];
    const args = [
      'oltp_read_write',
      ...place,
      `--mysql-db=${database}`,
      '--tables=1',
      '--table-size=500',
      '--threads=4',
      '--events=60',
      '--time=30',
    ];
    for (const step of ['prepare', 'run', 'cleanup']) {
      const { exitCode, stdout, stderr } = await runProgram('sysbench', [...args, step]);
      assert.equal(exitCode, 0, `${step}: ${stdout}${stderr}`);
      if (step === 'run') assert.match(stdout, /transactions:\s+60 /);
    }
  });

  test('A10: clients that would like to compress are spoken to in clear, where every statement is judged', async () => {
    const { host, port, connection, secret } = access;
    const args = mariadbArgs({ ...access, user: connection }, ['--compress', '--force', '-N', '-e', "select 'plain'; select 'forbidden'"]);
    const { stdout, stderr } = await runProgram('mariadb', args);
    assert.equal(stdout, 'plain\n');
    assert.match(stderr, /ERROR 1142 \(42501\)/);
    const ssl = { rejectUnauthorized: false };
    const driver = await mysql2.createConnection({ host, port, user: connection, password: secret, compress: true, ssl });
    assert.deepEqual((await driver.query('select 7 as n'))[0], [{ n: 7 }]);
    await assert.rejects(driver.query("select 'forbidden'"), { errno: 1142 });
    await driver.end();
  });

  test('a driver gives a session back by a change to the same user, which finds nothing of what was before', async () => {
    const { host, port, connection: user, secret: password } = access;
    const database = await lab.mariadb.database();
    const driver = await mysql2.createConnection({ host, port, user, password });
    await driver.query(`create temporary table ${database}.mine (n int)`);
    await driver.query("set @mine = 'left'");
    await driver.changeUser({ user, password, database });
    assert.deepEqual((await driver.query('select @mine as mine, database() as place'))[0], [{ mine: null, place: database }]);
    await assert.rejects(driver.query('select * from mine'), /doesn't exist/);
    await assert.rejects(driver.changeUser({ user: 'root', password: '' }), /to another user is not allowed/);
    driver.destroy();
  });

  test('drivers that take the version of the greeting for the server’s log in, whatever it calls what they ask for', async () => {
    const client = await lab.through(access);
    const asked = '/* a driver */SELECT @@transaction_isolation AS transaction_isolation, @@session.transaction_read_only';
    assert.deepEqual(await client.ask(asked), { rows: ['REPEATABLE-READ'] });
    assert.deepEqual(await client.ask("SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'"), { rows: [] });
    lab.tidyUp();
  });

  test('the command line describes tables, tells its status, and dumps and loads a database', async () => {
    const [from, to] = [await lab.mariadb.database(), await lab.mariadb.database()];
    await lab.mariadb.sql("create table t (a int primary key, b blob); insert into t values (1, x'00ff27'), (2, null)", from);
    const place = { ...access, user: access.connection };
    const described = await runProgram('mariadb', mariadbArgs(place, ['--auto-rehash', from]), { input: 'describe t;\n\\s\n' });
    assert.match(described.stdout, /a\tint\(11\)\tNO\tPRI/);
    assert.deepEqual([described.exitCode, described.stderr], [0, '']);
    const dumped = await runProgram('mariadb-dump', mariadbArgs(place, ['--hex-blob', '--skip-lock-tables', from]));
    assert.deepEqual([dumped.exitCode, dumped.stderr], [0, '']);
    const loaded = await runProgram('mariadb', mariadbArgs(place, [to]), { input: dumped.stdout });
    assert.deepEqual([loaded.exitCode, loaded.stderr], [0, '']);
    assert.deepEqual(await lab.mariadb.sql('select a, hex(b) as b from t order by a', to), [
      { a: 1, b: '00FF27' },
      { a: 2, b: null },
    ]);
  });
});
