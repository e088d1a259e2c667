import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import { encodeMessage, MessageReader, messageLength } from './frame.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { client, message, server } from './testing/messages.ts';

/** A wire that gives these chunks and ends. */
function wireOf(...chunks: readonly Buffer[]): Wire & { readonly left: Buffer[] } {
  const left = [...chunks];
  return { left, read: async () => left.shift(), unread: (chunk: Buffer) => void left.unshift(chunk) } as unknown as Wire & {
    left: Buffer[];
  };
}

const cut = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));

describe('messages', () => {
  test('are written as an independent hand writes them', () => {
    assert.deepEqual(encodeMessage('Q', 'select 1'), client.query('select 1'));
    assert.deepEqual(encodeMessage('S'), client.sync());
    assert.deepEqual(encodeMessage('p', 'ünï', Buffer.from([1, 2])), message('p', Buffer.from('ünï\0'), Buffer.from([1, 2])));
  });

  test('are read whole, cut at every byte, and what comes behind is given back', async () => {
    const bytes = Buffer.concat([server.parameter('a', 'b'), server.ready(), Buffer.from('behind')]);
    for (let size = 1; size <= bytes.length; size++) {
      const wire = wireOf(...cut(bytes, size));
      const reader = new MessageReader(wire);
      const first = await reader.message(100);
      assert.equal(String.fromCharCode(first.type), 'S');
      assert.equal(String(first.body), 'a\0b\0');
      assert.equal(String((await reader.message(100)).body), 'I');
      reader.giveBack();
      assert.equal(Buffer.concat(wire.left).toString(), 'behind');
    }
  });

  test('that are not whole at the end are a fault', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('S'), server.ready().subarray(0, 5)])
      await assert.rejects(
        new MessageReader(wireOf(bytes)).message(100),
        (error) => error instanceof AppError && error.code === 'closed_early',
      );
  });

  test('over the limit of who reads them are a fault before they are kept', async () => {
    await assert.rejects(
      new MessageReader(wireOf(message('p', Buffer.alloc(101)))).message(100),
      (error) => error instanceof AppError && error.code === 'bad_length',
    );
    await new MessageReader(wireOf(message('p', Buffer.alloc(100)))).message(100);
  });

  test('of many megabytes are read in a time that grows with them, not with their square', async () => {
    const whole = message('D', Buffer.alloc(64 * 1024 * 1024));
    const started = performance.now();
    const { body } = await new MessageReader(wireOf(...cut(whole, 16 * 1024))).message(MESSAGE_BYTES_MAX);
    assert.equal(body.length, 64 * 1024 * 1024);
    assert.ok(performance.now() - started < 2_000, `took ${Math.round(performance.now() - started)} ms`);
  });

  test('with a length that cannot be are a fault, and up to the limit they are not', () => {
    const lengthOf = (value: number): number => {
      const head = Buffer.alloc(5);
      head.writeInt32BE(value, 1);
      return messageLength(head, 0);
    };
    for (const value of [3, 0, -1, -(2 ** 31), MESSAGE_BYTES_MAX + 1, 2 ** 31 - 1])
      assert.throws(
        () => lengthOf(value),
        (error) => error instanceof AppError && error.code === 'bad_length',
      );
    for (const value of [4, 5, MESSAGE_BYTES_MAX]) assert.equal(lengthOf(value), value);
  });
});
