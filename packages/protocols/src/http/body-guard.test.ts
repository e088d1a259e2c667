import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { LaterPart, Verdict } from '@hoop/core/action';
import { BODY_CONTEXT_BYTES, BODY_HELD_MS_MAX, BODY_PIECE_BYTES, JUDGED_BYTES_MAX } from './limits.ts';
import { AnswerHead, decodeHead, encodeHead, encodeMessage, type HeaderList, KINDS } from './message.ts';
import { Bench } from './testing/bench.ts';

const WORD = 'forbidden';
const DENIED: Verdict = { allow: false, denial: { rule: 'r', message: 'Not that' } };
const forbids = ({ head, before, text }: LaterPart): Verdict => (`${head}${before}${text}`.includes(WORD) ? DENIED : { allow: true });
/** Of the others, a short body that says much is a single block, of which no beginning can be read. */
const SHRINKING = { gzip: gzipSync, deflate: deflateSync };
const CODINGS = { ...SHRINKING, br: brotliCompressSync, zstd: zstdCompressSync };

/** Text that hardly gets shorter, the same each time. */
function noise(bytes: number): Buffer {
  let state = 1;
  const filled = Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return 0x30 + ((state >>> 16) % 64);
  });
  return Buffer.from(filled.buffer);
}

class Upload {
  readonly bench: Bench;

  constructor(headers: HeaderList = [['content-type', 'text/plain']], judgeMore: typeof forbids | undefined = forbids) {
    this.bench = new Bench(undefined, undefined, judgeMore);
    void this.bench.relay.fromClient(
      encodeHead(KINDS.request, 1, { method: 'POST', path: '/b', headers: headers as [string, string][], body: 'stream' }),
    );
  }

  data(piece: Buffer): this {
    void this.bench.relay.fromClient(encodeMessage(KINDS.data, 1, piece));
    return this;
  }

  /** In pieces as they come from a socket. */
  all(body: Buffer): this {
    for (let at = 0; at < body.length; at += 16_384) this.data(body.subarray(at, at + 16_384));
    return this.end();
  }

  end(): this {
    void this.bench.relay.fromClient(encodeMessage(KINDS.end, 1));
    return this;
  }

  /** Until it is complete at the target, or given up. */
  async over(): Promise<this> {
    while (!this.bench.toTarget.some(({ kind }) => kind === KINDS.end) && this.bench.settled.length === 0) await new Promise(setImmediate);
    return this;
  }

  get atTarget(): Buffer {
    return Buffer.concat(this.bench.toTarget.filter(({ kind }) => kind === KINDS.data).map(({ payload }) => payload));
  }

  assertCut(status: number, error: string, why = ''): void {
    const { toTarget, toClient, settled } = this.bench;
    assert.equal(
      toTarget.some(({ kind }) => kind === KINDS.end),
      false,
      `the target never gets a complete body ${why}`,
    );
    if (toTarget.length > 0) assert.equal(toTarget.at(-1)?.kind, KINDS.reset, why);
    assert.equal(decodeHead(AnswerHead, toClient[0]?.payload ?? Buffer.alloc(0)).status, status, why);
    assert.deepEqual(
      settled.map((outcome) => outcome.error),
      [error],
      why,
    );
  }

  assertPassed(body: Buffer): void {
    assert.ok(this.atTarget.equals(body));
    assert.deepEqual(
      this.bench.toTarget.map(({ kind }) => kind).filter((kind) => kind !== KINDS.data),
      [KINDS.request, KINDS.end],
    );
    assert.deepEqual(this.bench.toClient, []);
  }
}

