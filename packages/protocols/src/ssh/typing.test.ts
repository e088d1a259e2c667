import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { HELD_INPUT_BYTES_MAX } from './limits.ts';
import { encodeMessage, MESSAGE } from './messages.ts';
import { dataMessage, Played, type PlayedOptions, requestMessage } from './testing/played.ts';

/** A channel with a shell in a terminal. */
async function terminal(options: PlayedOptions = {}, { pty = true, start = 'shell' } = {}): Promise<Played> {
  const played = new Played(options);
  played.openSession();
  const begun = played.client(requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''), requestMessage(100, start));
  await played.target(encodeMessage(pty ? MESSAGE.channelSuccess : MESSAGE.channelFailure, 0));
  await begun;
  await played.target(encodeMessage(MESSAGE.channelSuccess, 0), dataMessage(0, Buffer.from('$ ')));
  played.toTarget.length = 0;
  played.toClient.length = 0;
  return played;
}

const typed = ({ toTarget }: Played): string =>
  toTarget.flatMap((message) => (message[0] === MESSAGE.data ? [message.subarray(9).toString()] : [])).join('');

/** Types, and the host echoes it. */
async function type(played: Played, text: string, isEnter = true): Promise<void> {
  for (const character of text) {
    await played.client(dataMessage(100, Buffer.from(character)));
    await played.target(dataMessage(0, Buffer.from(character)));
  }
  if (isEnter) await played.client(dataMessage(100, Buffer.from('\r')));
}

/** Everything that is under way in memory has happened. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What was sent until it holds; lines that are denied are cleared in their own time. */
async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; !holds() && performance.now() < end; ) await quiet();
  assert.ok(holds());
}

const texts = ({ actions }: Played): string[] => actions.map(({ via, text, allowed }) => `${allowed ? 'allow' : 'deny'} ${via} ${text}`);

