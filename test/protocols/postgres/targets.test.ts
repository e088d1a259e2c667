import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { testCertificate } from '@hoop/core/testing/certificate';
import { USERS } from '../../support/test-postgres.ts';
import { Lab } from './lab.ts';
import { cellsOf, type Reply } from './wire-client.ts';

describe('ways to the target', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.postgres.database();
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  /** What the target says of the session that comes in with these settings: its user, and its encryption. */
  async function seenBy(more: Readonly<Record<string, string>>): Promise<string> {
    const client = await lab.through(await lab.access(database, undefined, more));
    const replies = await client.ask(
      "select session_user || case when ssl then ' over ' || version else ' in plain text' end from pg_stat_ssl where pid = pg_backend_pid()",
    );
    return cellsOf(replies.find(({ type }) => type === 'D') as Reply)[0] ?? '';
  }

  const login = ({ user, password }: { user: string; password: string }): Record<string, string> => ({ USER: user, PASS: password });

  for (const [what, user, SSLMODE, expected] of [
    ['SCRAM without TLS', USERS.app, 'disable', 'app in plain text'],
    ['SCRAM bound to TLS', USERS.app, 'require', 'app over TLSv1.3'],
    ['md5', USERS.md5, 'disable', 'old_md5 in plain text'],
    ['md5 over TLS', USERS.md5, 'require', 'old_md5 over TLSv1.3'],
    ['a password in clear text', USERS.cleartext, 'require', 'old_plain over TLSv1.3'],
    ['no password at all', USERS.trusted, 'disable', 'trusted in plain text'],
    ['a user that must use TLS, by preference', USERS.tlsOnly, 'prefer', 'tls_only over TLSv1.3'],
    ['a user that must not use TLS', USERS.plainOnly, 'disable', 'plain_only in plain text'],
  ] as const) {
    test(`lead in with ${what}`, async () => {
      assert.equal(await seenBy({ ...login(user), SSLMODE }), expected);
    });
  }

  test('are refused where the server asks for TLS and the connection has it off', async () => {
    await assert.rejects(seenBy({ ...login(USERS.tlsOnly), SSLMODE: 'disable' }), /refuses the connection's own user or password/);
  });

  describe('with a certificate that is checked', () => {
    test('lead in when its authority is known, and its name is right', async () => {
      const SSLROOTCERT = lab.postgres.ca;
      for (const [SSLMODE, HOST] of [
        ['verify-ca', '127.0.0.1'],
        ['verify-full', '127.0.0.1'],
        ['verify-full', 'localhost'],
      ])
        assert.equal(await seenBy({ ...login(USERS.app), SSLMODE: SSLMODE ?? '', HOST: HOST ?? '', SSLROOTCERT }), 'app over TLSv1.3');
    });

    test('do not lead in when nobody known vouches for it', async () => {
      for (const SSLMODE of ['verify-ca', 'verify-full']) {
        await assert.rejects(seenBy({ ...login(USERS.app), SSLMODE }), /TLS with the target .* failed/);
        await assert.rejects(
          seenBy({ ...login(USERS.app), SSLMODE, SSLROOTCERT: testCertificate().cert }),
          /TLS with the target .* failed/,
        );
      }
    });

    test('lead to another name only with verify-ca', async () => {
      const other = net.createServer((near) => {
        const far = net.connect(lab.postgres.port, '127.0.0.1');
        near.pipe(far).pipe(near);
        for (const socket of [near, far]) socket.on('error', () => undefined);
      });
      await once(other.listen(0, '127.0.0.2'), 'listening');
      const place = { HOST: '127.0.0.2', PORT: String((other.address() as net.AddressInfo).port), SSLROOTCERT: lab.postgres.ca };
      assert.equal(await seenBy({ ...login(USERS.app), ...place, SSLMODE: 'verify-ca' }), 'app over TLSv1.3');
      await assert.rejects(seenBy({ ...login(USERS.app), ...place, SSLMODE: 'verify-full' }), /TLS with the target .* failed/);
      other.close();
    });
  });

  test('do not lead anywhere with settings that are not complete, and say what is missing', async () => {
    for (const missing of ['HOST', 'USER']) {
      const settings: Record<string, string> = lab.postgres.settings(database);
      delete settings[missing];
      // The API refuses such a connection; one that is in the store from elsewhere is refused by the agent.
      await assert.rejects(lab.system.access(settings), new RegExp(`${missing}`));
    }
  });

  test('are closed with the words of the server when it goes down, and open again when it is back', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    await client.ask('select 1');
    await lab.postgres.restart();
    const heard = (await client.rest()).map(({ type, body }) => `${type} ${body.toString('latin1').replaceAll('\0', ' ')}`);
    assert.equal(heard.length, 1);
    assert.match(heard[0] ?? '', /57P01.*terminating connection due to administrator command/);
    assert.equal((await lab.system.office.endedSession(access.connection)).end_reason, 'target_closed');
    assert.equal((await (await lab.through(access)).ask('select 1')).at(-1)?.type, 'Z');
  });
});
