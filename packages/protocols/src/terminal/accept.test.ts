import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeTerminalFrame, encodeTerminalMessage, StartMessage, TERMINAL_FRAMES, TerminalFrameReader } from '@hoop/contract/terminal';
import { AppError, Refusal, TargetFault } from '@hoop/core/errors';
import type { Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { accept } from './accept.ts';
import { startFromHello } from './start.ts';
import { refusalWords } from './words.ts';

/** A client that has said these chunks, and hears what is written to it. */
function clientOf(chunks: readonly Buffer[]): { wire: Wire; heard: Buffer[]; rest(): Promise<Buffer> } {
  const queue = [...chunks];
  const heard: Buffer[] = [];
  const wire: Wire = {
    peer: 'test',
    open: true,
    read: () => Promise.resolve(queue.shift()),
    unread: (chunk) => void queue.unshift(chunk),
    pump: () => Promise.resolve(),
    write: (bytes) => void heard.push(bytes),
    end: () => undefined,
    destroy: () => undefined,
  };
  return { wire, heard, rest: async () => Buffer.concat(queue) };
}

const door = (proven: string | undefined) =>
  ({
    tls: undefined,
    tlsRequired: false,
    proven,
    login: () => Promise.reject(new Refusal('unauthenticated', 'No')),
    cancel: () => undefined,
    mintCancelKey: () => '',
  }) as unknown as Door<string>;

const start = StartMessage.parse({ mode: 'pty', args: ['a b', '$X'], columns: 132, rows: 43, term: 'screen', timeout_ms: 5 });
const first = Buffer.from(encodeTerminalMessage(TERMINAL_FRAMES.start, start));
const behind = Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.input, Buffer.from('typed ahead')));

function words(heard: readonly Buffer[]): { kind: number; text: string }[] {
  return new TerminalFrameReader().push(Buffer.concat(heard)).map(({ kind, payload }) => ({ kind, text: Buffer.from(payload).toString() }));
}

describe('a client that begins', () => {
  test('is understood, and what it said ahead is kept, wherever it is cut', async () => {
    const all = Buffer.concat([first, behind]);
    for (let at = 1; at < all.length; at++) {
      const { wire, rest } = clientOf([all.subarray(0, at), all.subarray(at)]);
      const accepted = await accept(wire, door('ann'));
      assert.ok(accepted);
      assert.deepEqual([accepted.grant, startFromHello(accepted.hello)], ['ann', start]);
      assert.deepEqual(await rest(), behind, `cut at ${at}`);
    }
  });

  test('without being known is told so in frames', async () => {
    const { wire, heard } = clientOf([first]);
    await assert.rejects(accept(wire, door(undefined)), (error) => error instanceof AppError && error.code === 'unauthenticated');
    assert.deepEqual(
      words(heard).map(({ kind }) => kind),
      [TERMINAL_FRAMES.notice, TERMINAL_FRAMES.exit],
    );
  });

  for (const [about, bytes] of [
    ['input before a start', behind],
    ['a start that is no JSON', Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.start, Buffer.from('{')))],
    ['a start of another kind', Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.start, Buffer.from('{"mode":"window"}')))],
    [
      'a zero byte in an argument',
      Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.start, Buffer.from('{"mode":"pty","args":["a\\u0000b"]}'))),
    ],
    ['a size without an end', Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.start, Buffer.from('{"mode":"pty","columns":1e9}')))],
    ['a length that is too large', Buffer.from([1, 0xff, 0xff, 0xff, 0xff])],
    ['nothing', Buffer.alloc(0)],
  ] as const) {
    test(`with ${about} is refused as a fault of its own`, async () => {
      const { wire, heard } = clientOf(bytes.length === 0 ? [] : [bytes]);
      await assert.rejects(accept(wire, door('ann')), (error) => error instanceof AppError && error.kind === 'peer');
      assert.equal(words(heard).at(-1)?.kind, TERMINAL_FRAMES.exit);
    });
  }
});

test('a refusal is told with words on one line and the code that stands for it', () => {
  const [notice, exit] = words([refusalWords(new Refusal('x', 'first\nsecond'))]);
  assert.deepEqual([notice?.text, exit?.text], ['first second', '{"code":254}']);
  const codes = [
    new TargetFault('command_not_found', ''),
    new TargetFault('command_not_executable', ''),
    new TargetFault('agent_offline', ''),
    new TargetFault('something_else', ''),
  ];
  assert.deepEqual(
    codes.map((error) => words([refusalWords(error)])[1]?.text),
    ['{"code":127}', '{"code":126}', '{"code":69}', '{"code":1}'],
  );
});
