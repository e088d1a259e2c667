import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Denial } from '@hoop/core/action';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { hiding } from '../../shared/testing/hiding.ts';
import { encodeMessage, MESSAGE, STDERR, u32 } from '../messages.ts';
import { confirmMessage, dataMessage, openMessage, Played, requestMessage } from '../testing/played.ts';

const forbids = (text: Buffer): Denial | undefined =>
  text.includes('top secret') ? { rule: 'quiet', message: 'This must not be seen' } : undefined;

const stderrMessage = (text: string): Buffer => encodeMessage(MESSAGE.extendedData, 0, STDERR, text);
const exitStatus = (status: number): Buffer => Buffer.concat([encodeMessage(MESSAGE.channelRequest, 0, 'exit-status', false), u32(status)]);
const types = (messages: readonly Buffer[]): number[] => messages.map((message) => message[0] ?? 0);
const ended = [encodeMessage(MESSAGE.eof, 0), exitStatus(0), encodeMessage(MESSAGE.close, 0)];

describe('the output of a command on a masked connection', () => {
  it('hides values on both streams, wherever they are cut, and counts them', () => {
    const text = 'to \x1b[1mann@exa\x1b[0mmple.test and bob@example.test\n';
    for (let at = 0; at <= text.length; at++) {
      const played = new Played({ mask: hiding() });
      played.exec('users');
      void played.target(dataMessage(0, Buffer.from(text.slice(0, at))), dataMessage(0, Buffer.from(text.slice(at))));
      void played.target(stderrMessage('no cy@example.test here\n'), ...ended);
      assert.equal(played.said(), 'to \x1b[1m#######\x1b[0m######### and ################\n', `cut at ${at}`);
      assert.equal(played.said('stderr'), 'no ############### here\n');
      assert.deepEqual(types(played.toClient).slice(-3), [MESSAGE.eof, MESSAGE.channelRequest, MESSAGE.close]);
      const { outcome } = played.actions[0] ?? {};
      assert.deepEqual([outcome?.masked, outcome?.bytes, outcome?.rows], [{ EMAIL_ADDRESS: 3 }, text.length + 24, 1], `cut at ${at}`);
    }
  });

  it('records an error’s first words as the client saw them', () => {
    const played = new Played({ mask: hiding() });
    played.exec('users');
    void played.target(stderrMessage('nobody is ann@example.test\n'), exitStatus(1), encodeMessage(MESSAGE.close, 0));
    assert.equal(played.actions[0]?.outcome?.error, 'exit status 1: nobody is ################');
  });

  it('does not hold back a line for long whose end does not come', async () => {
    const played = new Played({ mask: hiding() });
    played.exec('users');
    void played.target(dataMessage(0, Buffer.from('name: ')), dataMessage(0, Buffer.from('ann')));
    const until = performance.now() + 10_000;
    while (played.said() !== 'name: ann' && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(played.said(), 'name: ann');
  });

  it('keeps the windows of both sides whole when a value gets longer, and when it gets shorter', () => {
    const line = 'a@b.c ';
    for (const length of [1, 40]) {
      const played = new Played({ mask: hiding(length) });
      const window = 100_000;
      played.exec('users', window);
      let [sent, taken, room] = [0, 0, window - 8_192];
      for (let round = 0; round < 200; round++) {
        const count = Math.min(Math.floor((room - sent + played.granted()) / line.length), 500);
        if (count > 0) {
          void played.target(dataMessage(0, Buffer.from(line.repeat(count))));
          sent += count * line.length;
        }
        const before = taken;
        taken = played.said().length;
        assert.ok(taken - before <= window, 'the client got more than it takes');
        if (taken > before) void played.client(encodeMessage(MESSAGE.windowAdjust, 100, taken - before));
        room = window - 8_192;
      }
      void played.target(...ended);
      void played.client(encodeMessage(MESSAGE.windowAdjust, 100, 2 ** 30));
      assert.ok(sent > 200_000, `the target was stopped after ${sent} bytes`);
      assert.equal(played.said(), `${'#'.repeat(length)} `.repeat(sent / line.length));
      assert.equal(types(played.toClient).at(-1), MESSAGE.close);
    }
  });

  it('takes the status of a command for no end of its output', () => {
    const played = new Played({ mask: hiding(3) });
    played.exec('users');
    void played.target(dataMessage(0, Buffer.from('to ann@exam')), exitStatus(0), dataMessage(0, Buffer.from('ple.test\n')));
    void played.target(encodeMessage(MESSAGE.eof, 0), encodeMessage(MESSAGE.close, 0));
    assert.equal(played.said(), 'to ###\n');
    assert.deepEqual(types(played.toClient).slice(-2), [MESSAGE.eof, MESSAGE.close]);
    assert.equal(played.actions[0]?.outcome?.exit_code, 0);
  });

  it('lets no end overtake output that waits for the client', () => {
    const played = new Played({ mask: hiding(1_000) });
    played.exec('users', 40_000);
    void played.target(dataMessage(0, Buffer.from('a@b.c '.repeat(100))), ...ended);
    assert.deepEqual(new Set(types(played.toClient)), new Set([MESSAGE.data]));
    void played.client(encodeMessage(MESSAGE.windowAdjust, 100, 2 ** 20));
    assert.equal(played.said().length, 100 * 1_001);
    assert.deepEqual(types(played.toClient).slice(-3), [MESSAGE.eof, MESSAGE.channelRequest, MESSAGE.close]);
    void played.client(encodeMessage(MESSAGE.close, 100));
    played.openSession();
  });

  it('shows nothing that is no text, in which nothing could be found', () => {
    for (const bytes of [Buffer.from('a\0n\0n\0@\0b\0.\0c\0', 'latin1'), Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x41])]) {
      const played = new Played({ mask: hiding() });
      played.exec('gzip -c file');
      void played.target(dataMessage(0, bytes));
      assert.deepEqual(types(played.toClient), [MESSAGE.extendedData, MESSAGE.channelRequest, MESSAGE.eof]);
      assert.match(played.said('stderr'), /The output is not text/);
      assert.equal(played.toClient[1]?.at(-1), 254);
      assert.deepEqual(types(played.toTarget), [MESSAGE.channelRequest, MESSAGE.channelRequest, MESSAGE.close]);
      void played.target(dataMessage(0, Buffer.from('more')), encodeMessage(MESSAGE.close, 0));
      void played.client(encodeMessage(MESSAGE.close, 100));
      assert.equal(played.said(), '');
      assert.match(played.actions[0]?.outcome?.error ?? '', /masking/);
      played.openSession();
    }
  });

  it('refuses programs whose data is packed before they run, and says why', () => {
    const commands = [
      'rsync --server --sender -vlogDtpre.iLsfxC . /etc',
      'scp -f /etc/passwd',
      'scp -v -r -f -- x',
      "git-upload-pack '/repo.git'",
      'git upload-pack /repo.git',
      "git-upload-archive '/repo.git'",
      '/usr/lib/openssh/sftp-server',
      'cd /tmp; scp -t .',
    ];
    for (const command of commands) {
      const played = new Played({ mask: hiding() });
      played.openSession();
      void played.client(requestMessage(100, 'exec', command));
      assert.deepEqual(types(played.toTarget), [MESSAGE.close], command);
      assert.match(played.said('stderr'), /cannot be looked at/, command);
      assert.match(played.actions[0]?.outcome?.error ?? '', /^refused/, command);
      const open = new Played();
      open.openSession();
      void open.client(requestMessage(100, 'exec', command));
      assert.deepEqual(types(open.toTarget), [MESSAGE.channelRequest], command);
    }
  });

  it('forwards nothing, because nobody could look into it', () => {
    const played = new Played({ mask: hiding(), allow: { localForward: true, remoteForward: true } });
    void played.client(openMessage('direct-tcpip', 0, 1_000, 'db', 5432, 'here', 1));
    void played.client(encodeMessage(MESSAGE.globalRequest, 'tcpip-forward', true, '', 8_080));
    assert.deepEqual([types(played.toTarget), types(played.toClient)], [[], [MESSAGE.openFailure, MESSAGE.requestFailure]]);
    assert.match(played.toClient[0]?.toString() ?? '', /Nothing is forwarded/);
    const open = new Played({ allow: { localForward: true } });
    void open.client(openMessage('direct-tcpip', 0, 1_000, 'db', 5432, 'here', 1));
    void open.target(confirmMessage(0, 100));
    open.maskBy(hiding());
    assert.throws(() => void open.target(dataMessage(0, Buffer.from('ann@example.test'))), { code: 'forward_masked' });
  });

  it('hides values from the moment on in which the rules say so, in what runs already', () => {
    const played = new Played();
    played.exec('users');
    void played.target(dataMessage(0, Buffer.from('ann@example.test\n')));
    played.maskBy(hiding(3));
    void played.target(dataMessage(0, Buffer.from('bob@example.test\n')));
    played.maskBy(undefined);
    void played.target(dataMessage(0, Buffer.from('cy@example.test\n')), ...ended);
    assert.equal(played.said(), 'ann@example.test\n###\ncy@example.test\n');
  });

  it('asks a detector that is elsewhere first, and keeps the order', async () => {
    const known = new Set<string>();
    const remote: Mask = {
      ...hiding(),
      prepare: async (texts) => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const text of texts) known.add(text.toString('latin1'));
      },
      apply: (bytes, counts: MaskCounts) =>
        known.has(bytes.toString('latin1')) ? hiding().apply(bytes, counts) : Buffer.alloc(bytes.length, '?'),
    };
    const played = new Played({ mask: remote });
    played.exec('users');
    await played.target(dataMessage(0, Buffer.from('one ann@exam')), dataMessage(0, Buffer.from('ple.test two')), ...ended);
    assert.equal(played.said(), 'one ################ two');
    assert.equal(types(played.toClient).at(-1), MESSAGE.close);
  });

  it('drops error output of a kind that nobody knows', () => {
    const played = new Played({ mask: hiding() });
    played.exec('users');
    void played.target(encodeMessage(MESSAGE.extendedData, 0, 7, 'ann@example.test'));
    assert.deepEqual(played.toClient, []);
  });
});