describe('A24: padding does not hide what stands behind the beginning of a body', () => {
  it('wherever the body is cut around the end of its beginning', () => {
    for (let before = 0; before <= WORD.length + 1; before++) {
      const body = Buffer.from(`${'x'.repeat(JUDGED_BYTES_MAX - before)}${WORD} and more`);
      for (let cut = 1; cut <= WORD.length + 3; cut++) {
        const upload = new Upload().data(body.subarray(0, JUDGED_BYTES_MAX));
        if (before < WORD.length)
          upload
            .data(body.subarray(JUDGED_BYTES_MAX, JUDGED_BYTES_MAX + cut))
            .data(body.subarray(JUDGED_BYTES_MAX + cut))
            .end();
        else continue;
        upload.assertCut(403, 'denied: r', `${before} bytes before, cut after ${cut}`);
        assert.equal(upload.atTarget.includes(WORD), false);
      }
    }
  });

  it('wherever the body is cut around the end of a later piece', () => {
    const at = JUDGED_BYTES_MAX + 2 * BODY_PIECE_BYTES;
    const body = Buffer.from(`${'x'.repeat(at - 4)}${WORD} and more${'x'.repeat(BODY_PIECE_BYTES)}`);
    for (let cut = -6; cut <= WORD.length; cut++) {
      const upload = new Upload().data(body.subarray(0, JUDGED_BYTES_MAX)).data(body.subarray(JUDGED_BYTES_MAX, at + cut));
      upload.data(body.subarray(at + cut)).end();
      upload.assertCut(403, 'denied: r', `cut at ${cut}`);
      assert.equal(upload.atTarget.includes(WORD), false);
    }
  });

  it('in every coding, whether it is padded with what stays long or with what does not', async () => {
    for (const [coding, compress] of Object.entries(CODINGS)) {
      for (const padding of coding in SHRINKING ? [noise(200_000), Buffer.alloc(3 << 20, 'x')] : [noise(200_000)]) {
        const headers: HeaderList = [
          ['content-type', 'text/plain'],
          ['content-encoding', coding],
        ];
        const denied = await new Upload(headers).all(compress(Buffer.concat([padding, Buffer.from(WORD)]))).over();
        denied.assertCut(403, 'denied: r', `${coding} of ${padding.length}`);
        const body = compress(Buffer.concat([padding, Buffer.from('all is well')]));
        (await new Upload(headers).all(body).over()).assertPassed(body);
      }
    }
  });

  it('in every coding, wherever in it the word stands, and however much comes behind it', async () => {
    for (const [coding, compress] of Object.entries(CODINGS)) {
      const headers: HeaderList = [
        ['content-type', 'text/plain'],
        ['content-encoding', coding],
      ];
      for (let at = 100_000; at <= 300_000; at += 40_000) {
        const body = compress(Buffer.concat([noise(at), Buffer.from(WORD), noise(300_000 - at)]));
        // All at once, as well as piece by piece: then most of it is read in one go.
        for (const sent of [
          new Upload(headers).all(body),
          new Upload(headers).data(body.subarray(0, 70_000)).data(body.subarray(70_000)).end(),
        ])
          (await sent.over()).assertCut(403, 'denied: r', `${coding} at ${at}`);
      }
    }
  });

  it('in two bytes a character, wherever that is cut', () => {
    const headers: HeaderList = [['content-type', 'application/json; charset=utf-16']];
    for (const odd of [0, 1]) {
      const body = Buffer.from(`${'x'.repeat(60_000)}${WORD}`, 'utf16le');
      const cut = JUDGED_BYTES_MAX + odd;
      new Upload(headers)
        .data(body.subarray(0, cut))
        .data(body.subarray(cut, cut + 40_001))
        .data(body.subarray(cut + 40_001))
        .end()
        .assertCut(403, 'denied: r');
    }
  });

  it('where the beginning is no text, and what it says of its type does not either', () => {
    const picture = Buffer.concat([Buffer.alloc(JUDGED_BYTES_MAX), Buffer.alloc(BODY_PIECE_BYTES, 0xff)]);
    const headers: HeaderList = [['content-type', 'image/png']];
    new Upload(headers).all(Buffer.concat([picture, Buffer.from(` é ${WORD} `.padEnd(BODY_PIECE_BYTES))])).assertCut(403, 'denied: r');
    const body = Buffer.concat([picture, Buffer.from(WORD), Buffer.alloc(1)]);
    new Upload(headers).all(body).assertPassed(body);
  });

  it('where it comes while people are asked about its beginning', async () => {
    const late = Promise.withResolvers<Verdict>();
    const bench = new Bench(() => late.promise, undefined, forbids);
    const head = { method: 'POST', path: '/b', headers: [], body: 'stream' as const };
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, head));
    void bench.relay.fromClient(encodeMessage(KINDS.data, 1, Buffer.alloc(JUDGED_BYTES_MAX, 'x')));
    void bench.relay.fromClient(encodeMessage(KINDS.data, 1, Buffer.from(WORD)));
    void bench.relay.fromClient(encodeMessage(KINDS.end, 1));
    late.resolve({ allow: true });
    await late.promise;
    await new Promise(setImmediate);
    assert.deepEqual(bench.told, []);
    assert.equal(decodeHead(AnswerHead, bench.toClient[0]?.payload ?? Buffer.alloc(0)).status, 403);
  });
});

