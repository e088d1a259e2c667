import assert from 'node:assert/strict';
import { constants, publicEncrypt } from 'node:crypto';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { AppError, Refusal } from '@hoop/core/errors';
import type { Accepted, Door, LoginAttempt } from '@hoop/core/protocol';
import { testCertificate } from '@hoop/core/testing/certificate';
import type { Wire } from '@hoop/core/wire';
import { accept } from './accept.ts';
import { encodePacket, payloadLength } from './frame.ts';

/** A client in a test: it is given packets, and says its own when it has got enough of them. */
class ScriptedClient implements Wire {
  readonly peer = 'test';
  readonly open = true;
  readonly got: { readonly sequence: number; readonly payload: Buffer }[] = [];
  hasEnded = false;
  readonly #say: (got: Buffer, turn: number) => Buffer | undefined;
  #ready: Buffer[] = [];
  #turn = 0;

  constructor(say: (got: Buffer, turn: number) => Buffer | undefined) {
    this.#say = say;
  }

  async read(): Promise<Buffer | undefined> {
    return this.#ready.shift();
  }

  unread(chunk: Buffer): void {
    if (chunk.length > 0) this.#ready.unshift(chunk);
  }

  pump(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 4 + payloadLength(bytes, at)) {
      const payload = bytes.subarray(at + 4, at + 4 + payloadLength(bytes, at));
      this.got.push({ sequence: bytes[at + 3] ?? 0, payload });
      const answer = this.#say(payload, this.#turn++);
      if (answer) this.#ready.push(answer);
    }
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {}

  get words(): string {
    return this.got.at(-1)?.payload.toString('utf8', 3) ?? '';
  }
}

const FLAGS = 0x200 | 0x8000 | 0x80000 | 0x10000 | 0x20000;

function response(plugin: string, proof: string | Buffer, more: { database?: string; flags?: number } = {}): Buffer {
  const { database, flags = FLAGS } = more;
  const all = flags | (database === undefined ? 0 : 8);
  const bytes = Buffer.from(proof as string);
  const head = Buffer.alloc(32);
  head.writeUInt32LE(all >>> 0, 0);
  head.writeUInt32LE(0x1000000, 4);
  head[8] = 33;
  const name = database === undefined ? '' : `${database}\0`;
  return encodePacket(1, head, Buffer.from('ada\0'), Buffer.from([bytes.length]), bytes, Buffer.from(`${name}${plugin}\0`));
}

function door(more: Partial<Door<string>> = {}): Door<string> & { readonly attempts: LoginAttempt[] } {
  const attempts: LoginAttempt[] = [];
  return {
    attempts,
    tls: undefined,
    tlsRequired: false,
    proven: undefined,
    hostKey: undefined,
    login: async (attempt: LoginAttempt) => {
      attempts.push(attempt);
      if (attempt.secret === 'right') return 'somebody';
      throw new Refusal('credential_invalid', 'This secret is unknown');
    },
    cancel: () => undefined,
    mintCancelKey: (length: number) => '01'.repeat(length),
    ...more,
  } as Door<string> & { readonly attempts: LoginAttempt[] };
}

const saltOf = (greeting: Buffer): Buffer => {
  const at = greeting.indexOf(0) + 5;
  return Buffer.concat([greeting.subarray(at, at + 8), greeting.subarray(at + 27, at + 39)]);
};

