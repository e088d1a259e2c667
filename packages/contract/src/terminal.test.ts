import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeResize,
  encodeResize,
  encodeTerminalFrame,
  encodeTerminalMessage,
  StartMessage,
  TERMINAL_FRAMES,
  TERMINAL_HEADER_BYTES,
  TERMINAL_PAYLOAD_BYTES_MAX,
  type TerminalFrame,
  TerminalFrameError,
  TerminalFrameReader,
} from './terminal.ts';

describe('terminal frames', () => {
  const start = StartMessage.parse({ mode: 'pty', args: ['-l', 'ü'] });
  const sent = [
    encodeTerminalMessage(TERMINAL_FRAMES.start, start),
    encodeTerminalFrame(TERMINAL_FRAMES.input, new TextEncoder().encode('ls -l\r')),
    encodeResize(132, 43),
    encodeTerminalFrame(TERMINAL_FRAMES.inputEnd, new Uint8Array()),
  ];
  const stream = Buffer.concat(sent);

  it('come out as they went in, however the stream is cut', () => {
    for (let size = 1; size <= stream.length; size++) {
      const reader = new TerminalFrameReader();
      const frames: TerminalFrame[] = [];
      for (let at = 0; at < stream.length; at += size) frames.push(...reader.push(stream.subarray(at, at + size)));
      assert.deepEqual(
        frames.map(({ kind, payload }) => Buffer.concat([encodeTerminalFrame(kind as never, payload)])),
        sent.map((frame) => Buffer.from(frame)),
      );
      assert.equal(reader.pending, 0);
    }
  });

  it('are refused at once when they claim to be too large', () => {
    const header = Buffer.alloc(TERMINAL_HEADER_BYTES);
    header[0] = TERMINAL_FRAMES.input;
    header.writeUInt32BE(TERMINAL_PAYLOAD_BYTES_MAX + 1, 1);
    assert.throws(() => new TerminalFrameReader().push(header), TerminalFrameError);
  });

  it('tell a size of at least one cell', () => {
    const [frame] = new TerminalFrameReader().push(encodeResize(132, 43));
    assert.deepEqual(frame && decodeResize(frame.payload), { columns: 132, rows: 43 });
    assert.equal(decodeResize(new Uint8Array([0, 0, 0, 43])), undefined);
    assert.equal(decodeResize(new Uint8Array(3)), undefined);
  });
});