describe('rules about what may be shown', () => {
  it('end the channel before forbidden output, with words on the error output and a status', () => {
    const text = 'one line\nthe top secret thing\nanother\n';
    for (let at = 0; at <= text.length; at++) {
      const played = new Played({ answer: { forbids } });
      played.exec('cat file');
      void played.target(dataMessage(0, Buffer.from(text.slice(0, at))), dataMessage(0, Buffer.from(text.slice(at))));
      assert.ok(text.startsWith(played.said()), 'nothing else is said');
      assert.doesNotMatch(played.said(), /secret/, `cut at ${at}`);
      assert.match(played.said('stderr'), /^hoop: This must not be seen \(rule: quiet\)/, `cut at ${at}`);
      assert.equal(played.toClient.at(-2)?.at(-1), 254);
      assert.deepEqual(types(played.toTarget).slice(-3), [MESSAGE.channelRequest, MESSAGE.channelRequest, MESSAGE.close]);
      void played.target(encodeMessage(MESSAGE.close, 0));
      assert.match(played.actions[0]?.outcome?.error ?? '', /quiet/);
    }
  });

  it('see a text through its colours, and on the error output', () => {
    for (const message of [dataMessage(0, Buffer.from('top \x1b[31msec\x1b[0mret')), stderrMessage('top secret')]) {
      const played = new Played({ answer: { forbids } });
      played.exec('cat file');
      void played.target(message);
      assert.match(played.said('stderr'), /This must not be seen/);
      assert.doesNotMatch(played.said(), /sec/);
    }
  });

  it('pass everything else as it is, with its end', () => {
    const played = new Played({ answer: { forbids } });
    played.exec('cat file');
    void played.target(dataMessage(0, Buffer.from('\x00\xffplain', 'latin1')), ...ended);
    assert.deepEqual(
      played.toClient
        .filter((message) => message[0] === MESSAGE.data)
        .map((message) => message.subarray(9))
        .map(String)
        .join(''),
      Buffer.from('\x00\xffplain', 'latin1').toString(),
    );
    assert.equal(types(played.toClient).at(-1), MESSAGE.close);
  });
});