describe('what a body goes on with', () => {
  it('breaks the answer off that has begun, where a rule forbids it', () => {
    const upload = new Upload().data(Buffer.alloc(JUDGED_BYTES_MAX, 'x'));
    void upload.bench.relay.fromTarget(encodeHead(KINDS.answer, 1, { status: 200, headers: [] }));
    upload.data(Buffer.from(WORD)).end();
    assert.deepEqual(
      upload.bench.toClient.map(({ kind }) => kind),
      [KINDS.answer, KINDS.reset],
    );
    assert.equal(upload.bench.toTarget.at(-1)?.kind, KINDS.reset);
  });

  it('is not looked at where no rule asks about text', () => {
    const bench = new Bench();
    const frames = [
      encodeMessage(KINDS.data, 1, Buffer.alloc(JUDGED_BYTES_MAX)),
      encodeMessage(KINDS.data, 1, Buffer.from(WORD)),
      encodeMessage(KINDS.end, 1),
    ];
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, { method: 'POST', path: '/b', headers: [], body: 'stream' }));
    for (const [index, frame] of frames.entries()) {
      void bench.relay.fromClient(frame);
      assert.equal(bench.toTarget.length, index + 2, 'it goes on at once');
    }
  });

  it('waits a little for more where it is small, and then goes on', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const parts: LaterPart[] = [];
    const upload = new Upload(undefined, (part) => {
      parts.push(part);
      return { allow: true };
    });
    upload.data(Buffer.alloc(JUDGED_BYTES_MAX, 'x'));
    for (const piece of ['a', 'b', 'c']) upload.data(Buffer.from(piece));
    assert.equal(upload.atTarget.length, JUDGED_BYTES_MAX);
    context.mock.timers.tick(BODY_HELD_MS_MAX);
    assert.equal(upload.atTarget.length, JUDGED_BYTES_MAX + 3);
    assert.deepEqual(parts, [{ via: 'request', head: 'POST /b\n\n', before: 'x'.repeat(BODY_CONTEXT_BYTES), text: 'abc' }]);
  });

  it('A10: is refused where it is compressed and cannot be read to its end', async () => {
    const headers = (coding: string): HeaderList => [
      ['content-type', 'text/plain'],
      ['content-encoding', coding],
    ];
    const padded = (coding: keyof typeof CODINGS): Buffer => CODINGS[coding](noise(200_000));
    const broken = padded('gzip').fill(0xff, 100_000, 100_100);
    (await new Upload(headers('gzip')).all(broken).over()).assertCut(415, 'unreadable_body');
    for (const coding of ['deflate', 'br', 'zstd'] as const) {
      const longer = Buffer.concat([padded(coding), CODINGS[coding](WORD)]);
      (await new Upload(headers(coding)).all(longer).over()).assertCut(415, 'unreadable_body', coding);
      const short = Buffer.concat([CODINGS[coding]('short'), CODINGS[coding](WORD)]);
      (await new Upload(headers(coding)).all(short).over()).assertCut(415, 'unreadable_body', coding);
    }
    (await new Upload(headers('gzip')).all(gzipSync(Buffer.alloc(40 << 20, 'x'))).over()).assertCut(415, 'unreadable_body', 'a bomb');
  });

  it('is given up with its client while it is read', async () => {
    const body = gzipSync(noise(400_000));
    const upload = new Upload([['content-encoding', 'gzip']]).data(body.subarray(0, 200_000));
    void upload.bench.relay.fromClient(encodeHead(KINDS.reset, 1, { status: 502, code: 'given_up', message: '' }));
    await upload.over();
    assert.deepEqual(
      upload.bench.settled.map(({ error }) => error),
      ['client_left'],
    );
    assert.deepEqual(upload.bench.toClient, []);
  });
});
