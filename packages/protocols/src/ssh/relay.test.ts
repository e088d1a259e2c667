import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerFault, Refusal } from '@hoop/core/errors';
import {
  CHANNELS_MAX,
  ENV_COUNT_MAX,
  FRAME_BYTES_MAX,
  OWN_WORDS_BYTES_MAX,
  REMOTE_FORWARDS_MAX,
  REPLIES_OWED_MAX,
  REQUESTS_MAX,
} from './limits.ts';
import { encodeMessage, MESSAGE, u32 } from './messages.ts';
import { confirmMessage, dataMessage, openMessage, Played, requestMessage } from './testing/played.ts';

const types = (messages: readonly Buffer[]): number[] => messages.map((message) => message[0] ?? 0);

describe('the relay of SSH channels', () => {
  it('passes what nobody forbids as it is, and tells how it ended', () => {
    const played = new Played();
    played.openSession();
    void played.client(requestMessage(100, 'exec', 'ls'));
    void played.target(encodeMessage(MESSAGE.channelSuccess, 0), dataMessage(0, Buffer.from('one\ntwo\n')));
    void played.target(Buffer.concat([encodeMessage(MESSAGE.channelRequest, 0, 'exit-status', false), u32(0)]));
    void played.target(encodeMessage(MESSAGE.eof, 0), encodeMessage(MESSAGE.close, 0));
    void played.client(encodeMessage(MESSAGE.close, 100));
    assert.deepEqual(types(played.toTarget), [MESSAGE.channelRequest, MESSAGE.close]);
    assert.deepEqual(types(played.toClient), [99, 94, 98, 96, 97]);
    assert.deepEqual(played.actions, [{ via: 'exec', text: 'ls', allowed: true, outcome: { rows: 2, bytes: 8, exit_code: 0 } }]);
    assert.equal(played.relay.busy, false);
  });

  for (const late of [false, true]) {
    it(`answers a denied command on its error output, and lets nothing of it pass${late ? ', when the verdict comes late too' : ''}`, async () => {
      const played = new Played({ deny: 'rm', late });
      played.openSession();
      await played.client(requestMessage(100, 'exec', 'rm -rf /'), dataMessage(100, Buffer.from('input')), encodeMessage(MESSAGE.eof, 100));
      assert.deepEqual(types(played.toTarget), [MESSAGE.close]);
      assert.deepEqual(types(played.toClient), [99, 95, 98, 96]);
      assert.match(played.toClient[1]?.toString() ?? '', /Not rm/);
      assert.equal(played.toClient[2]?.readUInt32BE((played.toClient[2]?.length ?? 4) - 4), 254);
      void played.target(encodeMessage(MESSAGE.close, 0));
      assert.deepEqual(types(played.toClient).slice(-1), [MESSAGE.close]);
      void played.client(encodeMessage(MESSAGE.close, 100));
      // Both numbers are free again.
      played.openSession();
    });
  }

  it('answers a request that it refuses in its turn among those that the host answers', () => {
    const played = new Played();
    played.openSession();
    void played.client(
      requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''),
      requestMessage(100, 'x11-req'),
      requestMessage(100, 'shell'),
    );
    assert.deepEqual(types(played.toClient), []);
    void played.target(encodeMessage(MESSAGE.channelSuccess, 0));
    assert.deepEqual(types(played.toClient), [MESSAGE.channelSuccess, MESSAGE.channelFailure]);
    void played.target(encodeMessage(MESSAGE.channelSuccess, 0));
    assert.deepEqual(types(played.toClient), [99, 100, 99]);
    assert.deepEqual(
      played.actions.map(({ via }) => via),
      ['terminal'],
    );
  });

  it('starts one thing a channel, and judges no second', () => {
    const played = new Played();
    played.openSession();
    void played.client(requestMessage(100, 'exec', 'one'), requestMessage(100, 'exec', 'two'), requestMessage(100, 'shell'));
    assert.deepEqual(
      played.actions.map(({ text }) => text),
      ['one'],
    );
    assert.equal(played.toTarget.length, 1);
  });

  it('takes every message that is cut off anywhere for a fault of its sender, or for nothing (A09)', () => {
    const whole = [
      openMessage('session', 7, 1_000),
      openMessage('direct-tcpip', 7, 1_000, 'host', 22, 'here', 1),
      confirmMessage(100, 7),
      encodeMessage(MESSAGE.openFailure, 100, 1, 'no', ''),
      encodeMessage(MESSAGE.windowAdjust, 100, 5),
      dataMessage(100, Buffer.from('data')),
      encodeMessage(MESSAGE.extendedData, 100, 1, 'words'),
      requestMessage(100, 'exec', 'ls'),
      requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''),
      encodeMessage(MESSAGE.globalRequest, 'tcpip-forward', true, '', 8_080),
      ...[MESSAGE.eof, MESSAGE.close, MESSAGE.channelSuccess, MESSAGE.channelFailure].map((type) => encodeMessage(type, 100)),
    ];
    for (const side of ['client', 'target'] as const) {
      for (const message of whole) {
        if (side === 'target' && message.length >= 5 && message.readUInt32BE(1) === 100) message.writeUInt32BE(0, 1);
        for (let length = 1; length < message.length; length++) {
          const played = new Played();
          played.openSession();
          try {
            void played[side](message.subarray(0, length));
          } catch (error) {
            assert.ok(error instanceof PeerFault, `${side}, ${message[0]}, ${length} bytes: ${String(error)}`);
          }
        }
      }
    }
  });

  it('keeps a part of the client’s window for words of its own', () => {
    const played = new Played();
    void played.client(openMessage('session', 0, 1_000_000));
    assert.equal(played.toTarget[0]?.readUInt32BE(1 + 4 + 7 + 4), 1_000_000 - OWN_WORDS_BYTES_MAX);
    void played.target(confirmMessage(0, 100));
    void played.client(encodeMessage(MESSAGE.windowAdjust, 100, 5_000));
    assert.equal(played.toTarget.at(-1)?.readUInt32BE(5), 5_000);
    void played.client(openMessage('session', 1, 24_576));
    assert.equal(played.toTarget.at(-1)?.readUInt32BE(1 + 4 + 7 + 4), 18_432, 'of a small one a quarter');
  });

  it('lets only variables pass that change nothing but how things look, and not without end', () => {
    const played = new Played();
    played.openSession();
    const env = (name: string): Buffer => encodeMessage(MESSAGE.channelRequest, 100, 'env', false, name, 'value');
    for (const name of ['LD_PRELOAD', 'BASH_ENV', 'PATH', 'LC_', 'LC_ALL\n', 'GIT_SSH_COMMAND']) void played.client(env(name));
    assert.equal(played.toTarget.length, 0);
    for (let count = 0; count < 10 * ENV_COUNT_MAX; count++) void played.client(env('LC_ALL'));
    assert.equal(played.toTarget.length, ENV_COUNT_MAX);
    void played.client(encodeMessage(MESSAGE.channelRequest, 100, 'env', false, 'LANG', 'x'.repeat(5_000)));
    assert.equal(played.toTarget.length, ENV_COUNT_MAX);
  });

  it('keeps the host’s own keys and requests from the client, and opens nothing at this side that only the host wants (A11)', () => {
    const played = new Played();
    void played.target(encodeMessage(MESSAGE.globalRequest, 'hostkeys-00@openssh.com', false, 'key'));
    void played.target(encodeMessage(MESSAGE.globalRequest, 'other', true));
    void played.target(
      openMessage('x11', 7, 1_000, 'address', 1),
      openMessage('auth-agent@openssh.com', 8),
      openMessage('forwarded-tcpip', 9),
    );
    assert.deepEqual(types(played.toClient), []);
    assert.deepEqual(types(played.toTarget), [82, 92, 92, 92]);
  });

  it('refuses forwards that are not allowed, sockets of the host, tunnels, and whatever it does not know (A18)', () => {
    const played = new Played();
    const kinds = ['direct-tcpip', 'direct-streamlocal@openssh.com', 'tun@openssh.com', 'x11', 'auth-agent@openssh.com', 'new'];
    kinds.forEach((kind, at) => void played.client(openMessage(kind, at, 1_000, 'localhost', 22, 'here', 1)));
    void played.client(encodeMessage(MESSAGE.globalRequest, 'tcpip-forward', true, '', 8_080));
    void played.client(encodeMessage(MESSAGE.globalRequest, 'streamlocal-forward@openssh.com', true, '/tmp/s'));
    assert.deepEqual(played.toTarget, []);
    assert.deepEqual(types(played.toClient), [92, 92, 92, 92, 92, 92, 82, 82]);
    assert.deepEqual(played.actions, []);
  });

  it('judges each forward by where it leads', () => {
    const played = new Played({ allow: { localForward: true, remoteForward: true }, deny: '169.254.' });
    void played.client(
      openMessage('direct-tcpip', 0, 1_000, '169.254.169.254', 80, 'here', 1),
      openMessage('direct-tcpip', 1, 1_000, 'db', 5432, 'here', 1),
    );
    assert.deepEqual(
      played.actions.map(({ text, allowed }) => [text, allowed]),
      [
        ['169.254.169.254:80', false],
        ['db:5432', true],
      ],
    );
    assert.deepEqual(types(played.toClient), [MESSAGE.openFailure]);
    assert.equal(played.toTarget.length, 1);
  });

  it('counts no remote forward that the host has refused, and lets the host open nothing for it', () => {
    const played = new Played({ allow: { remoteForward: true } });
    const wish = encodeMessage(MESSAGE.globalRequest, 'tcpip-forward', true, '127.0.0.1', 8080);
    for (let time = 0; time <= REMOTE_FORWARDS_MAX; time++) {
      void played.client(wish);
      void played.target(Buffer.from([MESSAGE.requestFailure]));
    }
    assert.equal(played.toTarget.length, REMOTE_FORWARDS_MAX + 1);
    void played.target(openMessage('forwarded-tcpip', 5, 1_000, '127.0.0.1', 8080, '127.0.0.1', 999));
    assert.equal(played.toTarget.at(-1)?.[0], MESSAGE.openFailure);
  });

  it('without a certificate’s permission gives no terminal', () => {
    const played = new Played({ allow: { pty: false } });
    played.openSession();
    void played.client(requestMessage(100, 'pty-req', 'xterm', 80, 24, 0, 0, ''));
    assert.deepEqual([types(played.toClient), types(played.toTarget)], [[MESSAGE.channelFailure], []]);
  });

  it('ends a session that breaks the protocol, and only with a fault (A09)', () => {
    const broken: readonly ((played: Played) => unknown)[] = [
      (played) => played.client(dataMessage(5, Buffer.from('x'))),
      (played) => played.client(openMessage('session', 0)),
      (played) => played.client(encodeMessage(MESSAGE.extendedData, 100, 1, 'x')),
      (played) => played.client(requestMessage(100, 'exec', 'ls\0; rm')),
      (played) => played.client(encodeMessage(MESSAGE.channelSuccess, 100)),
      (played) => played.client(encodeMessage(MESSAGE.close, 100), encodeMessage(MESSAGE.close, 100)),
      (played) => played.client(Buffer.from([MESSAGE.data, 0, 0])),
      (played) => played.client(Buffer.from([77])),
      (played) => played.client(dataMessage(100, Buffer.from('x')).fill(0xff, 5, 9)),
      (played) => played.relay.fromClient(u32(0)),
      (played) => played.relay.fromClient(u32(FRAME_BYTES_MAX + 1)),
      (played) => played.target(encodeMessage(MESSAGE.channelSuccess, 0)),
      (played) => played.target(confirmMessage(0, 101)),
    ];
    for (const breaks of broken) {
      const played = new Played();
      played.openSession();
      assert.throws(() => void breaks(played), { kind: 'peer' }, breaks.toString());
    }
  });

  it('does not open channels without end, nor wait for answers without end (A19)', () => {
    const played = new Played();
    for (let id = 0; id < CHANNELS_MAX; id++) void played.client(openMessage('session', id));
    assert.equal(played.toTarget.length, CHANNELS_MAX);
    void played.client(openMessage('session', CHANNELS_MAX));
    assert.deepEqual(types(played.toClient), [MESSAGE.openFailure]);
    const asking = new Played();
    assert.throws(
      () => {
        for (let count = 0; count <= REPLIES_OWED_MAX; count++)
          void asking.client(encodeMessage(MESSAGE.globalRequest, 'keepalive@openssh.com', true));
      },
      { code: 'too_many_requests' },
    );
  });

  it('ends a session that asks faster than anybody can mean it (A19)', () => {
    const floods: readonly (() => Buffer)[] = [
      () => encodeMessage(MESSAGE.globalRequest, 'other', false),
      () => encodeMessage(MESSAGE.channelRequest, 100, 'window-change', false, 80, 24, 0, 0),
      () => encodeMessage(MESSAGE.channelRequest, 100, 'env', false, 'LANG', 'C'),
      () => encodeMessage(MESSAGE.channelRequest, 100, 'signal', false, 'INT'),
      () => openMessage('x11', 9, 1_000),
    ];
    for (const flood of floods) {
      const played = new Played();
      played.openSession();
      for (let count = 2; count <= REQUESTS_MAX; count++) void played.client(flood());
      assert.throws(() => void played.client(flood()), { code: 'too_many_requests' });
    }
  });

  it('judges a command by what can be read of it, and passes the bytes that came (A05)', () => {
    for (const command of [Buffer.from('rm\xff -rf /', 'latin1'), Buffer.from('\xc0\xaf; rm x', 'latin1'), Buffer.from('\u202erm')]) {
      const played = new Played({ deny: 'rm' });
      played.openSession();
      void played.client(requestMessage(100, 'exec', command));
      assert.deepEqual(types(played.toTarget), [MESSAGE.close]);
    }
    const played = new Played();
    played.openSession();
    void played.client(requestMessage(100, 'exec', Buffer.from('echo \xff', 'latin1')));
    assert.equal(played.toTarget[0]?.includes(Buffer.from('echo \xff', 'latin1')), true);
  });

  it('keeps both sides in step where one has ended and the other has not (A13)', () => {
    const played = new Played();
    played.openSession();
    void played.client(requestMessage(100, 'exec', 'cat'), encodeMessage(MESSAGE.eof, 100));
    void played.target(encodeMessage(MESSAGE.channelSuccess, 0), dataMessage(0, Buffer.from('late')), encodeMessage(MESSAGE.close, 0));
    assert.deepEqual(types(played.toClient), [MESSAGE.channelSuccess, MESSAGE.data, MESSAGE.close]);
    assert.throws(() => void played.target(encodeMessage(MESSAGE.close, 0)), { kind: 'peer' });
    void played.client(encodeMessage(MESSAGE.close, 100));
    assert.throws(() => void played.client(dataMessage(100, Buffer.from('x'))), { kind: 'peer' });
    assert.throws(() => void played.target(dataMessage(0, Buffer.from('x'))), { kind: 'peer' });
    played.openSession();
  });

  it('shows nothing that a host says behind the end of a channel (A11)', () => {
    const played = new Played({
      answer: { forbids: (text) => (/secret/.test(text.toString()) ? { rule: 'no', message: 'Not secret' } : undefined) },
    });
    played.exec('cat');
    void played.target(encodeMessage(MESSAGE.close, 0));
    played.toClient.length = 0;
    void played.target(dataMessage(0, Buffer.from('secret\n')), encodeMessage(MESSAGE.eof, 0), encodeMessage(MESSAGE.channelSuccess, 0));
    assert.deepEqual(played.toClient, []);
    void played.client(encodeMessage(MESSAGE.close, 100));
    played.openSession();
  });

  it('lets a host use a number again before the client has let go of it (A13)', async () => {
    const played = new Played({ deny: 'forbidden' });
    played.openSession();
    await played.client(requestMessage(100, 'exec', 'forbidden'));
    await played.target(encodeMessage(MESSAGE.close, 0));
    await played.client(openMessage('session', 1));
    played.toClient.length = 0;
    const confirmed = played.target(confirmMessage(1, 100));
    assert.deepEqual(played.toClient, [], 'the client still means the first channel by it');
    await played.client(encodeMessage(MESSAGE.close, 100));
    await confirmed;
    assert.deepEqual(played.toClient, [confirmMessage(1, 100)]);
    played.toTarget.length = 0;
    await played.client(requestMessage(100, 'exec', 'allowed'));
    assert.deepEqual(played.toTarget, [requestMessage(100, 'exec', 'allowed')]);
  });

  it('at a session’s end stops what runs, and closes its books', () => {
    const played = new Played();
    played.openSession();
    void played.client(requestMessage(100, 'exec', 'sleep 600'));
    assert.equal(played.relay.busy, true);
    const words = played.relay.end(new Refusal('session_killed', 'Enough'));
    assert.match(words.toString(), /Enough/);
    assert.deepEqual(
      played.toTarget.slice(1).map((message) => /signal.*?(HUP|TERM)/s.exec(message.toString())?.[1]),
      ['HUP', 'TERM'],
    );
    assert.equal(played.actions[0]?.outcome?.error, 'session ended: session_killed');
  });
});
