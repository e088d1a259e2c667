import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, describe, test } from 'node:test';
import tls from 'node:tls';
import { TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { testCertificate } from '@hoop/core/testing/certificate';
import { type DialOptions, TunnelClient } from './client.ts';
import { TunnelServer, type TunnelServerOptions } from './server.ts';
import { STRANGER_BYTES_MAX, STRANGER_STREAMS_MAX } from './settings.ts';
import { DIALS, eventually, listenWebSocket, serverOptions } from './testing/links.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

async function gateway(more: Partial<TunnelServerOptions>, dial: Partial<DialOptions> = {}): Promise<number> {
  const server = new TunnelServer({ ...serverOptions(), ...more });
  closing.push(() => server.close());
  return dial.websocket ? listenWebSocket(server, dial.tls !== undefined) : server.listen('127.0.0.1', 0);
}

const SHORT = { count_max: 100, duration_ms_max: 150, duration_ms_min: 0 };

const CARRIED = ['own, over TLS', 'HTTP/2, over TLS', 'own, in plain text', 'WebSocket, over TLS'] as const;

for (const name of CARRIED) {
  const dial = DIALS[name];
  describe(`a peer that has proven nothing (${name})`, () => {
    test('is hung up on after a while, and one that has proven itself is not', async () => {
      const port = await gateway({ strangers: SHORT, authenticateUser: async () => undefined }, dial);
      const [silent, known] = await Promise.all([1, 2].map(() => TunnelClient.dial({ host: '127.0.0.1', port, ...dial })));
      closing.push(() => known?.close());
      let isOver = false;
      void known?.closed.then(() => {
        isOver = true;
      });
      await known?.prove('token');
      await silent?.closed;
      assert.equal(isOver, false);
      assert.ok(await known?.openConnection('x', 'token'));
    });

    test('cannot open streams without end', async () => {
      const port = await gateway({}, dial);
      const client = await TunnelClient.dial({ host: '127.0.0.1', port, ...dial });
      const tried = Array.from({ length: 10_000 }, () =>
        client.open(TUNNEL_PATHS.control, { authorization: 'Bearer bad' }).then(
          () => 'opened',
          (error: { code: string }) => error.code,
        ),
      );
      await client.closed;
      const codes = await Promise.all(tried);
      assert.ok(!codes.includes('opened'));
      assert.ok(codes.filter((code) => code === 'agent_key_invalid').length <= STRANGER_STREAMS_MAX);
    });
  });
}

describe('strangers', () => {
  test('cannot make the gateway keep much', async () => {
    const port = await gateway({ onClient: () => undefined });
    const client = await TunnelClient.dial({ host: '127.0.0.1', port, tls: { skipVerify: true } });
    const stream = await client.openConnection('x', 'token');
    void stream.send(0, Buffer.alloc(STRANGER_BYTES_MAX + 1));
    await client.closed;
  });

  test('are only so many, and the oldest makes way for who comes next', async () => {
    const port = await gateway({ strangers: { count_max: 3, duration_ms_max: 60_000, duration_ms_min: 0 } });
    const sockets: net.Socket[] = [];
    for (let at = 0; at < 5; at++) {
      const socket = net.connect(port, '127.0.0.1').resume();
      closing.push(() => socket.destroy());
      sockets.push(socket);
      await once(socket, 'connect');
    }
    await eventually('two made way', () => sockets.filter(({ closed }) => closed).length === 2);
    assert.deepEqual(
      sockets.map(({ closed }) => closed),
      [true, true, false, false, false],
    );
  });

  test('that had no time yet are not pushed aside: who comes too many is turned away', async () => {
    const port = await gateway({ strangers: { count_max: 2, duration_ms_max: 60_000, duration_ms_min: 60_000 } });
    const sockets = [1, 2, 3].map(() => net.connect(port, '127.0.0.1').resume());
    for (const socket of sockets) closing.push(() => socket.destroy());
    await eventually('one is turned away', () => sockets.filter(({ closed }) => closed).length === 1);
  });

  test('that dawdle in any handshake are hung up on', async () => {
    const port = await gateway({ strangers: SHORT });
    const web = await gateway({ strangers: SHORT }, DIALS['WebSocket, in plain text']);
    const tlsHello = Buffer.from([0x16, 3, 1, 2, 0]);
    const slow: [number, Buffer][] = [
      [port, Buffer.alloc(0)],
      [port, tlsHello],
      [port, Buffer.from('HOOP/1\r\n')],
      [port, Buffer.from('PRI * HTTP/2.0\r\n')],
      [web, Buffer.from(upgradeRequest())],
    ];
    await Promise.all(
      slow.map(async ([to, bytes]) => {
        const socket = net.connect(to, '127.0.0.1').resume();
        closing.push(() => socket.destroy());
        socket.write(bytes);
        await once(socket, 'close');
      }),
    );
  });

  test('that ended TLS and say nothing in it are hung up on', async () => {
    const port = await gateway({ strangers: SHORT });
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }).resume();
    closing.push(() => socket.destroy());
    await once(socket, 'close');
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca: testCertificate().cert });
    session.on('error', () => undefined);
    await once(session, 'close');
  });
});

function upgradeRequest(more = ''): string {
  const head = 'GET /api/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  return `${head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: hoop-tunnel-1\r\n${more}\r\n`;
}

test('a browser’s page, and who speaks another version, open no tunnel', async () => {
  const port = await gateway({}, DIALS['WebSocket, in plain text']);
  const ask = async (headers: Record<string, string>): Promise<number | undefined> => {
    const request = http.request({
      port,
      host: '127.0.0.1',
      path: '/api/tunnel',
      headers: { connection: 'upgrade', upgrade: 'websocket', ...headers },
    });
    request.end();
    return new Promise((resolve, reject) => {
      request.once('error', reject);
      request.once('response', (response) => resolve(response.resume().statusCode));
      request.once('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.statusCode);
      });
    });
  };
  const right = {
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'hoop-tunnel-1',
  };
  assert.equal(await ask(right), 101);
  assert.equal(await ask({ ...right, origin: 'https://evil.example' }), 403);
  assert.equal(await ask({ ...right, 'sec-websocket-protocol': 'hoop-tunnel-0' }), 400);
  assert.equal(await ask({ ...right, 'sec-websocket-version': '1' }), 400);
});
