import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import type { Door, Protocol } from '@hoop/core/protocol';
import { Secret } from '@hoop/core/secret';
import type { Wire } from '@hoop/core/wire';
import type { StrangerLimits } from '@hoop/tunnel/strangers';
import type { Engine, Grant } from '../engine.ts';
import { NATIVE_FAILURES_MAX } from '../limits.ts';
import { NativeListener } from './native.ts';

/** A protocol in which a client is told how its login went; its first bytes are its secret. */
const protocol = {
  name: 'plain',
  accept: async (wire: Wire, door: Door<Grant>): Promise<undefined> => {
    const secret = (await wire.read())?.toString() ?? '';
    const said = await door.login({ secret, user: '' }).then(
      () => 'in',
      (error: Refusal) => error.code,
    );
    await wire.write(Buffer.from(said));
    wire.end();
    return undefined;
  },
} as unknown as Protocol;

function listenerWith(
  login: (secret: string) => Promise<Grant>,
  strangers?: StrangerLimits,
  onFault?: (protocol: string, code: string) => void,
): NativeListener {
  return new NativeListener({
    protocol,
    engine: {} as Engine,
    tls: undefined,
    log: silentLog(),
    hostKey: new Secret(''),
    userAuthorities: [],
    certified: () => Promise.reject(new Refusal('unauthenticated', 'No')),
    login: ({ secret }) => login(secret),
    ...(strangers ? { strangers } : {}),
    ...(onFault ? { onFault } : {}),
  });
}

async function answerTo(port: number, secret: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(secret));
  let heard = '';
  socket.on('data', (bytes) => {
    heard += bytes;
  });
  await once(socket, 'end');
  socket.destroy();
  return heard;
}

test('A07: who fails again and again waits, before anybody is asked; who succeeds is not counted', async () => {
  let asked = 0;
  const listener = listenerWith((secret) => {
    asked++;
    return secret === 'right' ? Promise.resolve({} as Grant) : Promise.reject(new Refusal('credential_invalid', 'No'));
  });
  const port = await listener.listen('127.0.0.1', 0);
  const told = (secret: string): Promise<string> => answerTo(port, secret);
  try {
    for (let count = 0; count < 2 * NATIVE_FAILURES_MAX; count += 50) {
      assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => told('right')))), new Set(['in']));
    }
    for (let count = 0; count < NATIVE_FAILURES_MAX; count += 20) {
      assert.deepEqual(new Set(await Promise.all(Array.from({ length: 20 }, () => told('wrong')))), new Set(['credential_invalid']));
    }
    const before = asked;
    assert.equal(await told('wrong'), 'too_many_attempts');
    assert.equal(await told('right'), 'too_many_attempts');
    assert.equal(asked, before);
  } finally {
    listener.stopAccepting();
  }
});

test('A19: who only holds connections open keeps nobody out for long, and is not let go early without need', async () => {
  const COUNT = 3;
  const listener = listenerWith(() => Promise.resolve({} as Grant), { count_max: COUNT, duration_ms_max: 60_000, duration_ms_min: 0 });
  const port = await listener.listen('127.0.0.1', 0);
  const silent: net.Socket[] = [];
  try {
    for (let count = 0; count < COUNT; count++) {
      const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
      silent.push(socket);
      await once(socket, 'connect');
    }
    const [oldest, ...others] = silent;
    const left = once(oldest ?? assert.fail('nobody came'), 'close');
    assert.equal(await answerTo(port, 'right'), 'in');
    await left;
    assert.ok(others.every((socket) => !socket.closed));
  } finally {
    for (const socket of silent) socket.destroy();
    listener.stopAccepting();
  }
});

test('who cuts the connection while it logs in is counted as gone, and not as a bug', async () => {
  const fault = Promise.withResolvers<string>();
  const listener = listenerWith(
    () => Promise.resolve({} as Grant),
    undefined,
    (_, code) => fault.resolve(code),
  );
  const port = await listener.listen('127.0.0.1', 0);
  try {
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.resetAndDestroy();
    assert.equal(await fault.promise, 'client_lost');
  } finally {
    listener.stopAccepting();
  }
});