describe('what is typed into a terminal over SSH', () => {
  it('passes message by message as it came where no rule judges, and its lines are recorded', async () => {
    const played = await terminal();
    const sent: Buffer[] = [];
    const send = async (text: string): Promise<void> => {
      const message = dataMessage(100, Buffer.from(text));
      sent.push(message);
      await played.client(message);
    };
    await send('ls');
    await played.target(dataMessage(0, Buffer.from('ls')));
    await send(' -l\rec');
    await played.target(dataMessage(0, Buffer.from(' -l\r\ntotal 0\r\n$ ec')));
    await send('ho €\r');
    await played.target(dataMessage(0, Buffer.from('ho €\r\n€\r\n$ ')));
    await quiet();
    await send('cat fi');
    await played.target(dataMessage(0, Buffer.from('cat fi')));
    await send('\tx\x1b[A\x1b[');
    await send('B\r\x04');
    await played.target(dataMessage(0, Buffer.from('lex\r\nno\r\n$ ')));
    await quiet();
    assert.deepEqual(played.toTarget, sent);
    assert.deepEqual(texts(played), ['allow terminal shell', 'allow line ls -l', 'allow line echo €', 'allow line cat filex']);
  });

  it('is judged as an editor shows it at last, which may come in several pieces', async () => {
    const played = await terminal({ deny: 'rm -rf /' });
    const shows = (text: string): Promise<void> => Promise.resolve(played.target(dataMessage(0, Buffer.from(text))));
    void played.client(dataMessage(100, Buffer.from('\x1b[A\r')));
    await shows('rm -rf');
    await pause(10);
    await shows(' ');
    await pause(10);
    await shows('/');
    await until(() => texts(played).length === 2);
    assert.deepEqual(texts(played), ['allow terminal shell', 'deny line rm -rf /']);
    assert.doesNotMatch(typed(played), /\r/);
  });

  it('is not looked for lines where more comes than anybody types', async () => {
    const played = await terminal();
    const bulk = dataMessage(100, Buffer.from('echo one\r'.repeat(3_000)));
    await played.client(bulk);
    assert.deepEqual([played.toTarget, texts(played)], [[bulk], ['allow terminal shell']]);
    await type(played, 'ls');
    assert.deepEqual(texts(played), ['allow terminal shell', 'allow line ls']);
  });

  it('waits for its verdict at the Enter, in its own channel alone', async () => {
    const played = await terminal({ deny: 'nothing', late: true });
    await type(played, 'ls', false);
    const held = played.client(
      dataMessage(100, Buffer.from('\rrest')),
      encodeMessage(MESSAGE.channelRequest, 100, 'signal', false, 'INT'),
      encodeMessage(MESSAGE.globalRequest, 'keepalive@openssh.com', false),
      encodeMessage(MESSAGE.eof, 100),
    );
    await held;
    assert.deepEqual(
      played.toTarget.slice(2).map((message) => message[0]),
      [MESSAGE.channelRequest, MESSAGE.globalRequest],
      'what is no input goes on',
    );
    await until(() => played.toTarget.at(-1)?.[0] === MESSAGE.eof);
    assert.equal(typed(played), 'ls\rrest');
    assert.deepEqual(texts(played), ['allow terminal shell', 'allow line ls']);
  });

  it('is cleared when it is denied, with words on the terminal, and the client gets its room back', async () => {
    const played = await terminal({ deny: 'rm' });
    await type(played, 'rm x', false);
    await played.client(dataMessage(100, Buffer.from(`\r${'y'.repeat(500)}\r`)));
    await until(() => typed(played).endsWith('\x05\x15'));
    await played.target(dataMessage(0, Buffer.from('\b\b\b\b\x1b[K')));
    await until(() => /Not rm/.test(played.said()));
    assert.equal(typed(played), 'rm x\x05\x15');
    assert.ok(played.said().endsWith('\r\n\x1b[31mNot rm\x1b[0m\r\n$ '));
    const given = played.toClient.filter((message) => message[0] === MESSAGE.windowAdjust).map((message) => message.readUInt32BE(5));
    assert.deepEqual(given, [500], 'of 502 bytes two were sent in their place');
    assert.equal(Buffer.concat(played.shown.map(({ bytes }) => bytes)).toString(), `$ ${played.said()}`);
    await type(played, 'ls');
    await until(() => typed(played).endsWith('ls\r'));
    assert.deepEqual(texts(played), ['allow terminal shell', 'deny line rm x', 'allow line ls']);
  });

  it('takes no room of the host’s that the client believes to have', async () => {
    const played = await terminal({ deny: 'rm' });
    await type(played, 'rm');
    await until(() => /Not rm/.test(played.said()));
    played.toClient.length = 0;
    await played.target(encodeMessage(MESSAGE.windowAdjust, 0, 1), encodeMessage(MESSAGE.windowAdjust, 0, 100));
    assert.deepEqual(
      played.toClient.map((message) => message.readUInt32BE(5)),
      [100],
      'one byte was sent beyond what the client has sent',
    );
  });

  it('shares nothing with another terminal of the same session', async () => {
    const played = await terminal({ deny: 'rm' });
    await played.client(encodeMessage(MESSAGE.channelOpen, 'session', 1, 2 ** 21, 32_768));
    await played.target(encodeMessage(MESSAGE.openConfirmation, 1, 101, 2 ** 21, 32_768));
    const begun = played.client(requestMessage(101, 'pty-req', 'xterm', 80, 24, 0, 0, ''), requestMessage(101, 'shell'));
    await played.target(encodeMessage(MESSAGE.channelSuccess, 1));
    await begun;
    played.toTarget.length = 0;
    await type(played, 'r', false);
    await played.client(dataMessage(101, Buffer.from('m')));
    await played.target(dataMessage(1, Buffer.from('# m')));
    await played.client(dataMessage(101, Buffer.from('\r')));
    await until(() => played.toTarget.length === 3);
    assert.deepEqual(texts(played).slice(2), ['allow line m']);
  });

  it('goes nowhere when its channel is closed while it waits, and is settled', async () => {
    for (const side of ['client', 'target', 'session'] as const) {
      const played = await terminal({ deny: 'nothing', late: true });
      await type(played, 'ls');
      if (side === 'client') await played.client(encodeMessage(MESSAGE.close, 100));
      else if (side === 'target') await played.target(encodeMessage(MESSAGE.close, 0));
      else played.relay.end(undefined);
      await quiet();
      assert.equal(typed(played), 'ls', side);
      assert.ok(
        played.actions.every(({ outcome }) => outcome || side === 'client'),
        side,
      );
    }
  });

  it('is held up to a limit, behind which the client waits', async () => {
    const played = await terminal({ deny: 'nothing', late: true });
    await type(played, 'ls', false);
    let isTaken = false;
    const piece = Buffer.alloc(32 * 1024, 'x');
    const pieces = Array.from({ length: HELD_INPUT_BYTES_MAX / piece.length + 2 }, () => dataMessage(100, piece));
    const taken = Promise.resolve(played.client(dataMessage(100, Buffer.from('\r')), ...pieces)).then(() => {
      isTaken = true;
    });
    assert.equal(isTaken, false);
    await taken;
    await until(() => typed(played).length === 3 + pieces.length * piece.length);
  });

  it('is begun as a shell without a terminal where the host gives none, or does not say so', async () => {
    const refused = await terminal({ deny: 'nothing' }, { pty: false });
    assert.deepEqual(texts(refused), ['allow shell shell']);
    const unsure = new Played({ deny: 'nothing' });
    unsure.openSession();
    const silent = encodeMessage(MESSAGE.channelRequest, 100, 'pty-req', false, 'xterm', 80, 24, 0, 0, '');
    await unsure.client(silent, requestMessage(100, 'shell'));
    assert.deepEqual(texts(unsure), ['allow shell shell']);
    const gone = new Played({ deny: 'nothing' });
    gone.openSession();
    const begun = gone.client(requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''), requestMessage(100, 'shell'));
    await gone.target(encodeMessage(MESSAGE.close, 0));
    await begun;
    assert.deepEqual(texts(gone), ['allow shell shell']);
  });

  it('is not looked at in what has no terminal', async () => {
    const played = new Played({ deny: 'rm' });
    played.exec('sh');
    const input = dataMessage(100, Buffer.from('rm x\n'));
    await played.client(input);
    assert.deepEqual(played.toTarget, [input]);
  });

  it('is judged from the moment that there are rules, and passes again when there are none', async () => {
    const played = await terminal();
    await type(played, 'r', false);
    played.forbid('rm');
    await type(played, 'm');
    await until(() => /Not rm/.test(played.said()));
    assert.equal(typed(played), 'rm\x05\x15');
    played.forbid(undefined);
    await played.target(dataMessage(0, Buffer.from('\r\x1b[K$ ')));
    await type(played, 'rm');
    await quiet();
    assert.equal(typed(played), 'rm\x05\x15rm\r');
  });
});
