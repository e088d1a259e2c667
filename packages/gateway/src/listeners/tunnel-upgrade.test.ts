import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TunnelServer, UpgradeOrigin } from '@hoop/tunnel/server';
import { refuseUpgrade } from '@hoop/tunnel/websocket';
import { type FastifyInstance, fastify } from 'fastify';
import { acceptTunnels } from './tunnel-upgrade.ts';

describe('the way of a request for a tunnel', () => {
  let app: FastifyInstance;
  let port: number;
  const seen: UpgradeOrigin[] = [];
  let areLinksEnded = false;

  const tunnel: Pick<TunnelServer, 'upgrade'> = {
    upgrade: (_request, socket, _head, from) => {
      seen.push(from);
      refuseUpgrade(socket, { status: 503, code: 'seen', message: 'Seen' });
    },
  };

  async function listen(trustedProxies: readonly string[]): Promise<void> {
    app = fastify();
    acceptTunnels(app, { tunnel, prefix: '/hoop', trustedProxies, beforeClose: async () => void (areLinksEnded = true) });
    await app.listen({ host: '127.0.0.1', port: 0 });
    port = (app.server.address() as AddressInfo).port;
  }

  async function ask(path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
    const request = http
      .request({ host: '127.0.0.1', port, path, headers: { connection: 'upgrade', upgrade: 'websocket', ...headers } })
      .end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    return response.statusCode;
  }

  before(() => listen(['127.0.0.0/8', 'fd00::1']));
  after(() => app.close());

  test('leads to the tunnel at its own path only', async () => {
    assert.equal(await ask('/hoop/api/tunnel'), 503);
    assert.equal(await ask('/hoop/api/tunnel?x=1'), 503);
    for (const path of ['/api/tunnel', '/hoop/api/tunnel/', '/hoop/api/users', '/', '//'] as const)
      assert.equal(await ask(path), 404, path);
  });

  test('is what a trusted proxy says', async () => {
    const said: readonly [Record<string, string>, string, boolean][] = [
      [{ 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' }, '203.0.113.7', true],
      [{ 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'http' }, '203.0.113.7', false],
      [{ 'x-forwarded-for': '198.51.100.1, 203.0.113.7, 127.0.0.2', 'x-forwarded-proto': 'https, wss' }, '203.0.113.7', true],
      [{ 'x-forwarded-for': 'nonsense', 'x-forwarded-proto': 'https,http' }, '127.0.0.1', false],
      [{}, '127.0.0.1', true],
    ];
    for (const [headers, peer, isPrivate] of said) {
      await ask('/hoop/api/tunnel', headers);
      assert.deepEqual(seen.at(-1), { peer, isPrivate });
    }
  });

  test('is its own where nobody is trusted, and the links end before the listener does', async () => {
    await app.close();
    assert.ok(areLinksEnded);
    await listen([]);
    await ask('/hoop/api/tunnel', { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'http' });
    assert.match(seen.at(-1)?.peer ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(seen.at(-1)?.isPrivate, true);
  });
});
