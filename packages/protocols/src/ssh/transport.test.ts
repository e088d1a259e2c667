import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import type { Accepted, Door, Target } from '@hoop/core/protocol';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { SocketWire, type Wire } from '@hoop/core/wire';
import { encodeFrames, FrameReader } from '../shared/frames.ts';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { ALGORITHMS, KexInit, type LibraryProtocol, sendMessage, ssh2 } from './library.ts';
import { FRAME_BYTES_MAX, REKEY_BYTES_MIN, REKEYS_MAX, RENEWAL_BYTES_MAX } from './limits.ts';
import { encodeMessage, KEXINIT, MESSAGE, NOTHINGS } from './messages.ts';
import { SshSettings } from './settings.ts';

const SLOW_MS = 50;

const HOSTILE = { ident: 'Hostile', algorithms: ALGORITHMS };

const door: Door<string> = {
  tls: undefined,
  tlsRequired: false,
  proven: undefined,
  login: ({ secret }) =>
    secret === 'right' ? Promise.resolve('grant') : Promise.reject(new Refusal('credential_invalid', 'This secret is unknown')),
  cancel: () => undefined,
  mintCancelKey: () => '',
};

/** What is used of the library as a client whose connection layer is not wanted. */
interface RawClient extends NodeJS.EventEmitter {
  connect(options: object): void;
  end(): void;
  destroy(): void;
  readonly _protocol: LibraryProtocol & { rekey(): void; channelData(id: number, data: Buffer): void };
}

