import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { choosePorts } from './ports.ts';

test('a taken port is replaced by the next that is wanted, or by any free one, and said', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { spare } = await choosePorts({ spare: [] });
  const chosen = await choosePorts({ api: [port, spare.port], native: [port] });
  server.close();
  assert.deepEqual(chosen.api, { port: spare.port, taken: port });
  assert.equal(chosen.native.taken, port);
  assert.notEqual(chosen.native.port, port);
});

test('port 0 asks for any port, and none was taken', async () => {
  const { any } = await choosePorts({ any: [0] });
  assert.notEqual(any.port, 0);
  assert.equal(any.taken, undefined);
});

test('a free port is kept, and no two uses get the same one', async () => {
  const { probe } = await choosePorts({ probe: [] });
  assert.equal(probe.taken, undefined);
  const chosen = await choosePorts({ api: [probe.port], native: [probe.port] });
  assert.deepEqual(chosen.api, { port: probe.port });
  assert.equal(chosen.native.taken, probe.port);
  assert.notEqual(chosen.native.port, probe.port);
});
