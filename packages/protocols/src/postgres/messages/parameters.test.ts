import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mask } from '@hoop/core/gate';
import { PARAMETER_CHARACTERS_MAX } from '../limits.ts';
import { parametersLine } from './parameters.ts';

type Value = string | Buffer | null;

/** The body of a Bind; buffers are sent in the binary format. */
function bind(values: readonly Value[], formats: readonly number[] = values.map((value) => (Buffer.isBuffer(value) ? 1 : 0))): Buffer {
  const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const sent = values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value)]));
  return Buffer.concat([...[Buffer.from('p\0s\0'), int16(formats.length), ...formats.map(int16), int16(values.length), ...sent, int16(0)]]);
}

const mask: Mask = {
  suspects: () => true,
  apply: (text) => (text.includes('@') ? Buffer.from('#'.repeat(text.length)) : text),
};

const hashIn = (line: string): string | undefined => /\(sha256 of all: ([0-9a-f]{64})\)$/.exec(line)?.[1];

describe('the parameters of an execution, as who approves it reads them', () => {
  test('stand in one line, whatever is in them', async () => {
    assert.equal(
      await parametersLine(bind(['x', null, 'two\nlines "of" it']), undefined),
      'parameters: $1 = "x", $2 = NULL, $3 = "two\\nlines \\"of\\" it"',
    );
    assert.equal(await parametersLine(bind([]), undefined), '');
  });

  test('are shown in hex where they are binary, and as a number where they may be one', async () => {
    const values = [Buffer.from('002a', 'hex'), Buffer.from('fffffffe', 'hex'), Buffer.from('0000000000000007', 'hex'), Buffer.from('abc')];
    const line = 'parameters: $1 = 0x002a (integer 42), $2 = 0xfffffffe (integer -2), $3 = 0x0000000000000007 (integer 7), $4 = 0x616263';
    assert.equal(await parametersLine(bind(values), undefined), line);
    assert.equal(
      await parametersLine(bind(['ab', 'cd'], [1]), undefined),
      'parameters: $1 = 0x6162 (integer 24930), $2 = 0x6364 (integer 25444)',
    );
  });

  test('are cut and masked, and then the line says so, with a hash in which every byte counts', async () => {
    const long = 'x'.repeat(PARAMETER_CHARACTERS_MAX);
    const one = await parametersLine(bind([`${long}a`, 'b']), undefined);
    const other = await parametersLine(bind([`${long}b`, 'b']), undefined);
    assert.match(one, /^parameters, not all shown: \$1 = "x+…", \$2 = "b" \(sha256/);
    assert.ok(hashIn(one) && hashIn(one) !== hashIn(other));
    const masked = await parametersLine(bind(['ada@example.org', 'b']), mask);
    assert.match(masked, /^parameters, not all shown: \$1 = "#+", \$2 = "b" \(sha256/);
    assert.notEqual(hashIn(masked), hashIn(await parametersLine(bind(['bob@example.org', 'b']), mask)));
    assert.equal(await parametersLine(bind(['b']), mask), 'parameters: $1 = "b"');
  });

  test('are not shown where the mask fails, or nobody kept them', async () => {
    const failing: Mask = {
      suspects: () => true,
      apply: () => {
        throw new Error('no');
      },
    };
    assert.match(await parametersLine(bind(['x']), failing), /^parameters, not all shown: \$1 = "\[hidden\]" /);
    assert.match(await parametersLine(undefined, undefined), /^parameters, not all shown: they are long/);
  });

  test('are asked about first where somebody else has to know', async () => {
    const asked: string[] = [];
    const remote: Mask = { ...mask, prepare: async (texts) => void asked.push(...texts.map(String)) };
    await parametersLine(bind(['a', null, Buffer.from('b'), 'c']), remote);
    assert.deepEqual(asked, ['a', 'c']);
  });

  test('that are no Bind are a fault of the client', async () => {
    for (const cut of [1, 5, 9, 14])
      await assert.rejects(async () => parametersLine(bind(['value']).subarray(0, cut), undefined), { code: 'bad_message' });
  });
});
