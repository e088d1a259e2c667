import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TunnelClient } from '@hoop/tunnel/client';
import { LocalPort } from '../../support/local-port.ts';
import { within } from '../../support/until.ts';
import { openSsh2 } from './drivers/ssh2.ts';
import { Lab } from './lab.ts';

test('a user’s local port to SSH lets in whoever comes, and ends with a client that says goodbye', async () => {
  const lab = await Lab.start('tunnel');
  const { host, port } = lab.system.gateway.addresses.tunnel;
  const tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
  const access = await lab.access();
  const local = await LocalPort.open(tunnel, access.connection, lab.system.office.token);
  try {
    const place = { host: '127.0.0.1', port: local.port, user: 'whoever', secret: 'whatever', connection: access.connection };
    const { client, ended } = await openSsh2(place);
    const said = await new Promise<string>((resolve, reject) => {
      client.exec('echo through', {}, (error, channel) => {
        if (error) reject(error);
        else channel.setEncoding('utf8').once('data', resolve);
      });
    });
    assert.equal(said, 'through\n');
    client.end();
    assert.equal(await within('the client is let go', ended), '');
    const session = await lab.system.office.endedSession(access.connection);
    assert.deepEqual([session.user, session.origin, session.end_reason], ['admin@example.test', 'cli', 'client_left']);
  } finally {
    local.close();
    tunnel.close();
    await lab.close();
  }
});
