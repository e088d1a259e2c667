import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { TunnelClient } from '@hoop/tunnel/client';
import pg from 'pg';
import { LocalPort } from '../../support/local-port.ts';
import type { Access } from '../../support/office.ts';
import { until, within } from '../../support/until.ts';
import { Lab } from './lab.ts';
import { cancelRequest, cellsOf, query, type Reply, wordsOf } from './wire-client.ts';

describe('a user’s local port through the tunnel', () => {
  let lab: Lab;
  let access: Access;
  let tunnel: TunnelClient;
  const locals: LocalPort[] = [];
  before(async () => {
    lab = await Lab.start('tunnel');
    access = await lab.access(await lab.postgres.database(), { deny: ['forbidden'] });
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

  async function local(connection = access.connection, token = lab.system.office.token): Promise<LocalPort> {
    const opened = await LocalPort.open(tunnel, connection, token);
    locals.push(opened);
    return opened;
  }

  const login = { user: 'whoever', password: 'whatever', database: undefined };

  test('lets in any user with any password, judges, and records whose session it is', async () => {
    const { port } = await local();
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'whoever', password: 'whatever', database: 'whoever' });
    await client.connect();
    assert.equal((await client.query("select 'through' as said")).rows[0]?.said, 'through');
    await assert.rejects(client.query("select 'forbidden'"), /Blocked/);
    await client.end();
    const session = await lab.system.office.endedSession(access.connection);
    assert.deepEqual([session.user, session.origin, session.verb, session.metrics.denied], ['admin@example.test', 'cli', 'connect', 1]);
  });

  test('answers no to TLS, which the tunnel has around it', async () => {
    const { port } = await local();
    await assert.rejects(lab.connect({ host: '127.0.0.1', port }, 'requested'), /answers N to the request for TLS/);
  });

  test('passes a cancel on, which comes on a connection of its own', async () => {
    const { port } = await local();
    const client = await lab.connect({ host: '127.0.0.1', port });
    await client.login({ user: 'x', password: '' });
    client.send(query('select pg_sleep(600)'));
    const session = await lab.system.office.openSession(access.connection);
    await until('the statement is recorded', async () => (await lab.system.office.actions(session.id)).length === 1);
    const canceller = await lab.connect({ host: '127.0.0.1', port });
    canceller.send(cancelRequest(client.cancelKey));
    await canceller.rest();
    assert.ok((await client.until('Z')).some((reply) => reply.type === 'E' && wordsOf(reply).includes('57014')));
  });

  test('carries a bulk result, half-closes, and ends with words when the session is killed', async () => {
    const { port } = await local();
    const bulk = await lab.connect({ host: '127.0.0.1', port });
    await bulk.login({ user: 'x', password: '' });
    bulk.send(query("select repeat('x', 1000) from generate_series(1, 30000)"));
    bulk.socket.end();
    const rows = (await bulk.rest()).filter(({ type }) => type === 'D');
    assert.equal(rows.length, 30_000);
    assert.equal(cellsOf(rows.at(-1) as Reply)[0]?.length, 1_000);
    const killed = await lab.connect({ host: '127.0.0.1', port });
    await killed.login({ user: 'x', password: '' });
    await lab.system.office.kill((await lab.system.office.openSession(access.connection)).id);
    const words = (await killed.rest()).map(wordsOf);
    assert.deepEqual(words, ['FATAL 57P01: The session was ended by admin@example.test']);
  });

  for (const [what, connection, token, words] of [
    ['a connection that is not there', 'no-such-connection', undefined, /no connection no-such-connection/],
    ['a token that is not valid', undefined, 'not.a.token', /token|log ?in/i],
    ['no token', undefined, '', /token|log ?in/i],
  ] as const) {
    test(`refuses ${what}, with words`, async () => {
      const refused = await local(connection ?? access.connection, token ?? lab.system.office.token);
      const client = await lab.connect({ host: '127.0.0.1', port: refused.port });
      await assert.rejects(client.login(login as never), /closed the connection/);
      await within(
        'the reason is told',
        until('a reason', () => refused.failures.length > 0),
      );
      assert.match(refused.failures.join(), words);
    });
  }

  test('a client that leaves during its login leaves nothing behind', async () => {
    const { port } = await local();
    const client = await lab.connect({ host: '127.0.0.1', port });
    client.send(Buffer.from([0, 0]));
    client.socket.end();
    await client.rest();
    assert.equal(lab.system.gateway.engine.liveCount(), 0);
  });
});
