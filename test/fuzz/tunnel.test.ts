import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { FRAME_KINDS, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { PeerFault, Refusal } from '@hoop/core/errors';
import { H2_START } from '@hoop/core/testing/h2-bytes';
import { encodeFrame } from '@hoop/tunnel/frame';
import { MUX_PREFACE } from '@hoop/tunnel/mux';
import { TunnelServer } from '@hoop/tunnel/server';
import type { FrameStream } from '@hoop/tunnel/stream';
import { listenWebSocket, serverOptions } from '@hoop/tunnel/testing/links';
import { until, within } from '../support/until.ts';
import { type Dice, fuzz } from './fuzzer.ts';
import { anyH2Frame } from './h2-frames.ts';

/*
 * Anybody may dial the tunnel's port, and say anything by any of its carriers: the connection ends or goes on, and the gateway lives.
 * An error that nobody catches would end this process, and the test with it.
 */

const HELLO = { version: 1, product: 'x', hostname: 'h', platform: 'p', kernel: '', machine: '', protocols: [], features: [] };

function request(dice: Dice): { path: string; headers: Record<string, unknown> } {
  const odd = dice.pick<unknown>([undefined, 7, null, {}, [], 'Bearer good']);
  return {
    path: dice.pick([...Object.values(TUNNEL_PATHS), '/x', '']),
    headers: dice.pick<Record<string, unknown>>([
      { authorization: 'Bearer good' },
      { authorization: 'Bearer good', 'hoop-connection': 'x', 'hoop-verb': 'exec' },
      { authorization: 'Bearer bad', 'hoop-stream': 'x' },
      { authorization: odd, 'hoop-connection': odd, 'hoop-verb': odd, 'hoop-stream': odd },
    ]),
  };
}

/** The payload of a frame of some stream. */
function payload(dice: Dice): Buffer {
  const hello = Buffer.from(JSON.stringify(HELLO));
  return dice.pick([() => hello, () => dice.mutate(hello), () => Buffer.from(dice.pick(['{', 'null', '[]', ''])), () => dice.bytes(4)])();
}

/** Frames of our own carrier: an opened stream and what follows on it, and anything else. */
function ownFrame(dice: Dice): Buffer {
  const kind = dice.pick([16, 16, 16, ...Object.values(FRAME_KINDS), 17, 18, 19, 20, 21, 22, 23, 99]);
  const bytes = kind === 16 && dice.number(4) ? Buffer.from(JSON.stringify(request(dice))) : payload(dice);
  const head = Buffer.alloc(9);
  head.writeUInt32BE(bytes.length, 0);
  head.writeUInt32BE(dice.pick([1, 3, 5, 7, 0, 2]), 4);
  head[8] = kind;
  return Buffer.concat([head, bytes]);
}

function h2Frame(dice: Dice): Buffer {
  const fields = (): Record<string, string> => {
    const { path, headers } = request(dice);
    const more = Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]);
    return { ':method': 'POST', ':scheme': 'http', ':authority': 'x', ':path': path || '/', ...Object.fromEntries(more) };
  };
  const frame = encodeFrame(dice.pick(Object.values(FRAME_KINDS)), payload(dice));
  return anyH2Frame(dice, fields, () => (dice.number(3) ? frame : dice.mutate(frame)));
}

const UPGRADE = Buffer.from(
  'GET /api/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: hoop-tunnel-1\r\n\r\n',
);

/** Frames of a WebSocket, masked with zeros as they stand there. (RFC 6455, section 5.2) */
function webFrame(dice: Dice, bytes: Buffer): Buffer {
  const opcode = dice.pick([0x82, 0x82, 0x82, 0x82, 0x02, 0x80, 0x81, 0x88, 0x89, 0x8a, 0xf2]);
  const length = bytes.length < 126 ? Buffer.from([0x80 | bytes.length]) : Buffer.from([0xfe, bytes.length >>> 8, bytes.length & 0xff]);
  return Buffer.concat([Buffer.from([opcode]), length, Buffer.alloc(4), bytes]);
}

const several = (dice: Dice, make: (dice: Dice) => Buffer): Buffer[] => Array.from({ length: 1 + dice.number(12) }, () => make(dice));

const CARRIERS: Readonly<Record<string, (dice: Dice) => Buffer>> = {
  'own frames': (dice) => Buffer.concat([MUX_PREFACE, ...several(dice, ownFrame)]),
  'HTTP/2': (dice) => Buffer.concat([H2_START, ...several(dice, h2Frame)]),
  'a WebSocket': (dice) => Buffer.concat([UPGRADE, ...[MUX_PREFACE, ...several(dice, ownFrame)].map((bytes) => webFrame(dice, bytes))]),
};

describe('anybody at the tunnel’s port', () => {
  let dice: Dice | undefined;
  let open = 0;
  const known = new Set(['good']);
  /** At once, or when the peer has said more already, or has left. */
  const prove = async (secret: string): Promise<{ agentId: string; name: string }> => {
    for (let turns = dice?.number(4) ?? 0; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    if (!known.has(secret)) throw new Refusal('agent_key_invalid', 'The agent’s key is unknown');
    return { agentId: 'a', name: 'a' };
  };
  const serve = (stream: FrameStream): void => {
    open++;
    let isOver = false;
    const over = (): void => {
      if (!isOver) open--;
      isOver = true;
      stream.destroy();
    };
    const take = (): undefined => {
      if (dice?.number(6) === 0) throw new PeerFault('bad_message', 'This is no message');
    };
    stream.receive({ data: take, message: take, ended: over, broken: over });
  };
  const server = new TunnelServer({
    ...serverOptions(),
    // Whoever says nothing more is hung up on, with and without a proof, and here nobody waits long for it.
    strangers: { count_max: 100, duration_ms_max: 500, duration_ms_min: 0 },
    pulse: { tick_ms: 50, ping_every_ms: 100, silence_ms_max: 500, probe_ms: 100 },
    authenticateAgent: prove,
    authenticateUser: prove,
    onAgent: (link) => {
      open++;
      void link.closed.then(() => open--);
      void link.openStream().then(serve, () => undefined);
    },
    onMessage: () => undefined,
    onClient: (stream, { token, proven }) => {
      if (known.has(token)) proven();
      serve(stream);
    },
    onReplay: (_agentId, stream) => serve(stream),
  });
  let [port, webPort] = [0, 0];
  before(async () => {
    port = await server.listen('127.0.0.1', 0);
    webPort = await listenWebSocket(server, false);
  });
  after(() => server.close());

  for (const [carrier, say] of Object.entries(CARRIERS)) {
    test(`who says anything by ${carrier} ends the connection at most`, async () => {
      const rounds = await fuzz(`tunnel, ${carrier}`, async (given) => {
        dice = given;
        const socket = net.connect(carrier === 'a WebSocket' ? webPort : port, '127.0.0.1');
        socket.on('error', () => undefined).resume();
        const gone = once(socket, 'close');
        await once(socket, 'connect');
        const said = say(given);
        for (const chunk of given.chunks(given.number(3) ? said : given.mutate(said))) socket.write(chunk);
        if (given.number(2)) await new Promise((resolve) => setImmediate(resolve));
        if (given.number(3)) socket.end();
        else socket.destroy();
        await within('the connection ends', gone);
        await until('nothing is left open', () => open === 0);
      });
      assert.ok(rounds > 10);
    });
  }
});
