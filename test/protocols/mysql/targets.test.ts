import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { testCertificate } from '@hoop/core/testing/certificate';
import { USERS } from '../../support/mysql-server.ts';
import { Lab } from './lab.ts';

describe('ways to a MySQL target', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.mariadb.database();
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  /** What the target says of the session that comes in with these settings: its user, its encryption, its database. */
  async function seenBy(more: Readonly<Record<string, string>>, asked?: string): Promise<string> {
    const client = await lab.through(await lab.access(database, undefined, more), asked === undefined ? {} : { database: asked });
    const { rows } = await client.ask(
      "select concat_ws(' ', substring_index(user(), '@', 1), if(variable_value = '', 'in plain text', variable_value), database()) from information_schema.session_status where variable_name = 'SSL_VERSION'",
    );
    return rows[0] ?? '';
  }

  const login = ({ user, password }: { user: string; password: string }): Record<string, string> => ({ USER: user, PASS: password });

  for (const [what, user, SSLMODE, expected] of [
    ['a password without TLS', USERS.app, 'disable', 'app in plain text'],
    ['a password under TLS', USERS.app, 'require', 'app TLSv1.3'],
    ['no password at all', USERS.trusted, 'disable', 'trusted in plain text'],
    ['a user that must use TLS, by preference', USERS.tlsOnly, 'prefer', 'tls_only TLSv1.3'],
  ] as const) {
    test(`lead in with ${what}`, async () => assert.equal(await seenBy({ ...login(user), SSLMODE }), `${expected} ${database}`));
  }

  test('lead in with MariaDB’s ed25519, whatever the length of the password, and not with a wrong one', async () => {
    await lab.mariadb.sql("install soname 'auth_ed25519'");
    for (const [index, password] of ['short', 'Straße 7 — a pässword that is longer than a key of thirty-two bytes'].entries()) {
      const user = `signer_${index}`;
      await lab.mariadb.sql(
        `create user ${user}@'%' identified via ed25519 using password('${password}'); grant all on \`test\\_%\`.* to ${user}@'%'`,
      );
      assert.equal(await seenBy({ USER: user, PASS: password }), `${user} in plain text ${database}`);
      await assert.rejects(seenBy({ USER: user, PASS: `${password}?` }), /refuses the connection's own user or password/);
    }
  });

  test('are refused where the server asks for TLS and the connection has it off', async () => {
    const refused = seenBy({ ...login(USERS.tlsOnly), SSLMODE: 'disable' });
    await assert.rejects(refused, /refuses the connection's own user or password/);
  });

  test('lead in with a certificate that is checked, when its authority is known and its name is right', async () => {
    const SSLROOTCERT = lab.mariadb.ca;
    for (const [SSLMODE, HOST] of [
      ['verify-ca', '127.0.0.1'],
      ['verify-full', '127.0.0.1'],
      ['verify-full', 'localhost'],
    ] as const)
      assert.equal(await seenBy({ ...login(USERS.app), SSLMODE, HOST, SSLROOTCERT }), `app TLSv1.3 ${database}`);
  });

  test('A06: are refused when another authority vouches for the server', async () => {
    for (const SSLMODE of ['verify-ca', 'verify-full']) {
      for (const SSLROOTCERT of ['', testCertificate().cert]) {
        await assert.rejects(seenBy({ ...login(USERS.app), SSLMODE, SSLROOTCERT }), /TLS with the target .* failed/);
      }
    }
  });

  test('lead to the database that the client asks for, and are refused with words for one that is not there', async () => {
    const other = await lab.mariadb.database();
    assert.equal(await seenBy({}, other), `trusted in plain text ${other}`);
    await assert.rejects(seenBy({}, 'test_nowhere'), /The target has no such database: Unknown database 'test_nowhere'/);
  });

  test('tell a server that is gone in the middle of a statement, and the session is over', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    const running = client.ask('select sleep(600)');
    await lab.system.office.openSession(access.connection);
    const [thread] = await lab.mariadb.sql("select id from information_schema.processlist where info like 'select sleep(600)'");
    await lab.mariadb.sql(`kill connection ${thread?.id}`);
    assert.match((await running).error ?? '', /Query execution was interrupted|target/i);
    await client.rest();
    assert.match((await lab.system.office.endedSession(access.connection)).end_reason ?? '', /target_closed|client_left/);
  });
});
