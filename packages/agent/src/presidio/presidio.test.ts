import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { silentLog } from '@hoop/core/log';
import { compileMasks, type MaskMode } from '@hoop/policy/masks';
import { FakePresidio } from '../testing/fake-presidio.ts';
import { BATCH_BYTES_MAX, BATCH_TEXTS_MAX, PIECE_BYTES_MAX, REQUESTS_MAX, TEXT_BYTES_MAX } from './limits.ts';
import { Presidio } from './presidio.ts';

const PATIENT = { request_ms: 10_000, pause_ms: 60_000 };
/** Of whoever waits for what never comes. */
const QUICK = { request_ms: 100, pause_ms: 60_000 };

let server: FakePresidio;
beforeEach(async () => {
  server = await FakePresidio.start();
});
afterEach(() => server[Symbol.asyncDispose]());

interface MaskOf {
  readonly entities?: readonly string[];
  readonly mode?: MaskMode;
  readonly presidio?: Presidio;
}

function maskWith({ entities = ['PERSON'], mode, presidio = new Presidio(server.url, silentLog(), PATIENT) }: MaskOf = {}): Mask {
  return compileMasks([{ name: 'r', entities }], { remote: presidio, mode });
}

/** What is shown of texts that were prepared together. */
async function shown(mask: Mask, texts: readonly string[], counts: MaskCounts = {}): Promise<string[]> {
  const bytes = texts.map((text) => Buffer.from(text));
  await mask.prepare?.(bytes);
  return bytes.map((text) => mask.apply(text, counts).toString());
}

const NAME = 'Zaphod Beeblebrox';
const HIDDEN = '#'.repeat(NAME.length);

describe('a mask with a Presidio server', () => {
  it('hides what only the server knows, beside what is found here', async () => {
    const counts: MaskCounts = {};
    const mask = maskWith({ entities: ['ORGANIZATION', 'EMAIL_ADDRESS'] });
    assert.deepEqual(await shown(mask, ['ask ada@example.test at Megadodo', 'nothing here'], counts), [
      'ask ################ at ########',
      'nothing here',
    ]);
    assert.deepEqual(counts, { EMAIL_ADDRESS: 1, ORGANIZATION: 1 });
  });

  it('asks only for entities that a model knows better, and sends nothing for the others', async () => {
    await shown(maskWith({ entities: ['ORGANIZATION', 'EMAIL_ADDRESS', 'PERSON'] }), ['a text']);
    assert.deepEqual(server.asked[0]?.entities, ['ORGANIZATION', 'PERSON']);
    const local = maskWith({ entities: ['EMAIL_ADDRESS', 'CREDIT_CARD'] });
    assert.equal(local.prepare, undefined);
    assert.equal(local.apply(Buffer.from('ada@example.test'), {}).toString(), '################');
    assert.equal(server.asked.length, 1);
  });

  it('finds the bytes of what the server counts in characters', async () => {
    const text = '🚀 é Ångström Ñandú 🚀';
    const [masked] = await shown(maskWith(), [text]);
    assert.equal(masked, `🚀 é ${'#'.repeat(Buffer.byteLength('Ångström Ñandú'))} 🚀`);
  });

  it('finds it in bytes that are no UTF-8, too', async () => {
    const mask = maskWith();
    const text = Buffer.concat([Buffer.from([0xe9, 0x20]), Buffer.from('Marvin'), Buffer.from([0xff])]);
    await mask.prepare?.([text]);
    assert.deepEqual(mask.apply(text, {}), Buffer.concat([Buffer.from([0xe9, 0x20]), Buffer.from('######'), Buffer.from([0xff])]));
  });

  it('counts only what reaches the threshold of the rule, which the server is told', async () => {
    const presidio = new Presidio(server.url, silentLog(), PATIENT);
    const mask = compileMasks([{ name: 'r', entities: ['ORGANIZATION'], threshold: 0.9 }], { remote: presidio });
    assert.deepEqual(await shown(mask, ['Megadodo']), ['Megadodo']);
    assert.equal(server.asked[0]?.threshold, 0.9);
  });

  it('asks once about a text, whichever session it comes in', async () => {
    const presidio = new Presidio(server.url, silentLog(), PATIENT);
    for (let session = 0; session < 3; session++)
      assert.deepEqual(await shown(maskWith({ presidio }), [NAME, NAME, 'x y']), [HIDDEN, HIDDEN, 'x y']);
    assert.deepEqual(server.texts, [NAME, 'x y']);
    await shown(maskWith({ presidio, entities: ['ORGANIZATION'] }), [NAME]);
    assert.equal(server.asked.length, 2, 'another question has another answer');
  });

  it('does not ask about what cannot be a name: numbers, dates, nothing', async () => {
    assert.deepEqual(await shown(maskWith(), ['12345', '2026-11-21', '', '-']), ['12345', '2026-11-21', '', '-']);
    assert.equal(server.asked.length, 0);
  });

  it('asks in batches within their limits, a bounded number at a time', async () => {
    server.slow = () => pause(1);
    const presidio = new Presidio(server.url, silentLog(), { request_ms: 10_000, pause_ms: 1 });
    const texts = Array.from({ length: BATCH_TEXTS_MAX * (REQUESTS_MAX + 12) }, (_, index) => `row ${index} of Marvin`);
    const masked = await shown(maskWith({ presidio }), texts);
    assert.ok(masked.every((text) => text.endsWith('of ######')));
    assert.equal(server.asked.length, REQUESTS_MAX + 12);
    assert.ok(server.busiest > 1 && server.busiest <= REQUESTS_MAX, `${server.busiest} at once`);
    const long = Array.from({ length: 9 }, (_, index) => `${index}${'x'.repeat(BATCH_BYTES_MAX / 4)}`);
    await shown(maskWith({ presidio }), long);
    assert.deepEqual(
      server.asked.slice(-3).map((each) => each.texts.length),
      [3, 3, 3],
    );
  });

  it('asks about a long text in pieces, and finds what stands across their border', async () => {
    for (const before of [PIECE_BYTES_MAX - 3, PIECE_BYTES_MAX - NAME.length, PIECE_BYTES_MAX * 2 - 300]) {
      const text = `${'é'.repeat(before / 2)} ${NAME} ${'.'.repeat(PIECE_BYTES_MAX)}`;
      const [masked] = await shown(maskWith(), [text]);
      assert.equal(masked, text.replace(NAME, HIDDEN), `a name at ${before}`);
    }
  });
});

