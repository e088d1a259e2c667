import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { choosePorts } from './ports.ts';

test('a taken port is replaced by a free one, and said', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const chosen = await choosePorts({ api: port });
  server.close();
  assert.equal(chosen.api.taken, port);
  assert.notEqual(chosen.api.port, port);
});

test('a free port is kept, and no two uses get the same one', async () => {
  const { probe } = await choosePorts({ probe: 0 });
  assert.equal(probe.taken, undefined);
  const chosen = await choosePorts({ api: probe.port, native: probe.port });
  assert.deepEqual(chosen.api, { port: probe.port });
  assert.equal(chosen.native.taken, probe.port);
  assert.notEqual(chosen.native.port, probe.port);
});