describe('the transport', () => {
  const server = net.createServer({ pauseOnConnect: true });
  const sockets: Socket[] = [];
  const raw: RawClient[] = [];
  let place: { host: string; port: number };

  before(async () => {
    server.on('connection', (socket) => void sockets.push(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    place = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  });
  after(() => {
    for (const client of raw) client.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  /** The server's side of the next connection. */
  async function next(ident_ms_max?: number): Promise<Accepted<string>> {
    const [socket] = (await once(server, 'connection')) as [Socket];
    return accept(new SocketWire(socket), door, ident_ms_max);
  }

  function dial(PASS: string): Promise<Target> {
    const settings = SshSettings.parse({ HOST: place.host, PORT: String(place.port), USER: 'somebody', PASS });
    return connect({ settings, hello: { user: '' }, log: silentLog(), session: sessionFacts() });
  }

  function open(options: object = {}): { client: RawClient; ready: Promise<unknown> } {
    const client = new ssh2.Client() as unknown as RawClient;
    raw.push(client);
    const ready = once(client, 'ready');
    client.on('error', () => undefined);
    client.connect({ ...place, username: 'somebody', password: 'right', ...options });
    return { client, ready };
  }

  /** Reads messages until there are so many. */
  async function messages(wire: Wire, count: number): Promise<Buffer[]> {
    const read: Buffer[] = [];
    const reader = new FrameReader(FRAME_BYTES_MAX, (message) => void read.push(Buffer.from(message)));
    while (read.length < count) reader.push((await wire.read()) ?? assert.fail('it ended early'));
    return read;
  }

  it('uses inner parts of the library that are those of one version', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.match(dependencies.ssh2, /^\d+\.\d+\.\d+$/);
  });

  it('gives both sides one clear stream, whose messages are whole, and in order', async () => {
    const [accepted, target] = await Promise.all([next(), dial('right')]);
    assert.deepEqual([accepted.grant, accepted.hello.user], ['grant', 'somebody']);
    const sent = [1, 100, 32_000].map((size) => encodeMessage(MESSAGE.data, size, Buffer.alloc(size, size)));
    await target.wire.write(encodeFrames(sent));
    assert.deepEqual(await messages(accepted.wire, sent.length), sent);
    await accepted.wire.write(encodeFrames(sent));
    assert.deepEqual(await messages(target.wire, sent.length), sent);
    accepted.wire.end();
    assert.equal(await target.wire.read(), undefined);
  });

  it('lets nobody in without a proof, and says so to the one who dials', async () => {
    const refused = next().catch((error) => error.code);
    await assert.rejects(dial('wrong'), { code: 'target_login' });
    assert.match(await refused, /credential_invalid|closed_early/);
  });

  it('loses, doubles and moves nothing while keys are renewed', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    const reading = messages(wire, 400);
    for (let id = 0; id < 400; id++) {
      client._protocol.channelData(id, Buffer.alloc(500, id));
      if (id % 100 === 50) client._protocol.rekey();
    }
    const read = await reading;
    assert.deepEqual(
      read.map((message) => [message[0], message.readUInt32BE(1)]),
      read.map((_, id) => [MESSAGE.data, id]),
    );
    client.destroy();
  });

  it('takes what says nothing for nothing, while keys are renewed too', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    const renewed = once(client, 'handshake');
    client._protocol.rekey();
    for (const nothing of NOTHINGS) sendMessage(client._protocol, Buffer.concat([Buffer.from([nothing]), Buffer.alloc(9)]), true);
    await renewed;
    client._protocol.channelData(7, Buffer.alloc(500));
    assert.equal((await messages(wire, 1))[0]?.readUInt32BE(1), 7);
    client.destroy();
  });

  it('renews keys as often as so much data wants it', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    let got = 0;
    const reading = wire.pump((chunk) => {
      got += chunk.length;
    });
    for (let time = 0; time < REKEYS_MAX + 2; time++) {
      const renewed = once(client, 'handshake');
      for (let sent = 0; sent < REKEY_BYTES_MIN; sent += 32_768) client._protocol.channelData(7, Buffer.alloc(32_768));
      client._protocol.rekey();
      await renewed;
    }
    client.end();
    await reading;
    assert.ok(got >= (REKEYS_MAX + 2) * REKEY_BYTES_MIN);
  });

  it('A19: keeps no more than a limit for who begins to renew keys and does not go on, and loses nothing of it', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    const reading = wire.pump(() => undefined);
    const { _decipher: decipher } = client._protocol;
    const take = decipher._onPayload;
    const kept = Promise.withResolvers<Buffer>();
    decipher._onPayload = (message) => kept.resolve(Buffer.from(message));
    client._protocol.rekey();
    const theirs = await kept.promise;
    assert.equal(theirs[0], KEXINIT);
    const piece = encodeFrames([encodeMessage(MESSAGE.data, 7, Buffer.alloc(32_768))]);
    let written = piece.length;
    let held = wire.write(piece);
    for (; !held && written < 4 * RENEWAL_BYTES_MAX; written += piece.length) held = wire.write(piece);
    assert.ok(written <= RENEWAL_BYTES_MAX + piece.length, `${written}`);
    let got = 0;
    const all = new Promise<void>((resolve) => {
      client._protocol._onPayload = (message) => {
        if (message[0] === MESSAGE.data) got++;
        if (got * piece.length >= written) resolve();
      };
    });
    take(theirs);
    await Promise.all([held, all]);
    client.destroy();
    await reading.catch(() => undefined);
  });

  it('answers a client that guesses how keys are exchanged, whether it guesses right or wrong', async () => {
    const guesses = {
      right: { kex: ['curve25519-sha256'], isAnswered: true },
      wrong: { kex: ['ecdh-sha2-nistp256', 'curve25519-sha256'], isAnswered: false },
    };
    for (const { kex, isAnswered } of Object.values(guesses)) {
      void next().catch(() => undefined);
      const socket = net.connect(place.port, place.host);
      const heard = numbersOf(socket);
      const offered = once(heard, `${KEXINIT}`);
      const answered = once(heard, `${KEX_REPLY}`);
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-Guessing\r\n'), plainPacket(offerOf(kex)), plainPacket(GUESS)]));
      await offered;
      // Who has guessed wrong says it again, as it was agreed upon.
      if (!isAnswered) {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
        socket.write(plainPacket(encodeMessage(KEX_INIT, point)));
      }
      await answered;
      socket.destroy();
    }
  });

  it('A17: ends who slips a message in before the first keys, where the client knows the strict exchange', async () => {
    const ignore = encodeMessage(2, 'nothing');
    const said = async (kex: readonly string[]): Promise<string> => {
      const accepted = next().then(
        () => 'it was let in',
        (error) => error.code,
      );
      const socket = net.connect(place.port, place.host);
      const heard = numbersOf(socket);
      const goesOn = once(heard, `${KEX_REPLY}`).then(() => 'it went on');
      const guess = [plainPacket(offerOf(kex)), plainPacket(ignore), plainPacket(GUESS)];
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-Slips\r\n'), ...guess]));
      const outcome = await Promise.race([goesOn, accepted]);
      socket.destroy();
      await accepted;
      return outcome;
    };
    assert.equal(await said(['curve25519-sha256']), 'it went on');
    assert.equal(await said(['curve25519-sha256', 'kex-strict-c-v00@openssh.com']), 'bad_message');
  });

  it('takes a goodbye for the end, whatever becomes of the connection after it', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    const closed = once(sockets.at(-1) ?? assert.fail('nobody came'), 'close');
    client.end();
    assert.equal(await wire.read(), undefined);
    await closed;
    assert.equal(wire.open, true, 'it did not break');
    assert.equal(await wire.read(), undefined);
  });

  it('agrees on AES-GCM with whoever has it, whatever they would rather have', async () => {
    const has = ['aes128-ctr', 'aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'];
    for (const [cipher, agreed] of [
      [has, 'aes256-gcm@openssh.com'],
      [['aes256-ctr', 'aes128-ctr'], 'aes256-ctr'],
    ] as const) {
      const accepting = next();
      const { client, ready } = open({ algorithms: { cipher } });
      const [{ cs, sc }] = (await once(client, 'handshake')) as [Record<'cs' | 'sc', { cipher: string }>];
      assert.deepEqual([cs.cipher, sc.cipher], [agreed, agreed]);
      await Promise.all([accepting, ready]);
      client.destroy();
    }
  });

  it('makes its offer to a client that waits for it', async () => {
    const refused = next().catch((error) => error.code);
    const socket = net.connect(place.port, place.host, () => socket.write('SSH-2.0-Waits\r\n'));
    socket.on('error', () => undefined);
    let said = '';
    for await (const chunk of socket) {
      said += chunk.toString('latin1');
      if (said.includes('aes256-ctr') && said.includes('aes128-gcm@openssh.com')) break;
    }
    socket.destroy();
    assert.equal(await refused, 'closed_early');
  });

  it('A09: says what it always says of an offer that is cut off', async () => {
    const refused = next().then(
      () => 'it was let in',
      (error) => error.code,
    );
    // A packet of 16 bytes: 4 of padding, the number of the message, and no lists.
    const packet = Buffer.concat([Buffer.from([0, 0, 0, 12, 4, 20]), Buffer.alloc(10)]);
    const socket = net.connect(place.port, place.host, () => socket.write(Buffer.concat([Buffer.from('SSH-2.0-Cut\r\n'), packet])));
    socket.on('error', () => undefined).resume();
    assert.equal(await refused, 'bad_message');
    socket.destroy();
  });

  it('A19: ends who asks for new keys again and again', async () => {
    const accepting = next();
    const { client, ready } = open();
    const [{ wire }] = await Promise.all([accepting, ready]);
    const ended = messages(wire, 1).then(
      () => 'it went on',
      (error) => error.code,
    );
    const renew = (): void => client._protocol.rekey();
    client.on('handshake', renew);
    renew();
    assert.equal(await ended, 'too_many_rekeys', `after ${REKEYS_MAX}`);
    client.destroy();
  });

  it('A19: ends a host that asks for new keys again and again', async () => {
    const hostile = new ssh2.Server({ ...HOSTILE, hostKeys: [ssh2.utils.generateKeyPairSync('ed25519').private] });
    hostile.on('connection', (peer: RawClient) => {
      peer.on('authentication', (context: { accept(): void }) => context.accept()).on('error', () => undefined);
      peer.on('ready', () => {
        peer.on('handshake', () => peer._protocol.rekey());
        peer._protocol.rekey();
      });
    });
    server.once('connection', (socket: Socket) => hostile.injectSocket(socket.resume()));
    const { wire } = await dial('right');
    await assert.rejects(messages(wire, 1), { code: 'too_many_rekeys' });
    wire.destroy();
  });

  it('A19: cuts off who says byte by byte what it speaks', async () => {
    const refused = next(SLOW_MS).then(
      () => 'it was let in',
      (error) => error.code,
    );
    const socket = net.connect(place.port, place.host);
    socket.on('error', () => undefined);
    const letters = [...'SSH-2.0-Slow'];
    const timer = setInterval(() => socket.write(letters.shift() ?? 'w'), SLOW_MS / 10);
    assert.equal(await refused, 'too_slow');
    clearInterval(timer);
    await once(socket.resume(), 'close');
  });

  it('A09: ends who claims a packet that cannot be, and who does not speak SSH', async () => {
    for (const [said, code] of [
      [Buffer.concat([Buffer.from('SSH-2.0-Big\r\n'), Buffer.alloc(64, 0xff)]), 'bad_length'],
      [Buffer.concat([Buffer.from('SSH-2.0-None\r\n'), Buffer.alloc(64)]), 'bad_length'],
      [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not_ssh'],
      [Buffer.concat([Buffer.alloc(100_000, 'x')]), 'not_ssh'],
    ] as const) {
      const refused = next().then(
        () => 'it was let in',
        (error) => error.code,
      );
      const socket = net.connect(place.port, place.host, () => socket.write(said));
      socket.on('error', () => undefined).resume();
      assert.equal(await refused, code, said.toString('latin1', 0, 20));
      socket.destroy();
    }
  });

  it('A06: takes nothing that comes in clear behind the first line', async () => {
    for (const type of [50, 52, 80, 90, 94]) {
      const refused = next().then(
        () => 'it was let in',
        (error) => error.code,
      );
      // A packet of 16 bytes: 4 of padding, and a message that belongs behind the keys.
      const packet = Buffer.concat([Buffer.from([0, 0, 0, 12, 4, type]), Buffer.alloc(10)]);
      const socket = net.connect(place.port, place.host, () => socket.write(Buffer.concat([Buffer.from('SSH-2.0-Early\r\n'), packet])));
      socket.on('error', () => undefined).resume();
      assert.equal(await refused, 'bad_message', `message ${type}`);
      socket.destroy();
    }
  });

  it('A10: compresses nothing, so that nothing can be a bomb', async () => {
    const refused = next().catch((error) => error.code);
    const { ready } = open({ algorithms: { compress: ['zlib@openssh.com', 'zlib'] } });
    await assert.rejects(ready, /compression/);
    assert.notEqual(typeof (await refused), 'object');
  });
});