/** Ways in which a server does not answer. */
const FAILURES: readonly (readonly [string, (server: FakePresidio) => unknown])[] = [
  ['hangs', (bad) => (bad.instead = () => undefined)],
  ['answers too slowly', (bad) => (bad.instead = (response) => void setTimeout(() => response.end('[[]]'), QUICK.request_ms * 3).unref())],
  ['answers 500', (bad) => (bad.instead = (response) => void response.writeHead(500).end(JSON.stringify({ error: NAME })))],
  ['answers what is no JSON', (bad) => (bad.instead = (response) => void response.end(`<html>${NAME}`))],
  ['answers JSON of another shape', (bad) => (bad.instead = (response) => void response.end('{"error":"none"}'))],
  ['answers about fewer texts', (bad) => (bad.instead = (response) => void response.end('[]'))],
  ['breaks off in the middle', (bad) => (bad.instead = (response) => void response.write('[[', () => response.destroy()))],
  ['leads somewhere else', (bad) => (bad.instead = (response) => void response.writeHead(302, { location: bad.url }).end())],
  ['answers without an end', (bad) => (bad.instead = (response) => void response.end(Buffer.alloc(5 << 20, ' ')))],
  ['does not know the entity', (bad) => (bad.known = ['LOCATION'])],
  ['is not there', (bad) => bad[Symbol.asyncDispose]()],
];

describe('a Presidio server that', () => {
  const quick = (): Presidio => new Presidio(server.url, silentLog(), QUICK);

  for (const [what, fail] of FAILURES) {
    it(`${what} has everything hidden that it was to be asked about, and counted`, async () => {
      await fail(server);
      const counts: MaskCounts = {};
      assert.deepEqual(await shown(maskWith({ presidio: quick() }), [NAME, '42'], counts), [HIDDEN, '42']);
      assert.deepEqual(counts, { UNREAD: 1 });
    });

    it(`${what} hides nothing but what is found here in best-effort mode, and that is counted`, async () => {
      await fail(server);
      const counts: MaskCounts = {};
      const mask = maskWith({ entities: ['ORGANIZATION', 'EMAIL_ADDRESS'], mode: 'best-effort', presidio: quick() });
      assert.deepEqual(await shown(mask, ['Megadodo', 'a@example.test', '42']), ['Megadodo', '##############', '42']);
      assert.deepEqual(await shown(mask, ['Megadodo', '42'], counts), ['Megadodo', '42']);
      assert.deepEqual(counts, { UNCHECKED: 1 });
    });
  }

  it('keeps failing is left alone, and asked again after a pause', async (context) => {
    server.instead = (response) => void response.writeHead(500).end();
    const mask = maskWith();
    for (let text = 0; text < 10; text++) await shown(mask, [`text ${text}`]);
    assert.equal(server.asked.length, 3);
    server.instead = undefined;
    const now = performance.now.bind(performance);
    context.mock.method(performance, 'now', () => now() + PATIENT.pause_ms);
    assert.deepEqual(await shown(mask, [NAME]), [HIDDEN]);
    assert.deepEqual(await shown(mask, ['it knows again']), ['it knows again']);
  });

  it('fails for one batch has only that batch hidden', async () => {
    let answers = 0;
    const many = Array.from({ length: BATCH_TEXTS_MAX + 1 }, (_, index) => `text ${index}`);
    server.slow = async () => {
      server.instead = answers++ === 0 ? (response) => void response.writeHead(500).end() : undefined;
    };
    const masked = await shown(maskWith(), many);
    assert.ok([1, BATCH_TEXTS_MAX].includes(masked.filter((text) => /^#+$/.test(text)).length));
  });

  it('says what is nowhere in the text has all of it hidden', async () => {
    server.instead = (response) => void response.end('[[{"entity_type":"PERSON","start":90,"end":99,"score":1}]]');
    assert.deepEqual(await shown(maskWith(), ['short one']), ['#########']);
  });
});

describe('what was not prepared', () => {
  it('is hidden whole', () => {
    assert.equal(maskWith().apply(Buffer.from('who is it'), {}).toString(), '#########');
  });

  it('is hidden when it is too long to be asked about', async () => {
    const text = 'a '.repeat(TEXT_BYTES_MAX / 2 + 1);
    const [masked] = await shown(maskWith(), [text]);
    assert.match(masked ?? '', /^#+$/);
    assert.equal(server.asked.length, 0);
  });
});

it('no entity of a form that none has is taken, and none at all without a server', () => {
  assert.throws(() => maskWith({ entities: ['not one'] }), /cannot be masked/);
  assert.throws(() => compileMasks([{ name: 'r', entities: ['ORGANIZATION'] }]), /cannot be masked/);
});