/** A client of today without TLS: full authentication under the gateway's public key. */
function cachingClient(plugin: string, secret: string): ScriptedClient {
  let salt = Buffer.alloc(0);
  let sequence = 1;
  return new ScriptedClient((got) => {
    if (got[0] === 10) {
      salt = Buffer.from(saltOf(got));
      return response(plugin, 'x'.repeat(32), { database: 'shop' });
    }
    sequence += 2;
    if (got[0] === 0xfe) return encodePacket(sequence, Buffer.alloc(32, 1));
    if (got[0] === 1 && got[1] === 4) return encodePacket(sequence, Buffer.from([2]));
    if (got[0] !== 1) return undefined;
    const hidden = Buffer.from([...Buffer.from(`${secret}\0`)].map((byte, at) => byte ^ (salt[at % salt.length] ?? 0)));
    const key = { key: got.toString('utf8', 1), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
    return encodePacket(sequence, publicEncrypt(key, hidden));
  });
}

describe('the door for MySQL', () => {
  for (const plugin of ['caching_sha2_password', 'mysql_native_password']) {
    test(`lets in who has the secret with ${plugin}, and tells who asks for what without it`, async () => {
      const at = door();
      const client = cachingClient(plugin, 'right');
      const accepted = await accept(client, at);
      assert.equal(accepted?.grant, 'somebody');
      assert.deepEqual(at.attempts, [{ secret: 'right', user: 'ada', database: 'shop' }]);
      const sequence = plugin === 'caching_sha2_password' ? '6' : '8';
      const options = { capabilities: String(0x30000), charset: '33', packet_bytes_max: String(0x1000000), sequence };
      assert.deepEqual(accepted.hello, { user: 'ada', database: 'shop', options, cancelKey: '01'.repeat(8), version: '4.1' });
      assert.equal(JSON.stringify(accepted.hello).includes('right'), false);
      // Each packet counts on from the one before it, of whichever side.
      assert.deepEqual(
        client.got.map((packet) => packet.sequence),
        plugin === 'caching_sha2_password' ? [0, 2, 4] : [0, 2, 4, 6],
      );
      const refusal = accepted.refuse(new Refusal('forbidden', 'No'));
      assert.equal(refusal[3], Number(sequence));
    });
  }

  test('tells who has not, with the number that the client waits for, and takes nothing more', async () => {
    const client = cachingClient('caching_sha2_password', 'wrong');
    await assert.rejects(accept(client, door()), (error) => error instanceof AppError && error.code === 'credential_invalid');
    assert.equal(client.words, '#28000This secret is unknown');
    assert.deepEqual([client.got.at(-1)?.sequence, client.hasEnded], [6, true]);
  });

  test('takes a secret that a client shows by itself, and no proof for a secret', async () => {
    const at = door();
    assert.ok(await accept(new ScriptedClient(() => response('mysql_clear_password', 'right\0')), at));
    const empty = new ScriptedClient(() => response('caching_sha2_password', ''));
    await assert.rejects(accept(empty, at), (error) => error instanceof Refusal);
    assert.deepEqual(
      at.attempts.map(({ secret }) => secret),
      ['right', ''],
    );
  });

  test('A06: asks nobody from afar for a secret in clear text', async () => {
    const at = door({ tls: tls.createSecureContext(testCertificate()), tlsRequired: true });
    for (const plugin of ['caching_sha2_password', 'mysql_clear_password']) {
      const client = new ScriptedClient((_, turn) => (turn === 0 ? response(plugin, 'right') : undefined));
      await assert.rejects(accept(client, at), (error) => error instanceof Refusal && error.code === 'tls_required');
      assert.match(client.words, /^#HY000This gateway takes no secrets in clear text; connect with TLS/);
    }
    assert.deepEqual(at.attempts, []);
  });

  test('asks for no login where the identity is proven, and takes any user and any password', async () => {
    const at = door({ proven: 'known' });
    const outcomes: [plugin: string, proof: string, said: number, next: string][] = [
      ['mysql_native_password', 'x'.repeat(20), 0, '2'],
      ['caching_sha2_password', '', 0, '2'],
      // Such a client could not make its proof: the greeting was for another method.
      ['mysql_native_password', '', 1, '4'],
      // Such a client waits for a word about its proof before it takes the OK.
      ['caching_sha2_password', 'x'.repeat(32), 1, '3'],
    ];
    for (const [plugin, proof, said, next] of outcomes) {
      const client = new ScriptedClient((got, turn) =>
        turn === 0 ? response(plugin, proof) : got[0] === 0xfe ? encodePacket(3, Buffer.alloc(20)) : undefined,
      );
      const accepted: Accepted<string> | undefined = await accept(client, at);
      assert.deepEqual([accepted?.grant, client.got.length - 1, accepted?.hello.options?.sequence], ['known', said, next]);
    }
    assert.deepEqual(at.attempts, []);
  });

  test('offers TLS only where there is some, and never compression or another form of answers', async () => {
    for (const [context, isOffered] of [
      [undefined, false],
      [tls.createSecureContext(testCertificate()), false],
    ] as const) {
      const client = new ScriptedClient((_, turn) => (turn === 0 ? response('mysql_clear_password', 'right') : undefined));
      await accept(client, door({ tls: context }));
      const greeting = client.got[0]?.payload ?? Buffer.alloc(0);
      const at = greeting.indexOf(0) + 5 + 9;
      const flags = greeting.readUInt16LE(at) | (greeting.readUInt16LE(at + 5) << 16);
      // A wire inside of a tunnel cannot start TLS.
      assert.equal((flags & 0x800) !== 0, isOffered);
      assert.equal(flags & (0x20 | 0x800000 | 0x1000000 | 0x2000000 | 0x8000000), 0);
      assert.equal(greeting.readUInt32LE(greeting.indexOf(0) + 1), 0x01010101);
    }
  });

  test('a client that compresses although nobody offered it hears so, before its packets are taken for something else', async () => {
    const client = new ScriptedClient((_, turn) =>
      turn === 0 ? response('mysql_clear_password', 'right', { flags: FLAGS | 0x20 }) : undefined,
    );
    await assert.rejects(accept(client, door()), (error) => error instanceof AppError && error.code === 'unsupported');
    assert.match(client.words, /connect without compression/);
    assert.equal(client.got.length, 2);
  });

  test('a password that was encrypted with another key is a fault of the client', async () => {
    const client = new ScriptedClient((got) =>
      got[0] === 10 ? response('caching_sha2_password', 'x'.repeat(32)) : got[1] === 4 ? encodePacket(3, Buffer.alloc(256, 7)) : undefined,
    );
    await assert.rejects(accept(client, door()), (error) => error instanceof AppError && error.kind === 'peer');
  });

  test('A09: a response of any length and cut anywhere is turned away', async () => {
    const whole = response('mysql_clear_password', 'right', { database: 'shop' }).subarray(4);
    for (let length = 0; length < whole.length - 'mysql_clear_password\0'.length; length++) {
      const client = new ScriptedClient((_, turn) => (turn === 0 ? encodePacket(1, whole.subarray(0, length)) : undefined));
      await assert.rejects(accept(client, door()), (error) => error instanceof AppError && error.kind !== 'bug', `cut at ${length}`);
    }
    const huge = new ScriptedClient(() => Buffer.from([0xff, 0xff, 0xff, 1]));
    await assert.rejects(accept(huge, door()), (error) => error instanceof AppError && error.code === 'bad_length');
  });
});
