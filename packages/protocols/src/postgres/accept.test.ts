import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { AppError, Refusal } from '@hoop/core/errors';
import type { Door, LoginAttempt } from '@hoop/core/protocol';
import { testCertificate } from '@hoop/core/testing/certificate';
import type { Wire } from '@hoop/core/wire';
import { accept } from './accept.ts';
import { int32, message, text } from './testing/messages.ts';

/** A wire that gives these chunks, and keeps what is written. */
class ScriptedWire implements Wire {
  readonly peer = 'test';
  readonly open = true;
  readonly said: Buffer[] = [];
  hasEnded = false;
  readonly #chunks: Buffer[];

  constructor(...chunks: readonly Buffer[]) {
    this.#chunks = [...chunks];
  }

  async read(): Promise<Buffer | undefined> {
    return this.#chunks.shift();
  }

  unread(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.unshift(chunk);
  }

  pump(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Buffer): void {
    this.said.push(bytes);
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {}

  get words(): string {
    return Buffer.concat(this.said).toString('latin1');
  }
}

function startup(...pairs: readonly string[]): Buffer {
  const body = Buffer.concat([int32(3 << 16), ...pairs.map(text), Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

function door(more: Partial<Door<string>> = {}): Door<string> & { readonly attempts: LoginAttempt[]; readonly cancelled: string[] } {
  const attempts: LoginAttempt[] = [];
  const cancelled: string[] = [];
  return {
    attempts,
    cancelled,
    tls: undefined,
    tlsRequired: false,
    proven: undefined,
    login: async (attempt) => {
      attempts.push(attempt);
      if (attempt.secret === 'right') return 'somebody';
      throw new Refusal('credential_invalid', 'This secret is unknown');
    },
    cancel: (key) => void cancelled.push(key),
    mintCancelKey: (length) => '01'.repeat(length),
    ...more,
  };
}

const password = (secret: string): Buffer => message('p', text(secret));

describe('the door for PostgreSQL', () => {
  test('lets in who has the secret, and tells who asks for what without it', async () => {
    const at = door();
    const wire = new ScriptedWire(
      startup('user', 'ada', 'database', 'shop', 'application_name', 'x', 'replication', 'off'),
      password('right'),
    );
    const accepted = await accept(wire, at);
    assert.equal(accepted?.grant, 'somebody');
    assert.deepEqual(at.attempts, [{ secret: 'right', user: 'ada', database: 'shop' }]);
    assert.deepEqual(accepted.hello, {
      user: 'ada',
      database: 'shop',
      options: { application_name: 'x' },
      cancelKey: '0101010101010101',
      version: '3.0',
    });
    assert.equal(JSON.stringify(accepted.hello).includes('right'), false);
  });

  test('tells who has not, and takes nothing more', async () => {
    const wire = new ScriptedWire(startup('user', 'ada'), password('wrong'));
    await assert.rejects(accept(wire, door()), (error) => error instanceof AppError && error.code === 'credential_invalid');
    assert.match(wire.words, /VFATAL\0C28P01\0MThis secret is unknown\0/);
    assert.equal(wire.hasEnded, true);
  });

  test('asks nobody from afar for a secret in clear text', async () => {
    const at = door({ tls: tls.createSecureContext(testCertificate()), tlsRequired: true });
    for (const user of ['ada', 'pg-secret-in-the-name']) {
      const wire = new ScriptedWire(startup('user', user), password('right'));
      await assert.rejects(accept(wire, at), (error) => error instanceof Refusal && error.code === 'tls_required');
      assert.match(wire.words, /takes no secrets in clear text; connect with sslmode=require/);
      assert.equal(wire.said[0]?.[0], 'E'.charCodeAt(0));
    }
    assert.deepEqual(at.attempts, []);
  });

  test('offers no TLS where there is none, and inside a stream that is encrypted already', async () => {
    const request = Buffer.concat([int32(8), int32(80877103)]);
    for (const context of [undefined, tls.createSecureContext(testCertificate())]) {
      const wire = new ScriptedWire(request, startup('user', 'ada'), password('right'));
      assert.ok(await accept(wire, door({ tls: context })));
      assert.equal(wire.words[0], 'N');
    }
  });

  test('asks for no login where the identity is proven, and takes any user and any password', async () => {
    const at = door({ proven: 'known' });
    const wire = new ScriptedWire(startup('user', 'whoever'));
    assert.equal((await accept(wire, at))?.grant, 'known');
    assert.deepEqual([at.attempts, wire.said], [[], []]);
  });

  test('passes a cancel request on and has nothing more to do with it', async () => {
    const at = door();
    const wire = new ScriptedWire(Buffer.concat([int32(16), int32(80877102), Buffer.from('0102030405060708', 'hex')]));
    assert.equal(await accept(wire, at), undefined);
    assert.deepEqual([at.cancelled, wire.said, wire.hasEnded], [['0102030405060708'], [], true]);
  });

  test('gives what was sent behind the login to the session', async () => {
    const behind = Buffer.from('and then');
    const accepted = await accept(new ScriptedWire(startup('user', 'ada'), Buffer.concat([password('right'), behind])), door());
    assert.deepEqual(await accepted?.wire.read(), behind);
  });

  test('leaves out of a session’s wish what is its own: user, database, replication, options of the protocol', async () => {
    const wire = new ScriptedWire(startup('user', 'ada', 'database', 'ada', '_pq_.x', '1', '__proto__', 'y', 'a', 'b'), password('right'));
    const { hello } = (await accept(wire, door())) ?? {};
    assert.equal(hello?.database, undefined);
    assert.deepEqual(Object.entries(hello?.options ?? {}), [
      ['__proto__', 'y'],
      ['a', 'b'],
    ]);
  });
});