const KEX_INIT = 30;
const KEX_REPLY = 31;

/** What begins an exchange on curve 25519, for any client. */
const GUESS = encodeMessage(KEX_INIT, randomBytes(32));

/** A KEXINIT behind which a guess follows. */
function offerOf(kex: readonly string[]): Buffer {
  const way = { cipher: ['aes128-ctr'], mac: ['hmac-sha2-256'], compress: ['none'], lang: [] };
  const { lists } = new KexInit({ kex, serverHostKey: ['ssh-ed25519'], cs: way, sc: way });
  const all = [lists.kex, lists.serverHostKey, ...WAYS.flatMap((name) => [lists.cs[name], lists.sc[name]])];
  const names = all.map(({ array }) => array.join(','));
  return Buffer.concat([Buffer.from([KEXINIT]), randomBytes(16), encodeMessage(0, ...names, true, 0).subarray(1)]);
}

const WAYS = ['cipher', 'mac', 'compress', 'lang'] as const;

/** A packet in front of any keys. (RFC 4253, section 6) */
function plainPacket(message: Buffer): Buffer {
  const padding = 12 - ((message.length + 1) % 8);
  const head = Buffer.from([0, 0, 0, 0, padding]);
  head.writeUInt32BE(1 + message.length + padding);
  return Buffer.concat([head, message, Buffer.alloc(padding)]);
}

/** The numbers of the messages that a server says in clear, as they come. */
function numbersOf(socket: Socket): EventEmitter {
  const numbers = new EventEmitter();
  let bytes = Buffer.alloc(0);
  socket
    .on('error', () => undefined)
    .on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.subarray(0, 4).toString() === 'SSH-') bytes = bytes.includes(10) ? bytes.subarray(bytes.indexOf(10) + 1) : bytes;
      while (bytes.length > 5 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
        numbers.emit(`${bytes[5]}`);
        bytes = bytes.subarray(4 + bytes.readUInt32BE(0));
      }
    });
  return numbers;
}
