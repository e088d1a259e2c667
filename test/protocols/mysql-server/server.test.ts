import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { USERS } from '../../support/mysql-server.ts';
import { runProgram } from '../../support/program.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { startMysql } from '../../support/test-mysql.ts';
import { mariadbArgs } from '../mysql/drivers/command-line.ts';
import { Lab } from '../mysql/lab.ts';
import { execute, isEof, query } from '../mysql/wire-client.ts';

const CARD = '4111 1111 1111 1111';

/** What MariaDB does not have, or does otherwise. */
describe('a MySQL server of Oracle’s', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory', await startMysql());
    database = await lab.mariadb.database();
    await lab.mariadb.sql(
      `create user 'old_sha'@'%' identified with sha256_password by 'an older one'; grant all on \`test\\_%\`.* to 'old_sha'@'%';
       create table people (id int primary key, card varchar(40), notes json, paid decimal(10, 2), born date, seen datetime(6));
       insert into people values (1, '${CARD}', '{"card": "${CARD}"}', 12.50, '1990-02-03', '2026-11-21 10:11:12.123456'), (2, 'none', null, null, null, null)`,
      database,
    );
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  /** Who the server says that we are there, and how what we say gets there. */
  async function seenBy(more: Readonly<Record<string, string>>): Promise<string> {
    const client = await lab.through(await lab.access(database, undefined, more));
    const { rows: users } = await client.ask("select substring_index(user(), '@', 1)");
    const { rows, error } = await client.ask("show session status where variable_name = 'Ssl_version' and value <> ''");
    return `${users[0]} ${error ?? (rows.length > 0 ? 'under TLS' : 'in plain text')}`;
  }

  const OLD = { user: 'old_sha', password: 'an older one' };
  for (const [what, { user, password }, SSLMODE, how] of [
    ['caching SHA-2 without TLS, by the server’s RSA key', USERS.app, 'disable', 'in plain text'],
    ['caching SHA-2 under TLS', USERS.app, 'require', 'under TLS'],
    ['caching SHA-2 and no password', USERS.trusted, 'disable', 'in plain text'],
    ['SHA-256 without TLS, by the server’s RSA key', OLD, 'disable', 'in plain text'],
    ['SHA-256 under TLS', OLD, 'require', 'under TLS'],
  ] as const) {
    test(`lets the agent in by ${what}, the first time and when it remembers, and not with a wrong password`, async () => {
      // The server forgets whom it has seen, so that the first time is one.
      await lab.mariadb.sql('flush privileges');
      const settings = { USER: user, PASS: password, SSLMODE };
      for (const time of ['first', 'second']) assert.equal(await seenBy(settings), `${user} ${how}`, `the ${time} time`);
      await assert.rejects(seenBy({ ...settings, PASS: `${password}?` }), /refuses the connection's own user or password/);
    });
  }

  test('is checked by its certificate, when its authority is known and its name is right', async () => {
    const { user: USER, password: PASS } = USERS.app;
    const settings = { USER, PASS, SSLMODE: 'verify-full', HOST: 'localhost' };
    assert.equal(await seenBy({ ...settings, SSLROOTCERT: lab.mariadb.ca }), 'app under TLS');
    await assert.rejects(seenBy(settings), /TLS with the target .* failed/);
  });

  test('has its rows masked in text and in binary, with their types as they were', async () => {
    const { host, port, connection: user, secret: password } = await lab.access(database, { mask: ['CREDIT_CARD'] });
    const driver = await createConnection({ host, port, user, password, dateStrings: true });
    try {
      for (const [rows] of [
        await driver.query<RowDataPacket[]>('select * from people order by id'),
        await driver.execute<RowDataPacket[]>('select * from people where id <= ? order by id', [2]),
      ]) {
        const [first, second] = rows;
        assert.deepEqual(
          [first?.card, first?.paid, first?.born, first?.seen],
          ['#'.repeat(CARD.length), '12.50', '1990-02-03', '2026-11-21 10:11:12.123456'],
        );
        assert.doesNotMatch(JSON.stringify(first?.notes), /1111/);
        assert.deepEqual(second, { id: 2, card: 'none', notes: null, paid: null, born: null, seen: null });
      }
    } finally {
      await driver.end();
    }
  });

  test('gives OUT parameters of a prepared CALL, behind which it does not say that more follows, and the session goes on', async () => {
    await lab.mariadb.sql('create procedure doubled(inout n int) set n = n * 2', database);
    const client = await lab.through(await lab.access(database));
    const call = await client.prepared('call doubled(?)');
    client.takeBytes();
    client.send(execute(call, ['21']), query("select 'behind'"));
    for (let ends = 0; ends < 2; ) if (isEof(await client.reply())) ends++;
    assert.equal((await client.reply()).body[0], 0);
    assert.deepEqual(await client.result(), { rows: ['behind'] });
    assert.deepEqual(await client.ask("select 'next'"), { rows: ['next'] });
  });

  test('is asked and denied through the command line, which also loads a file of its own', async () => {
    const access = await lab.access(database, { deny: ['forbidden'] });
    const file = join(temporaryDirectory('load'), 'rows.txt');
    writeFileSync(file, Array.from({ length: 20_000 }, (_, n) => `${n}\tline ${n}\n`).join(''));
    const script = `create table loaded (n int, line text); load data local infile '${file}' into table loaded; select count(*), sum(n) from loaded;`;
    const args = mariadbArgs({ ...access, user: access.connection }, ['--local-infile=1', '-N', '-e', script]);
    const loaded = await runProgram('mariadb', args);
    assert.deepEqual([loaded.exitCode, loaded.stdout, loaded.stderr], [0, '20000\t199990000\n', '']);
    const denied = await runProgram('mariadb', mariadbArgs({ ...access, user: access.connection }, ['-e', "select 'forbidden'"]));
    assert.match(denied.stderr, /ERROR 1142 \(42501\)/);
  });
});
