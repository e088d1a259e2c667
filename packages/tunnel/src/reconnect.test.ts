import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { type AgentHello, TUNNEL_VERSION } from '@hoop/contract/tunnel';
import { silentLog } from '@hoop/core/log';
import { AgentClient } from './agent-client.ts';
import type { AgentLink, SessionHost } from './link.ts';
import { Pulse, type PulseHooks } from './pulse.ts';
import { TunnelServer } from './server.ts';
import { DIAL_AGAIN_ANSWERED_MS, PULSE, type PulseLimits } from './settings.ts';
import { CuttableRelay, DIALS, type Direction, eventually, Listener, listenWebSocket, serverOptions } from './testing/links.ts';

const HELLO: AgentHello = {
  ...{ version: TUNNEL_VERSION, product: 'test', hostname: 'here', platform: 'test', kernel: '', machine: '', protocols: [], features: [] },
  mode: 'standard',
};

/** As in real life, ten times as fast. */
const FAST: PulseLimits = { tick_ms: 50, ping_every_ms: 150, silence_ms_max: 450, probe_ms: 150 };

/** What the network's users were promised. */
const BACK_MS_MAX = 3_000;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

type Name = keyof typeof DIALS;

interface Party {
  readonly port: number;
  readonly server: TunnelServer;
  readonly links: AgentLink[];
}

async function gateway(name: Name, port = 0): Promise<Party> {
  const links: AgentLink[] = [];
  const server = new TunnelServer({
    ...serverOptions(),
    pulse: FAST,
    onAgent: (link) => {
      links.push(link);
      void link.closed.then(() => links.splice(links.indexOf(link), 1));
    },
  });
  closing.push(() => server.close());
  const dial = DIALS[name];
  const listen = dial.websocket ? listenWebSocket(server, dial.tls !== undefined, port) : server.listen('127.0.0.1', port);
  return { port: await listen, server, links };
}

/** An agent that talks to its gateway through a network that can fail, with a session that is open. */
async function linked(name: Name) {
  const there = await gateway(name);
  const network = await CuttableRelay.start(there.port);
  closing.push(() => network.close());
  let losses = 0;
  const host: SessionHost = {
    serve: () => undefined,
    cancel: () => undefined,
    changePolicy: () => undefined,
    linkLost: () => void losses++,
    takeUnconfirmed: () => [],
  };
  const dial = { host: '127.0.0.1', port: network.port, ...DIALS[name], pulse: FAST };
  const client = new AgentClient({ dial, key: 'good', hello: HELLO, host, log: silentLog() });
  closing.push(() => client.stop());
  void client.run();
  await eventually('the agent is there', () => there.links.length === 1);
  const session = new Listener();
  const stream = await there.links[0]?.openStream();
  stream?.receive(session);
  return { there, network, session, losses: () => losses };
}

for (const name of ['own, over TLS', 'HTTP/2, over TLS', 'WebSocket, over TLS'] as const) {
  describe(`an agent whose network fails (${name})`, () => {
    const swallowed: readonly [string, readonly Direction[]][] = [
      ['both ways', ['to the gateway', 'to the agent']],
      ['only to the gateway', ['to the gateway']],
      ['only to the agent', ['to the agent']],
    ];
    for (const [what, directions] of swallowed) {
      test(`is back when packets vanish ${what} and then do not; its sessions end with a word`, async () => {
        const { there, network, session, losses } = await linked(name);
        const [first] = there.links;
        network.swallow(...directions);
        await eventually('the gateway has noticed', () => session.error !== undefined && !there.links.includes(first as AgentLink));
        await eventually('the agent has noticed', () => losses() === 1);
        assert.match(session.error?.message ?? '', /ended before the session did|broke before the session ended/);
        network.restore();
        await eventually('the agent is back', () => there.links.length === 1, BACK_MS_MAX);
      });
    }

    test('finds a gateway that has moved', async () => {
      const { there, network } = await linked(name);
      const elsewhere = await gateway(name);
      network.target_port = elsewhere.port;
      there.server.close();
      await eventually('the agent is there', () => elsewhere.links.length === 1, BACK_MS_MAX);
    });

    test('finds a gateway that was away for longer', async () => {
      const { there, network, losses } = await linked(name);
      there.server.close();
      await eventually('the agent has noticed, and dials in vain', () => losses() === 1 && network.dials >= 3);
      const again = await gateway(name, there.port);
      await eventually('the agent is back', () => again.links.length === 1, BACK_MS_MAX);
    });
  });
}

test('a dial into a network that answers nothing is soon followed by another one', async () => {
  const there = await gateway('own, over TLS');
  const network = await CuttableRelay.start(there.port);
  closing.push(() => network.close());
  network.swallow();
  const host = { linkLost: () => undefined, takeUnconfirmed: () => [] } as unknown as SessionHost;
  const dial = { host: '127.0.0.1', port: network.port, ...DIALS['own, over TLS'], pulse: FAST };
  const client = new AgentClient({ dial, key: 'good', hello: HELLO, host, log: silentLog() });
  closing.push(() => client.stop());
  void client.run();
  await eventually('its first words are lost', () => network.hasLost);
  // The first attempt waits for an answer that was lost; nothing resets it, as no network would.
  network.forget();
  await eventually('the agent is there', () => there.links.length === 1, DIAL_AGAIN_ANSWERED_MS + 1_000);
});

describe('a pulse', () => {
  class Peer implements PulseHooks {
    pings = 0;
    isDead = false;
    bytes = 0;

    received(): number {
      return this.bytes;
    }

    ping(): void {
      this.pings++;
    }

    dead(): void {
      this.isDead = true;
    }
  }

  test('pings who hears nothing from us, and forgives a peer that is slow', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const peer = new Peer();
    const pulse = new Pulse(peer);
    for (let ms = 0; ms < 60_000; ms += PULSE.tick_ms) {
      // A byte in four seconds.
      if (ms % 4_000 === 0) peer.bytes++;
      context.mock.timers.tick(PULSE.tick_ms);
    }
    assert.equal(peer.isDead, false);
    assert.equal(peer.pings, 60_000 / PULSE.ping_every_ms);
    pulse.stop();
  });

  test('says nothing where there is talk anyway', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const peer = new Peer();
    const pulse = new Pulse(peer);
    for (let tick = 0; tick < 100; tick++) {
      peer.bytes++;
      pulse.sent();
      context.mock.timers.tick(PULSE.tick_ms);
    }
    assert.equal(peer.pings, 0);
    pulse.stop();
  });

  test('gives a silent peer up in less than five seconds', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const peer = new Peer();
    new Pulse(peer);
    context.mock.timers.tick(4_000);
    assert.equal(peer.isDead, false);
    context.mock.timers.tick(1_000);
    assert.equal(peer.isDead, true);
  });

  test('does not blame the peer for the time in which this process stood still', async () => {
    const peer = new Peer();
    const pulse = new Pulse(peer, FAST);
    const until_ms = performance.now() + 3 * FAST.silence_ms_max;
    while (performance.now() < until_ms);
    await eventually('its timer has turned', () => peer.pings > 0 || peer.isDead);
    assert.equal(peer.isDead, false);
    pulse.stop();
  });

  test('asks at once when the machine has slept, and waits less', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    const peer = new Peer();
    new Pulse(peer);
    context.mock.timers.setTime(Date.now() + 3_600_000);
    peer.pings = 0;
    context.mock.timers.tick(PULSE.tick_ms);
    context.mock.timers.tick(PULSE.probe_ms);
    assert.ok(peer.isDead);
  });
});
