import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import pg from 'pg';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { psqlCall } from './drivers/psql.ts';
import { Lab } from './lab.ts';
import { extended, query, sync, wordsOf } from './wire-client.ts';

const NOTICED = /Noticed by the following Guardrails rule: Mind this, match guard rail \[InputRules:[^\]]*\] rule, type=deny_words_list/;

describe('what a rule warns of', () => {
  let lab: Lab;
  let database: string;
  const drivers: pg.Client[] = [];
  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.postgres.database();
  });
  after(() => lab.close());
  afterEach(async () => {
    lab.tidyUp();
    for (const driver of drivers.splice(0)) await driver.end();
  });

  const warned = (): Promise<Access> => lab.access(database, { warn: ['careful'] });

  test('is a NOTICE that psql prints, before the answer that comes all the same', async () => {
    const { host, port, connection: user, secret } = await warned();
    const { args, env } = psqlCall({ host, port, user, secret });
    const input = "select 'careful';\nselect 'fine';\n";
    const { stdout, stderr, exitCode } = await runProgram('psql', args, { env, input });
    assert.deepEqual([stdout, exitCode], ['careful\nfine\n', 0]);
    assert.equal(stderr.match(/^NOTICE:/gm)?.length, 1);
    assert.match(stderr, NOTICED);
  });

  test('reaches a driver as a notice, with prepared statements too', async () => {
    const { host, port, connection: user, secret: password } = await warned();
    const driver = new pg.Client({ host, port, user, password, database });
    drivers.push(driver);
    const notices: string[] = [];
    driver.on('notice', ({ message }) => notices.push(message ?? ''));
    await driver.connect();
    for (const time of [1, 2]) {
      const { rows } = await driver.query({ name: 'careful', text: "select 'careful' as word, $1::int as time", values: [time] });
      assert.deepEqual(rows, [{ word: 'careful', time }]);
      assert.equal(notices.length, time);
    }
    assert.match(notices[0] ?? '', NOTICED);
  });

  test('stands between the answers of a pipeline, and breaks none of them', async () => {
    const access = await warned();
    const client = await lab.through(access);
    client.send(
      Buffer.concat([
        query("select 'slow' from pg_sleep(0.05)"),
        extended("select 'careful'"),
        sync,
        query("select 'careful'"),
        query('select 4'),
      ]),
    );
    let notices = 0;
    const words: string[] = [];
    for (let ready = 0; ready < 4; ready++) {
      for (const reply of await client.until('Z')) {
        if (reply.type === 'N' && NOTICED.test(wordsOf(reply))) notices++;
        if (reply.type === 'E') words.push(wordsOf(reply));
      }
    }
    assert.deepEqual([notices, words], [2, []]);
  });

  test('is recorded, and told to who runs a script', async () => {
    const access = await warned();
    const { output, exit_code } = await lab.system.office.api.call(routes.execSession, {
      body: { connection: access.connection, script: "select 'careful' as word" },
    });
    assert.equal(exit_code, 0);
    assert.match(output, NOTICED);
    assert.match(output, /careful/);
    const [session] = await lab.system.office.sessions(access.connection);
    const [action] = await lab.system.office.actions(session?.id ?? '');
    assert.deepEqual([action?.verdict, action?.rule], ['allow', `warn ${access.connection}`]);
  });
});
