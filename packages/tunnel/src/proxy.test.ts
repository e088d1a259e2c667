import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { AppError } from '@hoop/core/errors';
import { TunnelClient } from './client.ts';
import { type HttpProxy, type ProxyEnv, proxyFor } from './proxy.ts';
import { TunnelServer } from './server.ts';
import { DIALS, listenWebSocket, serverOptions } from './testing/links.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

const NONE: ProxyEnv = { httpsProxy: undefined, httpProxy: undefined, noProxy: undefined };

describe('which proxy leads to a gateway', () => {
  const env = { ...NONE, httpsProxy: 'http://user:p%40ss@proxy.example:3128', httpProxy: 'plain.example' };
  const target = { host: 'gw.corp.example', port: 8010, secure: true };

  test('the one for TLS and the one for plain text, with a login', () => {
    const secure = proxyFor(target, env);
    assert.deepEqual([secure?.host, secure?.port, secure?.secure], ['proxy.example', 3128, false]);
    assert.equal(secure?.authorization?.reveal(), `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    const plain = proxyFor({ ...target, secure: false }, env);
    assert.deepEqual([plain?.host, plain?.port, plain?.authorization], ['plain.example', 80, undefined]);
    assert.equal(proxyFor(target, { ...NONE, httpsProxy: 'https://p.example' })?.port, 443);
    assert.equal(proxyFor(target, NONE), undefined);
    assert.equal(proxyFor(target, { ...NONE, httpsProxy: ' ' }), undefined);
  });

  test('none to this machine', () => {
    for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) assert.equal(proxyFor({ ...target, host }, env), undefined, host);
  });

  test('none to what NO_PROXY names', () => {
    const exempt = (noProxy: string, host = target.host): boolean => proxyFor({ ...target, host }, { ...env, noProxy }) === undefined;
    for (const list of [
      '*',
      'gw.corp.example',
      'corp.example',
      '.corp.example',
      '*.corp.example',
      'a.b, GW.corp.example:8010',
      'x corp.example',
    ])
      assert.ok(exempt(list), list);
    for (const list of ['', 'w.corp.example', 'rp.example', 'gw.corp.example:443', 'example.com', '.', '10.0.0.0/8'])
      assert.ok(!exempt(list), list);
    for (const list of ['10.1.2.3', '10.0.0.0/8', '10.1.2.3:8010']) assert.ok(exempt(list, '10.1.2.3'), list);
    for (const list of ['10.1.2.4', '11.0.0.0/8', '10.1.2.3:1', '10.0.0.0/99', '::/0']) assert.ok(!exempt(list, '10.1.2.3'), list);
    for (const list of ['fd00::1', 'fd00::/8', '[fd00::1]:8010']) assert.ok(exempt(list, 'fd00::1'), list);
    assert.ok(!exempt('[fd00::1]:1', 'fd00::1'));
  });

  test('what is no proxy’s address is told, and not shown', () => {
    for (const text of ['socks5://u:geheim@p', 'http://', 'http://u:geheim%zz@p:1', 'http://u:geheim@p:99999']) {
      assert.throws(
        () => proxyFor(target, { ...env, httpsProxy: text }),
        (error) => error instanceof AppError && error.code === 'proxy_url' && !inspect(error).includes('geheim'),
        text,
      );
    }
  });
});

/** A proxy that knows one login, and for which every name means the one gateway. */
async function proxy(gateway_port: number, answer?: string): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = http.createServer().on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    asked.push(request.url ?? '');
    socket.on('error', () => undefined);
    if (answer !== undefined) {
      socket.end(answer);
      return;
    }
    if (request.headers['proxy-authorization'] !== `Basic ${Buffer.from('me:right').toString('base64')}`) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const onward = net.connect(gateway_port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as net.AddressInfo).port, asked };
}

function through(port: number, password: string, secure = true): HttpProxy | undefined {
  const url = `http://me:${password}@127.0.0.1:${port}`;
  return proxyFor({ host: 'gateway.test', port: 8009, secure }, { ...NONE, httpsProxy: url, httpProxy: url });
}

describe('through a proxy', () => {
  for (const name of [
    'own, over TLS',
    'HTTP/2, over TLS',
    'own, in plain text',
    'WebSocket, over TLS',
    'WebSocket, in plain text',
  ] as const) {
    test(`the gateway is reached, and opens and takes streams (${name})`, async () => {
      const server = new TunnelServer({ ...serverOptions(), onClient: (_, request) => request.proven() });
      closing.push(() => server.close());
      const dial = DIALS[name];
      const port = dial.websocket ? await listenWebSocket(server, dial.tls !== undefined) : await server.listen('127.0.0.1', 0);
      const middle = await proxy(port);
      const way = through(middle.port, 'right', dial.tls !== undefined);
      assert.ok(way);
      const client = await TunnelClient.dial({ host: 'gateway.test', port: 8009, ...dial, proxy: way });
      closing.push(() => client.close());
      assert.ok(await client.openConnection('x', 'token'));
      assert.deepEqual(middle.asked, ['gateway.test:8009']);
    });
  }

  test('the gateway’s certificate is checked as it is without one', async () => {
    const server = new TunnelServer(serverOptions());
    closing.push(() => server.close());
    const middle = await proxy(await server.listen('127.0.0.1', 0));
    const way = through(middle.port, 'right');
    assert.ok(way);
    const dial = { host: 'gateway.test', port: 8009, proxy: way };
    for (const tls of [{}, { pin: 'x'.repeat(43) }]) {
      await assert.rejects(
        TunnelClient.dial({ ...dial, tls }),
        (error) => error instanceof AppError && error.code === 'gateway_certificate',
      );
    }
  });

  const failing: readonly [string, string, string | undefined, string, string][] = [
    ['a wrong password', 'geheim', undefined, 'misconfigured', 'proxy_login'],
    ['a proxy that does not let us', 'right', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'target', 'proxy_refused'],
    ['something that is no proxy', 'right', 'SSH-2.0-x\r\n\r\n', 'target', 'proxy_refused'],
    ['a proxy that hangs up', 'right', '', 'target', 'proxy_lost'],
    ['an answer without end', 'right', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`, 'target', 'proxy_refused'],
  ];
  for (const [what, password, answer, kind, code] of failing) {
    test(`${what}: told as what it is, without the password`, async () => {
      const middle = await proxy(1, answer);
      const way = through(middle.port, password);
      assert.ok(way);
      await assert.rejects(
        TunnelClient.dial({ host: 'gateway.test', port: 8009, tls: {}, proxy: way }),
        (error) =>
          error instanceof AppError &&
          error.kind === kind &&
          error.code === code &&
          !inspect(error, { depth: 9 }).includes('geheim') &&
          !inspect(error, { depth: 9 }).includes(Buffer.from('me:geheim').toString('base64')),
      );
    });
  }

  test('a proxy that is down is a fault of its own, which is tried again', async () => {
    const way = through(1, 'right');
    assert.ok(way);
    await assert.rejects(
      TunnelClient.dial({ host: 'gateway.test', port: 8009, tls: {}, proxy: way }),
      (error) => error instanceof AppError && error.kind === 'target' && error.code === 'proxy_unreachable',
    );
  });
});
