import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { GcmCipher, GcmDecipher, type GcmKeys } from './gcm.ts';
import { PACKET_BYTES_MAX } from './limits.ts';

interface LibraryCipher {
  allocPacket(bytes: number): Buffer;
  encrypt(packet: Buffer): void;
}
interface LibraryDecipher {
  decrypt(data: Buffer, start: number, end: number): unknown;
}
/** Loaded without `library.ts`: its own classes, not ours in their place. */
const { CIPHER_INFO, createCipher, createDecipher } = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
  CIPHER_INFO: Record<string, unknown>;
  createCipher(config: unknown): LibraryCipher;
  createDecipher(config: unknown): LibraryDecipher;
};

const LIBRARY_SIZES = [1, 2, 10, 11, 12, 26, 27, 100, 1_000, 1_024, 32_777, 34_936];
const SIZES = [...LIBRARY_SIZES, PACKET_BYTES_MAX - 64];

function newKeys(name: GcmKeys['name'] = 'aes-128-gcm'): () => GcmKeys {
  const key = randomBytes(name === 'aes-128-gcm' ? 16 : 32);
  const nonce = randomBytes(12);
  // The last byte is about to go round.
  nonce.fill(0xff, 9);
  return () => ({ name, key, nonce: Buffer.from(nonce), seqno: 3 });
}

function sealed(keys: GcmKeys, payloads: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [];
  const cipher = new GcmCipher(keys, (piece) => void pieces.push(piece));
  for (const payload of payloads) cipher.seal(payload);
  assert.equal(cipher.outSeqno, keys.seqno + payloads.length);
  return Buffer.concat(pieces);
}

function opened(keys: GcmKeys, chunks: readonly Buffer[]): Buffer[] {
  const payloads: Buffer[] = [];
  const decipher = new GcmDecipher(keys, (payload) => void payloads.push(Buffer.from(payload)));
  for (const chunk of chunks) decipher.decrypt(chunk, 0, chunk.length);
  return payloads;
}

describe('packets under AES-GCM', () => {
  for (const name of ['aes-128-gcm', 'aes-256-gcm'] as const) {
    it(`come out as they went in, of every size, with ${name}`, () => {
      const keys = newKeys(name);
      const payloads = SIZES.map((size) => randomBytes(size));
      assert.deepEqual(opened(keys(), [sealed(keys(), payloads)]), payloads);
    });

    it(`are those of the library with ${name}`, () => {
      const keys = newKeys(name);
      const payloads = LIBRARY_SIZES.map((size) => randomBytes(size));
      const info = CIPHER_INFO[`${name.replaceAll('-', '').replace('gcm', '')}-gcm@openssh.com`];
      assert.ok(info);
      const theirs: Buffer[] = [];
      const inbound = { onPayload: (payload: Buffer) => void theirs.push(Buffer.from(payload)), seqno: 3, decipherInfo: info };
      const decipher = createDecipher({ inbound: { ...inbound, decipherIV: keys().nonce, decipherKey: keys().key } });
      const ours = sealed(keys(), payloads);
      decipher.decrypt(ours, 0, ours.length);
      assert.deepEqual(theirs, payloads);
      const pieces: Buffer[] = [];
      const outbound = { onWrite: (piece: Buffer) => void pieces.push(piece), seqno: 3, cipherInfo: info };
      const cipher = createCipher({ outbound: { ...outbound, cipherIV: keys().nonce, cipherKey: keys().key } });
      for (const payload of payloads) {
        const packet = cipher.allocPacket(payload.length);
        packet.set(payload, 5);
        cipher.encrypt(packet);
      }
      assert.deepEqual(opened(keys(), [Buffer.concat(pieces)]), payloads);
    });
  }

  it('may be cut anywhere on their way', () => {
    const keys = newKeys();
    const payloads = [randomBytes(20), randomBytes(1), randomBytes(70)];
    const bytes = sealed(keys(), payloads);
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(opened(keys(), [bytes.subarray(0, cut), bytes.subarray(cut)]), payloads, `cut at ${cut}`);
    }
    assert.deepEqual(
      opened(
        keys(),
        [...bytes].map((byte) => Buffer.from([byte])),
      ),
      payloads,
    );
  });

  it('are refused when a single bit was changed, and nothing of them is told', () => {
    const keys = newKeys();
    const bytes = sealed(keys(), [randomBytes(20)]);
    for (let at = 4; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const told: Buffer[] = [];
      const decipher = new GcmDecipher(keys(), (payload) => void told.push(payload));
      assert.throws(() => decipher.decrypt(changed, 0, changed.length), /authenticate/);
      assert.deepEqual(told, []);
    }
  });

  it('are refused when they come again, or in another order', () => {
    const keys = newKeys();
    const first = sealed(keys(), [Buffer.from('first')]);
    assert.throws(() => opened(keys(), [first, first]), /authenticate/);
    const both = sealed(keys(), [Buffer.from('first'), Buffer.from('second')]);
    assert.throws(() => opened(keys(), [both.subarray(first.length), first]), /authenticate/);
  });

  it('never have a length that cannot be', () => {
    for (const length of [0, 1, 15, 17, PACKET_BYTES_MAX, 0xffff_fff0]) {
      const bytes = Buffer.alloc(64);
      bytes.writeUInt32BE(length);
      assert.throws(() => opened(newKeys()(), [bytes]), /packet length/);
      assert.throws(() => opened(newKeys()(), [bytes.subarray(0, 3), bytes.subarray(3)]), /packet length/);
    }
  });

  it('are left to whoever comes next when keys have changed', () => {
    const keys = newKeys();
    const bytes = sealed(keys(), [Buffer.from('the last'), Buffer.from('not ours')]);
    const last = sealed(keys(), [Buffer.from('the last')]).length;
    const decipher = new GcmDecipher(keys(), () => false);
    assert.equal(decipher.decrypt(bytes, 0, bytes.length), last);
  });
});
