import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { AppError } from '@hoop/core/errors';
import { TUNNEL_FRAME_BYTES_MAX } from '@hoop/core/limits';
import fc from 'fast-check';
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from './frame.ts';

interface Heard {
  readonly frames: string[];
  readonly reader: FrameReader;
}

function listening(): Heard {
  const frames: string[] = [];
  const reader = new FrameReader({
    data: (bytes) => {
      // Pieces of data mean nothing by themselves.
      const last = frames.at(-1);
      if (last?.startsWith('data ')) frames[frames.length - 1] = last + bytes.toString('latin1');
      else frames.push(`data ${bytes.toString('latin1')}`);
    },
    message: (kind, payload) => void frames.push(`${kind} ${payload.toString('latin1')}`),
  });
  return { frames, reader };
}

const { data, event, ready } = FRAME_KINDS;

describe('frames', () => {
  const sent: readonly [FrameKind, string][] = [
    [event, '{"one":1}'],
    [data, 'some bytes'],
    [ready, ''],
    [data, 'more'],
    [event, ''],
    [event, 'x'.repeat(300)],
  ];
  const bytes = Buffer.concat(sent.map(([kind, payload]) => encodeFrame(kind, Buffer.from(payload))));
  const expected = sent.map(([kind, payload]) => `${kind === data ? 'data' : kind} ${payload}`);

  test('are read as they were written, cut at any byte', () => {
    for (let at = 0; at <= bytes.length; at++) {
      const { frames, reader } = listening();
      void reader.push(Buffer.from(bytes.subarray(0, at)));
      void reader.push(Buffer.from(bytes.subarray(at)));
      assert.deepEqual(frames, expected);
    }
    const { frames, reader } = listening();
    for (const byte of bytes) void reader.push(Buffer.from([byte]));
    assert.deepEqual(frames, expected);
  });

  test('wait for one another when each is dealt with later', async () => {
    const order: string[] = [];
    let busy = 0;
    const later = async (what: string): Promise<void> => {
      assert.equal(++busy, 1);
      await new Promise((resolve) => setImmediate(resolve));
      busy--;
      order.push(what);
    };
    const reader = new FrameReader({ data: () => later('data'), message: (kind) => later(String(kind)) });
    await reader.push(bytes);
    assert.deepEqual(order, [event, 'data', ready, 'data', event, event].map(String));
  });

  test('in gRPC’s framing: a zero, the length, the kind', () => {
    const frame = encodeFrame(event, Buffer.from('abc'));
    assert.deepEqual(frame, Buffer.from([0, 0, 0, 0, 4, event, 0x61, 0x62, 0x63]));
    assert.equal(frame.length, FRAME_HEADER_BYTES + 3);
  });

  for (const [what, header] of [
    ['compression', [1, 0, 0, 0, 2, event]],
    ['no length', [0, 0, 0, 0, 0, event]],
    ['a length over the limit', [0, ...lengthOf(TUNNEL_FRAME_BYTES_MAX + 2), event]],
    ['a length without end', [0, 255, 255, 255, 255, event]],
    ['an unknown kind', [0, 0, 0, 0, 2, 99]],
  ] as const) {
    test(`that cannot be are the peer’s fault: ${what}`, () => {
      assert.throws(
        () => listening().reader.push(Buffer.from(header)),
        (error) => error instanceof AppError && error.code === 'bad_frame',
      );
    });
  }

  test('of any bytes are read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const { reader } = listening();
        try {
          for (const chunk of chunks) void reader.push(Buffer.from(chunk));
        } catch (error) {
          assert.ok(error instanceof AppError && error.kind === 'peer', String(error));
        }
      }),
    );
  });
});

function lengthOf(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return [...bytes];
}
