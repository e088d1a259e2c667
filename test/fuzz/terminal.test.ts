import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeResize,
  encodeTerminalFrame,
  StartMessage,
  TERMINAL_FRAMES,
  type TerminalFrameKind,
  TerminalFrameReader,
} from '@hoop/contract/terminal';
import { AppError } from '@hoop/core/errors';
import { Gate } from '@hoop/core/gate';
import { compilePolicy } from '@hoop/policy/rules';
import { ShownLine } from '@hoop/protocols/shared/lines/shown-line';
import { MaskStream } from '@hoop/protocols/shared/mask-stream';
import { TerminalRelay } from '@hoop/protocols/terminal/relay';
import { TerminalTranscript } from '@hoop/protocols/terminal/transcript';
import { type Dice, fuzz } from './fuzzer.ts';

const POLICY = compilePolicy({
  revision: 1,
  guardrails: [{ name: 'no drop', input: [{ type: 'deny_words_list', words: ['drop'], pattern_regex: '', message: '' }], output: [] }],
  masks: [{ name: 'pii', entities: ['EMAIL_ADDRESS'] }],
});

const PIECES = [
  'ls -la',
  'drop table',
  'ann@example.test',
  ' ',
  '\r',
  '\n',
  '\r\n',
  '\x7f',
  '\b',
  '\x03',
  '\x04',
  '\x0f',
  '\x15',
  '\x17',
  '\t',
  'é日😀',
].concat(
  [
    '\x1b',
    '\x1b[A',
    '\x1b[D',
    '\x1bOC',
    '\x1b[3~',
    '\x1b[200~',
    '\x1b[201~',
    '\x1b[?1049h',
    '\x1b[?1049l',
    '\x1b[?2004h',
    '\x1b[K',
    '\x1b[2J',
    '\x1b[5@',
  ],
  ['\x1b[12P', '\x1b[H', '\x1b]0;t\x07', '\x1b]8;;x\x1b\\', '\x1bP', '\x1b[31m', '\x1b[99999C', '4111 1111 1111 1111', '\x00\xff'],
);

const text = (dice: Dice): Buffer =>
  Buffer.concat(
    Array.from({ length: dice.number(30) }, () => (dice.number(8) === 0 ? dice.bytes(dice.number(6)) : Buffer.from(dice.pick(PIECES)))),
  );

function frames(dice: Dice, kinds: readonly TerminalFrameKind[]): Buffer {
  const made = Array.from({ length: 1 + dice.number(6) }, () => {
    const kind = dice.pick(kinds);
    if (kind === TERMINAL_FRAMES.resize) return encodeResize(1 + dice.number(300), 1 + dice.number(100));
    if (kind === TERMINAL_FRAMES.signal) return encodeTerminalFrame(kind, Buffer.from(dice.pick(['INT', 'TERM', 'NOPE', ''])));
    if (kind === TERMINAL_FRAMES.exit) return encodeTerminalFrame(kind, Buffer.from('{"code":3}'));
    return encodeTerminalFrame(kind, text(dice));
  });
  return Buffer.concat(made);
}

const { input, inputEnd, resize, signal, stdout, stderr, exit } = TERMINAL_FRAMES;

test('a relay takes anything from a client, and either refuses it as the client’s fault or goes on', async () => {
  await fuzz('terminal relay', async (dice) => {
    const gate = new Gate(POLICY, { intent: () => undefined, settled: () => undefined });
    const start = StartMessage.parse({ mode: dice.pick(['pty', 'pipe']), columns: 1 + dice.number(200) });
    const client: Buffer[] = [];
    const ports = { gate, toTarget: () => undefined, toClient: (bytes: Buffer) => void client.push(bytes) };
    const relay = new TerminalRelay({ start, commandLine: 'sh', verb: 'exec', stop: () => undefined }, ports);
    // Echoes come at once, so that no line waits for one.
    const said = frames(dice, [input, input, input, resize, signal, inputEnd]);
    await relay.fromTarget(Buffer.from(encodeTerminalFrame(stdout, text(dice))));
    const bytes = dice.number(2) === 0 ? dice.mutate(said) : said;
    try {
      const done = (async () => {
        for (const chunk of dice.chunks(bytes)) await relay.fromClient(chunk);
      })();
      // What is typed is shown after a turn, as a terminal does.
      for (const each of PIECES) await relay.fromTarget(Buffer.from(encodeTerminalFrame(stdout, Buffer.from(each))));
      await done;
    } catch (error) {
      if (!(error instanceof AppError) || (error.kind !== 'peer' && error.kind !== 'refusal')) throw error;
    }
    await relay.fromTarget(frames(dice, [stdout, stderr]));
    await relay.fromTarget(frames(dice, [exit]));
    client.push(relay.end(undefined));
    // Whatever came in, what goes out is frames, whole ones.
    const reader = new TerminalFrameReader();
    reader.push(Buffer.concat(client));
    assert.equal(reader.pending, 0);
  });
});

test('a displayed line and a mask take any output, in any pieces, with the same result', async () => {
  await fuzz('terminal output', (dice) => {
    const whole = Buffer.concat([text(dice), text(dice), Buffer.from('$ ')]);
    const one = new ShownLine(80);
    one.feed(whole);
    const other = new ShownLine(80);
    const chunks = dice.chunks(whole);
    for (const chunk of chunks) other.feed(chunk);
    assert.equal(other.text, one.text);
    assert.deepEqual([other.inAlternateScreen, other.takesPastes], [one.inAlternateScreen, one.takesPastes]);
    const stream = new MaskStream();
    const passed = Buffer.concat([...chunks.map((chunk) => stream.push(chunk, POLICY.mask, {})), stream.flush(POLICY.mask, {})]);
    assert.equal(passed.length, whole.length);
    assert.ok(new MaskStream().push(whole, undefined, {}).equals(whole));
  });
});

test('a transcript is read whatever it holds', async () => {
  await fuzz('terminal transcript', (dice) => {
    const reader = new TerminalTranscript();
    for (const chunk of dice.chunks(dice.mutate(frames(dice, [stdout, stderr, exit])))) reader.push(chunk);
  });
});