describe('what a terminal shows over SSH', () => {
  const terminal = (options: ConstructorParameters<typeof Played>[0] = {}): Played => {
    const played = new Played(options);
    played.openSession();
    void played.client(requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''), requestMessage(100, 'shell'));
    void played.target(encodeMessage(MESSAGE.channelSuccess, 0), encodeMessage(MESSAGE.channelSuccess, 0));
    played.toClient.length = 0;
    return played;
  };

  it('is recorded byte for byte, with its size, as the client gets it', () => {
    for (const mask of [undefined, hiding(3)]) {
      const played = terminal({ mask });
      void played.target(dataMessage(0, Buffer.from('$ echo ann@example.test\r\n')));
      void played.client(encodeMessage(MESSAGE.channelRequest, 100, 'window-change', false, 132, 50, 0, 0));
      void played.target(dataMessage(0, Buffer.from('\x1b[2Kmore\r\n')), ...ended);
      assert.equal(Buffer.concat(played.shown.map(({ bytes }) => bytes)).toString(), played.said());
      assert.equal(played.said().includes('ann@'), mask === undefined);
      assert.deepEqual(
        played.shown.flatMap(({ size }) => (size ? [size] : [])),
        [
          { columns: 80, rows: 24 },
          { columns: 132, rows: 50 },
        ],
      );
    }
  });

  it('is not recorded of commands without a terminal, nor of files', () => {
    const played = new Played();
    played.exec('cat file');
    void played.target(dataMessage(0, Buffer.from('content')), ...ended);
    const files = new Played();
    files.openSftp();
    void files.target(dataMessage(0, Buffer.from([0, 0, 0, 5, 2, 0, 0, 0, 3])));
    const refused = new Played();
    refused.openSession();
    void refused.client(requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''));
    void refused.target(encodeMessage(MESSAGE.channelFailure, 0));
    void refused.client(requestMessage(100, 'exec', 'cat file'));
    void refused.target(encodeMessage(MESSAGE.channelSuccess, 0), dataMessage(0, Buffer.from('content')));
    assert.deepEqual([played.shown, files.shown, refused.shown], [[], [], []]);
  });
});
