import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeGateway } from '../testing/fake-gateway.ts';
import { CONNECTION_ID } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const envelope = {
  id: ID,
  connection_name: 'demo',
  connection_type: 'database',
  connection_subtype: 'postgres',
  session_id: '',
  created_at: '2026-11-21T08:00:00.000Z',
  expire_at: '2026-11-21T08:30:00.000Z',
};
const credential = {
  ...envelope,
  has_review: false as const,
  connection_credentials: {
    hostname: '127.0.0.1',
    port: '15432',
    username: 'demo',
    password: 'pg-secret',
    database_name: 'app',
    connection_string: 'postgres://demo:pg-secret@127.0.0.1:15432/app?sslmode=require',
  },
};

test('a credential is shown whole on stdout, and the line to type on stderr', async () => {
  let seconds = 0;
  await using gateway = await FakeGateway.start({
    createCredential: ({ params, body }) => {
      assert.equal(params.nameOrID, 'demo');
      seconds = body.access_duration_seconds;
      return credential;
    },
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['credentials', 'create', 'demo', '--duration', '2h']);
  assert.equal(code, 0, err);
  assert.equal(seconds, 7_200);
  assert.match(out, /^Password: +pg-secret$/m);
  assert.match(out, /^Expires: +2026-11-21T08:30:00\.000Z$/m);
  assert.match(err, /psql 'postgres:\/\/demo:pg-secret@127\.0\.0\.1:15432\/app\?sslmode=require'/);
});

test('--uri prints the URL alone, for a variable, and --json the reply', async () => {
  await using gateway = await FakeGateway.start({ createCredential: () => credential });
  using shell = Shell.at(gateway);
  const uri = await shell.run(['credentials', 'create', 'demo', '--uri']);
  assert.deepEqual([uri.out, uri.err], [`${credential.connection_credentials.connection_string}\n`, '']);
  assert.equal(JSON.parse((await shell.run(['credentials', 'create', 'demo', '--json'])).out).id, ID);
});

test('a duration that is none, too short or too long is refused before anything is sent', async () => {
  await using gateway = await FakeGateway.start({});
  using shell = Shell.at(gateway);
  for (const duration of ['soon', '10s', '3d', '0']) {
    assert.equal((await shell.run(['credentials', 'create', 'demo', '-d', duration])).code, 2, duration);
  }
  assert.deepEqual(gateway.calls, []);
});

test('credentials are listed without secrets, and revoked by id', async () => {
  const revoked: unknown[] = [];
  await using gateway = await FakeGateway.start({
    listCredentials: () => ({ items: [{ ...envelope, connection_id: CONNECTION_ID }] }),
    revokeCredential: ({ params }) => void revoked.push(params),
  });
  using shell = Shell.at(gateway);
  assert.equal(
    (await shell.run(['credentials', 'list'])).out,
    [
      'ID                                     CONNECTION   TYPE                CREATED                    EXPIRES',
      `${ID}   demo         database/postgres   2026-11-21T08:00:00.000Z   2026-11-21T08:30:00.000Z`,
      '',
    ].join('\n'),
  );
  assert.equal((await shell.run(['credentials', 'revoke', ID])).out, `credential "${ID}" revoked\n`);
  assert.deepEqual(revoked, [{ nameOrID: CONNECTION_ID, ID }]);
  const unknown = await shell.run(['credentials', 'revoke', 'x']);
  assert.deepEqual([unknown.code, unknown.out], [1, '']);
});

test('of HTTP the command for a shell and the address for a browser are told apart', async () => {
  const command = JSON.stringify({ curl: "curl -H 'Authorization: Bearer s' https://gw:8443/", browser: 'https://gw:8443/s/' });
  const http = {
    ...credential,
    connection_subtype: 'httpproxy',
    connection_credentials: { ...credential.connection_credentials, connection_string: 'https://gw:8443', proxy_token: 's', command },
  };
  await using gateway = await FakeGateway.start({ createCredential: () => http });
  using shell = Shell.at(gateway);
  const { err } = await shell.run(['credentials', 'create', 'web']);
  assert.match(err, /^Type: +curl -H 'Authorization: Bearer s' https:\/\/gw:8443\/$/m);
  assert.match(err, /^Open: +https:\/\/gw:8443\/s\/$/m);
  assert.equal(err.includes('{'), false);
});
