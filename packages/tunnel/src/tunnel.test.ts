import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, describe, mock, test } from 'node:test';
import { type AgentHello, FRAME_KINDS, PolicyMessage, TUNNEL_PATHS, TUNNEL_VERSION } from '@hoop/contract/tunnel';
import { AppError, Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { testCertificate } from '@hoop/core/testing/certificate';
import { FLAG, FRAME, H2_START, h2Frame, headOf } from '@hoop/core/testing/h2-bytes';
import { AgentClient } from './agent-client.ts';
import { type DialOptions, publicKeyPin, TunnelClient } from './client.ts';
import type { AgentIdentity, AgentLink, SessionHost } from './link.ts';
import { MUX_PREFACE } from './mux.ts';
import { type ClientRequest, TunnelServer, type TunnelServerOptions } from './server.ts';
import type { FrameStream } from './stream.ts';
import { CuttableRelay, DIALS, eventually, Listener, listenWebSocket, serverOptions } from './testing/links.ts';

const HELLO: AgentHello = {
  version: TUNNEL_VERSION,
  product: 'test',
  hostname: 'here',
  platform: 'test',
  kernel: '',
  machine: '',
  protocols: [],
  features: [],
  mode: 'standard',
};

const PIN = publicKeyPin(
  createPublicKey(new X509Certificate(testCertificate().cert).publicKey.export({ type: 'spki', format: 'pem' })).export({
    type: 'spki',
    format: 'der',
  }),
);

/** What an agent does, written down. */
class Host implements Partial<SessionHost> {
  readonly streams: FrameStream[] = [];
  readonly heard: string[] = [];

  serve(stream: FrameStream): void {
    this.streams.push(stream);
  }

  cancel(session: string): void {
    this.heard.push(`cancel ${session}`);
  }

  changePolicy(sessions: readonly string[]): void {
    this.heard.push(`policy of ${sessions.join()}`);
  }

  refusePolicy(sessions: readonly string[]): void {
    this.heard.push(`unknown rules for ${sessions.join()}`);
  }

  linkLost(): void {
    this.heard.push('link lost');
  }

  takeUnconfirmed(): [] {
    return [];
  }
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

interface Gateway {
  readonly server: TunnelServer;
  readonly port: number;
  readonly links: AgentLink[];
  readonly clients: { stream: FrameStream; request: ClientRequest }[];
}

async function gateway(more: Partial<TunnelServerOptions> = {}, port = 0, dial: Partial<DialOptions> = {}): Promise<Gateway> {
  const links: AgentLink[] = [];
  const clients: { stream: FrameStream; request: ClientRequest }[] = [];
  const server = new TunnelServer({
    ...serverOptions(),
    onAgent: (link) => {
      links.push(link);
      void link.closed.then(() => links.splice(links.indexOf(link), 1));
    },
    onClient: (stream, request) => clients.push({ stream, request }),
    ...more,
  });
  closing.push(() => server.close());
  const listen = dial.websocket ? listenWebSocket(server, dial.tls !== undefined, port) : server.listen('127.0.0.1', port);
  return { server, port: await listen, links, clients };
}

function agent(dial: Omit<DialOptions, 'host'>, key = 'good'): { host: Host; run: Promise<void>; client: AgentClient } {
  const host = new Host();
  const client = new AgentClient({
    dial: { host: '127.0.0.1', ...dial },
    key,
    hello: HELLO,
    host: host as unknown as SessionHost,
    log: silentLog(),
  });
  closing.push(() => client.stop());
  const run = client.run();
  run.catch(() => undefined);
  return { host, run, client };
}

const TLS = { skipVerify: true };

for (const name of ['own, over TLS', 'HTTP/2, over TLS', 'WebSocket, over TLS', 'WebSocket, in plain text'] as const) {
  const dial = DIALS[name];
  const start = (more: Partial<TunnelServerOptions> = {}, port = 0): Promise<Gateway> => gateway(more, port, dial);

  describe(`an agent and its gateway (${name})`, () => {
    test('find each other, open streams, and pass on cancels and rules', async () => {
      const { port, links } = await start();
      const { host } = agent({ port, ...dial });
      await eventually('the agent is there', () => links.length === 1);
      const [link] = links;
      assert.ok(link);
      assert.deepEqual([link.agentId, link.name, link.hello.hostname], ['agent-1', 'one', 'here']);
      const near = await link.openStream();
      await eventually('the agent serves it', () => host.streams.length === 1);
      const there = new Listener();
      host.streams[0]?.receive(there);
      void near.send(FRAME_KINDS.data, Buffer.from('hello'));
      await eventually('it is heard', () => there.text === 'hello');
      link.cancel('s1');
      link.changePolicy(['s1', 's2'], { revision: 1, guardrails: [], masks: [] });
      await eventually('both are heard', () => host.heard.length === 2);
      assert.deepEqual(host.heard, ['cancel s1', 'policy of s1,s2']);
    });

    test('A35: do not go on under the old rules when the new ones are of a kind that the agent does not know', async () => {
      const { port, links } = await start();
      const { host } = agent({ port, ...dial });
      await eventually('the agent is there', () => links.length === 1);
      const rule = { type: 'of-tomorrow' as 'operation', words: [], pattern_regex: '', message: '' };
      links[0]?.changePolicy(['s1', 's2'], { revision: 2, guardrails: [{ name: 'g', input: [rule], output: [] }], masks: [] });
      await eventually('it is heard', () => host.heard.length === 1);
      assert.deepEqual(host.heard, ['unknown rules for s1,s2']);
      assert.equal(
        PolicyMessage.safeParse({ revision: 2, guardrails: [{ name: 'g', input: [rule], output: [] }], masks: [] }).success,
        false,
      );
    });

    test('lose each other when the cable is cut, and are together again in a moment', async () => {
      const { port, links } = await start();
      const relay = await CuttableRelay.start(port);
      closing.push(() => relay.close());
      const { host } = agent({ port: relay.port, ...dial });
      for (let time = 0; time < 3; time++) {
        await eventually('the agent is there', () => links.length === 1);
        const [link] = links;
        const stream = await link?.openStream();
        const here = new Listener();
        stream?.receive(here);
        relay.cut();
        await eventually('the gateway notices', () => here.error !== undefined && !links.includes(link as AgentLink));
        await eventually('the agent notices', () => host.heard.filter((each) => each === 'link lost').length > time);
      }
      await eventually('the agent is back', () => links.length === 1, 3_000);
    });

    test('are together again when the gateway was started anew', async () => {
      const first = await start();
      agent({ port: first.port, ...dial });
      await eventually('the agent is there', () => first.links.length === 1);
      first.server.close();
      await eventually('the link is gone', () => first.links.length === 0);
      const second = await start({}, first.port);
      await eventually('the agent is there again', () => second.links.length === 1, 5_000);
    });

    test('a link that the gateway ends is dialled again, with whatever right the key has then', async () => {
      let known = true;
      const { links, port } = await start({
        authenticateAgent: async (key) => {
          if (known) return { agentId: 'agent-1', name: 'one' };
          return serverOptions().authenticateAgent(`not ${key}`);
        },
      });
      const { run } = agent({ port, ...dial });
      await eventually('the agent is there', () => links.length === 1);
      known = false;
      links[0]?.close('its key was deleted');
      await assert.rejects(run, /key is unknown/);
      assert.equal(links.length, 0);
    });

    test('a key that is not known ends the agent with the gateway’s words', async () => {
      const { port, links } = await start();
      await assert.rejects(
        agent({ port, ...dial }, 'bad').run,
        (error) =>
          error instanceof Refusal && error.code === 'agent_key_invalid' && error.message === 'The agent’s key is unknown: “größer”',
      );
      assert.equal(links.length, 0);
    });

    test('a path that nobody knows is refused, and the link goes on', async () => {
      const { port } = await start();
      const client = await TunnelClient.dial({ host: '127.0.0.1', port, ...dial });
      closing.push(() => client.close());
      await assert.rejects(client.open('/nowhere', {}), /Unknown path/);
      await assert.rejects(client.open(TUNNEL_PATHS.session, { 'hoop-stream': 'guessed' }));
      assert.ok(await client.openConnection('größe & co', 'token'));
    });

    test('a user’s stream tells its connection and token', async () => {
      const { port, clients } = await start();
      const client = await TunnelClient.dial({ host: '127.0.0.1', port, ...dial });
      closing.push(() => client.close());
      await client.openConnection('größe & co 100%', 'the token');
      await eventually('it is there', () => clients.length === 1);
      assert.equal(clients[0]?.request.connection, 'größe & co 100%');
      assert.equal(clients[0].request.token, 'the token');
      assert.match(clients[0].request.peer, /^127\.0\.0\.1:\d+$/);
    });

    test('a peer that answers nothing any more is dead in seconds, on both sides', async () => {
      mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
      try {
        const { port, links } = await start();
        const relay = await CuttableRelay.start(port);
        closing.push(() => relay.close());
        const { host } = agent({ port: relay.port, ...dial });
        await eventually('the agent is there', () => links.length === 1);
        for (let second = 0; second < 30; second++) {
          mock.timers.tick(1_000);
          for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
        const [first] = links;
        assert.ok(first, 'a peer that answers lives on');
        assert.deepEqual(host.heard, []);
        relay.swallow();
        for (let second = 0; second < 6; second++) {
          mock.timers.tick(1_000);
          for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
        await eventually('both sides have noticed', () => !links.includes(first as AgentLink) && host.heard.includes('link lost'));
      } finally {
        mock.timers.reset();
      }
    });
  });
}

describe('whom an agent trusts', () => {
  test('the key’s pin alone decides, where there is one', async () => {
    const { port, links } = await gateway();
    agent({ port, tls: { pin: PIN } });
    await eventually('the agent is there', () => links.length === 1);
    const wrong = publicKeyPin(Buffer.from('another key'));
    await assert.rejects(
      agent({ port, tls: { pin: wrong } }).run,
      (error) =>
        error instanceof AppError &&
        error.code === 'gateway_certificate' &&
        /another certificate than the key was made for/.test(error.message),
    );
  });

  test('without a pin an authority must vouch for the certificate, and for its name', async () => {
    const { port, links } = await gateway();
    await assert.rejects(agent({ port, tls: {} }).run, /is not trusted .*give its authority in HOOP_TLSCA/);
    const { cert } = testCertificate();
    await assert.rejects(agent({ port, tls: { ca: cert, serverName: 'elsewhere.example' } }).run, /is not trusted/);
    agent({ port, tls: { ca: cert } });
    await eventually('the agent is there', () => links.length === 1);
  });

  test('no agent sends its key to a gateway that it does not trust', async () => {
    let asked = 0;
    const { port } = await gateway({
      authenticateAgent: async () => {
        asked++;
        return { agentId: 'x', name: 'x' };
      },
    });
    await assert.rejects(agent({ port, tls: {} }).run);
    await assert.rejects(agent({ port, tls: { pin: publicKeyPin(Buffer.from('x')) } }).run);
    assert.equal(asked, 0);
  });

  test('nobody at the address, or somebody who says nothing, is told and tried again', async () => {
    const dial = { host: '127.0.0.1', tls: TLS, timeout_ms: 100 };
    await assert.rejects(
      TunnelClient.dial({ ...dial, port: 1 }),
      (error) => error instanceof AppError && error.code === 'gateway_unreachable',
    );
    const silent = net.createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    closing.push(() => silent.close());
    await assert.rejects(TunnelClient.dial({ ...dial, port: (silent.address() as net.AddressInfo).port }), /no answer in time/);
  });
});

describe('who is no peer of the tunnel does no harm', () => {
  /** The gateway still works. */
  async function stillServes({ port, links }: Gateway): Promise<void> {
    const before = links.length;
    agent({ port, tls: TLS });
    await eventually('a new agent is welcome', () => links.length > before);
  }

  async function say(port: number, bytes: Buffer): Promise<net.Socket> {
    const socket = net.connect({ host: '127.0.0.1', port });
    closing.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  const frame = (stream: number, kind: number, payload: Buffer, length = payload.length): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUInt32BE(length, 0);
    head.writeUInt32BE(stream, 4);
    head[8] = kind;
    return Buffer.concat([head, payload]);
  };

  const OPEN = 16;
  const control = Buffer.from(JSON.stringify({ path: TUNNEL_PATHS.control, headers: { authorization: 'Bearer bad' } }));
  const cases: readonly [string, Buffer][] = [
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['TLS that is none', Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5])],
    ['half a preface, then something else', Buffer.from('HOOP/2\r\n')],
    ['a frame without end', Buffer.concat([MUX_PREFACE, frame(1, OPEN, Buffer.alloc(0), 2 ** 32 - 1)])],
    ['a kind of frame that is none', Buffer.concat([MUX_PREFACE, frame(1, 99, Buffer.from('x'))])],
    ['an opening that is no JSON', Buffer.concat([MUX_PREFACE, frame(1, OPEN, Buffer.from('{'))])],
    ['an opening that is null', Buffer.concat([MUX_PREFACE, frame(1, OPEN, Buffer.from('null'))])],
    [
      'an opening with odd headers',
      Buffer.concat([
        MUX_PREFACE,
        frame(1, OPEN, Buffer.from(JSON.stringify({ path: TUNNEL_PATHS.client, headers: { authorization: 7 } }))),
      ]),
    ],
    ['a stream with our own numbers', Buffer.concat([MUX_PREFACE, frame(2, OPEN, control)])],
    ['a stream with the number zero', Buffer.concat([MUX_PREFACE, frame(0, OPEN, control)])],
    ['the same stream twice', Buffer.concat([MUX_PREFACE, frame(1, OPEN, control), frame(1, OPEN, control)])],
    [
      'data on a stream that was not accepted',
      Buffer.concat([MUX_PREFACE, frame(1, OPEN, control), frame(1, FRAME_KINDS.data, Buffer.alloc(100))]),
    ],
    ['credit of the wrong length', Buffer.concat([MUX_PREFACE, frame(1, OPEN, control), frame(1, 21, Buffer.alloc(3))])],
  ];
  for (const [what, bytes] of cases) {
    test(`${what}: its connection closes, and others are welcome`, async () => {
      const tunnel = await gateway();
      const socket = await say(tunnel.port, bytes);
      socket.resume();
      await once(socket, 'close');
      await stillServes(tunnel);
    });
  }

  test('frames for streams that nobody opened are passed over', async () => {
    const tunnel = await gateway();
    const nobody = [0, 1, 2, 3, 4, 5, 17, 18, 19, 20].map((kind) => frame(77, kind, Buffer.from('{"status":1,"message":"x"}')));
    const socket = await say(tunnel.port, Buffer.concat([MUX_PREFACE, ...nobody, frame(0, 22, Buffer.alloc(0))]));
    const [pong] = (await once(socket, 'data')) as [Buffer];
    assert.equal(pong[8], 23);
    await stillServes(tunnel);
  });

  test('a stream that its own peer refuses is still told of its end', async () => {
    const tunnel = await gateway();
    const [OPEN_CLIENT, REFUSE] = [Buffer.from(JSON.stringify({ path: TUNNEL_PATHS.client, headers: {} })), 18];
    const refusal = frame(1, REFUSE, Buffer.from('{"status":1,"message":"x"}'));
    const socket = await say(tunnel.port, Buffer.concat([MUX_PREFACE, frame(1, OPEN, OPEN_CLIENT), refusal]));
    await eventually('the stream is there', () => tunnel.clients.length === 1);
    const listener = new Listener();
    tunnel.clients[0]?.stream.receive(listener);
    socket.destroy();
    await eventually('its end is told', () => listener.error?.code === 'stream_lost');
  });

  test('headers of HTTP/2 that nobody escaped rightly do not end the gateway', async () => {
    const tunnel = await gateway();
    const session = http2.connect(`https://127.0.0.1:${tunnel.port}`, { rejectUnauthorized: false });
    closing.push(() => session.destroy());
    session.on('error', () => undefined);
    for (const path of [TUNNEL_PATHS.client, TUNNEL_PATHS.control, TUNNEL_PATHS.session, '/%']) {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'hoop-connection': '%',
        authorization: '%E0%A4%A',
        'hoop-stream': '%zz',
      });
      stream.on('error', () => undefined);
      await once(stream, 'response');
      stream.close();
    }
    await stillServes(tunnel);
  });

  /** A stream that is given up in the same breath; the answer to the ping says that both were read. */
  function openedAndGivenUp(path: string): Buffer {
    const fields = { ':method': 'POST', ':scheme': 'http', ':authority': 'x', ':path': path, authorization: 'Bearer bad' };
    const headers = h2Frame(FRAME.headers, FLAG.endHeaders, 1, headOf(fields));
    const reset = h2Frame(FRAME.reset, 0, 1, Buffer.from([0, 0, 0, 8]));
    return Buffer.concat([H2_START, headers, reset, h2Frame(FRAME.ping, 0, 0, Buffer.alloc(8))]);
  }

  for (const path of Object.values(TUNNEL_PATHS)) {
    test(`a stream to ${path} that is given up in the packet that opens it is passed over`, async () => {
      const tunnel = await gateway({ authenticateUser: async () => undefined });
      const socket = await say(tunnel.port, openedAndGivenUp(path));
      await once(socket, 'data');
      await stillServes(tunnel);
      assert.deepEqual(tunnel.clients, []);
    });
  }

  for (const path of [TUNNEL_PATHS.control, TUNNEL_PATHS.user]) {
    test(`who leaves ${path} over HTTP/2 while its proof is looked at takes nobody along`, async () => {
      const isLooking = Promise.withResolvers<void>();
      const hasLooked = Promise.withResolvers<void>();
      const look = async (): Promise<AgentIdentity> => {
        isLooking.resolve();
        await hasLooked.promise;
        return { agentId: 'a1', name: 'one' };
      };
      const tunnel = await gateway({ authenticateAgent: look, authenticateUser: look });
      const session = http2.connect(`https://127.0.0.1:${tunnel.port}`, { rejectUnauthorized: false });
      closing.push(() => session.destroy());
      session.on('error', () => undefined);
      const stream = session.request({ ':method': 'POST', ':path': path, authorization: 'Bearer good' });
      stream.on('error', () => undefined);
      await isLooking.promise;
      stream.close(http2.constants.NGHTTP2_CANCEL);
      // What the gateway answers to comes behind what it was told before.
      await new Promise<void>((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
      hasLooked.resolve();
      await stillServes(tunnel);
    });
  }

  test('an agent that leaves before its hello, or says another thing first, is not welcome', async () => {
    const { port, links } = await gateway();
    for (const first of [undefined, Buffer.from('no JSON'), Buffer.from('{"version":"one"}')]) {
      const client = await TunnelClient.dial({ host: '127.0.0.1', port, tls: TLS });
      const stream = await client.open(TUNNEL_PATHS.control, { authorization: 'Bearer good' });
      if (first) void stream.send(FRAME_KINDS.control, first);
      else stream.end();
      await client.closed;
    }
    assert.equal(links.length, 0);
  });
});
