import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { AppError } from './errors.ts';
import { testCertificate } from './testing/certificate.ts';
import { dial, SocketWire } from './wire.ts';

const sockets = new Set<Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
});

/** Two ends of a real TCP connection. */
async function pair(): Promise<[near: Socket, far: Socket]> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const far = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [near, far]) sockets.add(socket);
  far.on('error', () => undefined);
  return [near, far];
}

/** Turns of the event loop, as many as a local socket needs for anything it was going to do. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a wire over a socket', () => {
  test('is read piece by piece, in order, to its end', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    far.write('one');
    assert.equal(String(await wire.read()), 'one');
    far.end('two');
    assert.equal(String(await wire.read()), 'two');
    assert.equal(await wire.read(), undefined);
    assert.equal(await wire.read(), undefined);
  });

  test('gives back first what was put back', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    far.end('abc');
    const read = (await wire.read()) ?? Buffer.alloc(0);
    wire.unread(read.subarray(1));
    wire.unread(Buffer.alloc(0));
    const heard: string[] = [];
    await wire.pump((chunk) => void heard.push(String(chunk)));
    assert.equal(heard.join(''), 'bc');
  });

  test('hands on nothing while a piece is being dealt with, and keeps the order', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    const gates: (() => void)[] = [];
    let heard = '';
    let busy = 0;
    const pumped = wire.pump((chunk) => {
      assert.equal(++busy, 1, 'one piece at a time');
      heard += chunk;
      return new Promise((resolve) =>
        gates.push(() => {
          busy--;
          resolve();
        }),
      );
    });
    let sent = '';
    for (let number = 0; number < 200; number++) {
      sent += `${number},`;
      far.write(`${number},`);
      if (number % 20 === 0) await settle();
      if (number % 40 === 0) gates.shift()?.();
    }
    far.end();
    let over = false;
    void pumped.then(() => {
      over = true;
    });
    while (!over) {
      gates.shift()?.();
      await settle();
    }
    assert.equal(heard, sent);
  });

  test('reads no more than it was asked for: a writer that is not read is held back', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    const never = Promise.withResolvers<void>();
    void wire.pump(() => never.promise);
    const piece = Buffer.alloc(1024 * 1024);
    let written = 0;
    while (far.write(piece) || far.writableLength < piece.length * 4) {
      written += piece.length;
      await settle();
      assert.ok(written < 64 * piece.length, 'the socket takes it all');
    }
    assert.ok(near.readableLength < 256 * 1024, `${near.readableLength} bytes were read ahead`);
  });

  test('a write to a slow reader is told when there is room again', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    far.pause();
    let held = wire.write(Buffer.alloc(0));
    while (!held) held = wire.write(Buffer.alloc(1024 * 1024));
    let released = false;
    void held.then(() => {
      released = true;
    });
    await settle();
    assert.equal(released, false);
    far.resume();
    await held;
  });

  test('a write that waits is released when the socket is gone', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    far.pause();
    let held = wire.write(Buffer.alloc(0));
    while (!held) held = wire.write(Buffer.alloc(1024 * 1024));
    wire.destroy();
    await held;
    assert.equal(wire.write(Buffer.from('x')), undefined);
  });

  test('a peer that said its last word still listens, and one that is gone does not', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    far.end();
    assert.equal(await wire.read(), undefined);
    assert.equal(wire.open, true);
    void wire.write(Buffer.from('still there?'));
    assert.equal(String((await once(far, 'data'))[0]), 'still there?');
    far.resetAndDestroy();
    while (wire.open) {
      void wire.write(Buffer.from('x'));
      await settle();
    }
  });

  test('a reset while a piece is being dealt with ends the pump with the error', async () => {
    const [near, far] = await pair();
    const wire = new SocketWire(near);
    const gate = Promise.withResolvers<void>();
    const pumped = wire.pump(() => gate.promise);
    far.write('x');
    await settle();
    far.resetAndDestroy();
    await settle();
    gate.resolve();
    // A reset is an error, or an end where the system has told it so already.
    await pumped.catch((error: NodeJS.ErrnoException) => assert.equal(error.code, 'ECONNRESET'));
    assert.equal(wire.open, false);
  });

  test('a consumer that fails ends the pump and the socket, at once or later', async () => {
    for (const fail of [
      () => {
        throw new Error('at once');
      },
      () => Promise.reject(new Error('later')),
    ]) {
      const [near, far] = await pair();
      const pumped = new SocketWire(near).pump(fail);
      far.write('x');
      await assert.rejects(pumped, /at once|later/);
      assert.equal(near.destroyed, true);
    }
  });

  test('a read that waits hears of the end', async () => {
    const [near] = await pair();
    const wire = new SocketWire(near);
    const read = wire.read();
    wire.destroy(new Error('over'));
    await assert.rejects(read, /over/);
  });
});

describe('TLS on a wire', () => {
  const { cert, key } = testCertificate();
  const context = tls.createSecureContext({ cert, key });

  test('starts on bytes that were read already, and carries both directions', async () => {
    const [near, far] = await pair();
    const client = tls.connect({ socket: far, rejectUnauthorized: false, ALPNProtocols: ['one', 'two'] });
    const secured = once(client, 'secureConnect');
    const plain = new SocketWire(near);
    plain.unread((await plain.read()) ?? Buffer.alloc(0));
    const wire = await plain.startTls({ side: 'server', context, alpn: ['two'] });
    await secured;
    assert.equal(client.alpnProtocol, 'two');
    client.write('hello');
    assert.equal(String(await wire.read()), 'hello');
    void wire.write(Buffer.from('hello yourself'));
    assert.equal(String((await once(client, 'data'))[0]), 'hello yourself');
    client.end();
    assert.equal(await wire.read(), undefined);
    client.destroy();
  });

  test('is the client’s side too, and says whom it does not trust', async () => {
    const server = tls.createServer({ cert, key }, (socket) => socket.end('bye'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const trusted = await (await dial('127.0.0.1', port)).startTls({ side: 'client', options: { rejectUnauthorized: false } });
    assert.equal(String(await trusted.read()), 'bye');
    const untrusted = await dial('127.0.0.1', port);
    await assert.rejects(untrusted.startTls({ side: 'client', options: { rejectUnauthorized: true } }), /self[- ]signed/);
    server.close();
  });

  test('a client that resets or talks nonsense in the handshake is at fault, and nothing worse', async () => {
    for (const spoil of [(far: Socket) => far.resetAndDestroy(), (far: Socket) => far.end('no TLS at all, but rather long\n')]) {
      const [near, far] = await pair();
      const starting = new SocketWire(near).startTls({ side: 'server', context });
      spoil(far);
      await assert.rejects(starting, (error) => error instanceof AppError && error.kind === 'peer');
      near.destroy();
    }
  });

  test('a handshake that does not go on ends with the socket', async () => {
    const [near] = await pair();
    const starting = new SocketWire(near).startTls({ side: 'server', context });
    near.destroy();
    await assert.rejects(starting, /closed during the TLS handshake/);
  });
});

describe('dialling', () => {
  test('a refused connection is told in words, with the address', async () => {
    await assert.rejects(
      dial('127.0.0.1', 1),
      (error) =>
        error instanceof AppError &&
        error.code === 'target_unreachable' &&
        error.message === 'The target 127.0.0.1:1 cannot be reached: connection refused',
    );
  });

  test('a name that nobody knows is told in words', async () => {
    await assert.rejects(dial('no-such-host.invalid', 1), /the host name (is unknown|cannot be resolved now)/);
  });

  test('an address that does not answer is given up in time', async () => {
    // A listener with a full queue answers nothing.
    const server = net.createServer();
    await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const started = performance.now();
    await assert.rejects(dial('192.0.2.1', port, { timeout_ms: 150 }), /no answer|no route|refused/);
    assert.ok(performance.now() - started < 5_000);
    server.close();
  });
});
