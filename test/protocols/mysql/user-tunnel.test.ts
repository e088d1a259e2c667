import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { TunnelClient } from '@hoop/tunnel/client';
import mariadb from 'mariadb';
import mysql2 from 'mysql2/promise';
import { LocalPort } from '../../support/local-port.ts';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { Lab } from './lab.ts';

const ANYBODY = { user: 'whoever', password: 'whatever' } as const;

describe('a user’s local port to MySQL through the tunnel', () => {
  let lab: Lab;
  let access: Access;
  let tunnel: TunnelClient;
  const locals: LocalPort[] = [];
  before(async () => {
    lab = await Lab.start('tunnel');
    access = await lab.access(await lab.mariadb.database(), { deny: ['forbidden'] });
    const { host, port } = lab.system.gateway.addresses.tunnel;
    tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
  });
  after(async () => {
    tunnel.close();
    await lab.close();
  });
  afterEach(() => {
    for (const local of locals.splice(0)) local.close();
    lab.tidyUp();
  });

  async function local(): Promise<{ host: string; port: number }> {
    const opened = await LocalPort.open(tunnel, access.connection, lab.system.office.token);
    locals.push(opened);
    return { host: '127.0.0.1', port: opened.port };
  }

  test('lets mysql2 in with any user and any password, or none, judges, and records whose session it is', async () => {
    const place = await local();
    for (const password of [ANYBODY.password, '']) {
      const client = await mysql2.createConnection({ ...place, user: ANYBODY.user, password });
      const [rows] = await client.query<mysql2.RowDataPacket[]>("select 'through' as said");
      assert.equal(rows[0]?.said, 'through');
      await assert.rejects(client.query("select 'forbidden'"), /Blocked/);
      await client.end();
    }
    const session = await lab.system.office.endedSession(access.connection);
    assert.deepEqual([session.user, session.origin, session.verb, session.metrics.denied], ['admin@example.test', 'cli', 'connect', 1]);
  });

  test('lets MariaDB’s connector in', async () => {
    const client = await mariadb.createConnection({ ...(await local()), ...ANYBODY });
    assert.deepEqual(await client.query({ sql: "select 'through'", rowsAsArray: true }), [['through']]);
    await client.end();
  });

  test('lets the command line in, with each login method that it may begin with', async () => {
    const place = await local();
    for (const method of ['mysql_native_password', 'caching_sha2_password', 'mysql_clear_password']) {
      const args = mariadbArgs({ ...place, user: 'noop', secret: 'noop' }, [`--default-auth=${method}`, '-N', '-e', "select 'through'"]);
      const { stdout, stderr } = await runProgram('mariadb', args);
      assert.deepEqual([stdout, stderr], ['through\n', ''], method);
    }
  });

  test('passes a KILL on, which comes in a session of its own', async () => {
    const place = await local();
    const client = await lab.connect(place);
    await client.login(ANYBODY);
    const running = client.ask('select sleep(600)');
    const session = await lab.system.office.openSession(access.connection);
    await until('the statement is recorded', async () => (await lab.system.office.actions(session.id)).length === 1);
    const other = await lab.connect(place);
    await other.login(ANYBODY);
    assert.deepEqual(await other.ask(`KILL QUERY ${client.threadId}`), { rows: [] });
    assert.match((await running).error ?? '', /interrupted/);
  });
});
