import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { Gate, type Mask } from '@hoop/core/gate';
import type { Door } from '@hoop/core/protocol';
import { encodeFrames, FrameReader } from '@hoop/protocols/shared/frames';
import { accept } from '@hoop/protocols/ssh/accept';
import { decodeCertificate } from '@hoop/protocols/ssh/certificate';
import { encodeMessage, MESSAGE, u32 } from '@hoop/protocols/ssh/messages';
import { SshRelay } from '@hoop/protocols/ssh/relay';
import { memoryStreams } from '@hoop/tunnel/memory';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { type Dice, fuzz } from './fuzzer.ts';

/** Whatever comes over a wire may be refused in these two ways, and in no other. */
function onlyFaults(work: () => void): void {
  try {
    work();
  } catch (error) {
    const isFault = error instanceof AppError && (error.kind === 'peer' || error.kind === 'target' || error.code === 'forward_masked');
    if (!isFault) throw error;
  }
}

function sftp(dice: Dice): Buffer {
  const type = dice.pick([1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 15, 16, 18, 20, 101, 102, 103, 104, 200]);
  const fields = dice.pick<(string | number | Buffer)[]>([
    ['/a', 0x1a, 0],
    ['h1'],
    ['h1', 0, 0, 9],
    ['/a', '/b'],
    [0, 'words', ''],
    ['posix-rename@openssh.com', '/a', '/b'],
    [],
  ]);
  const body = encodeMessage(type, dice.number(4), ...fields);
  return Buffer.concat([u32(body.length), body]);
}

function request(dice: Dice, recipient: number): Buffer {
  const [name, ...fields] = dice.pick<(string | number)[]>([
    ['shell'],
    ['exec', dice.pick(['ls', 'drop it', ''])],
    ['subsystem', dice.pick(['sftp', 'other'])],
    ['env', 'LANG', 'C'],
    ['pty-req', 'xterm', 80, 24, 0, 0, ''],
    ['signal', 'INT'],
    ['window-change', 80, 24, 0, 0],
    ['exit-status', dice.number(300)],
    ['exit-signal', 'TERM'],
    ['keepalive@openssh.com'],
    ['x11-req'],
  ]);
  return encodeMessage(MESSAGE.channelRequest, recipient, name ?? '', dice.number(2) === 0, ...fields);
}

/** One message that either side may send; numbers are few, so that they meet. */
function message(dice: Dice): Buffer {
  const id = dice.number(4);
  return dice.pick([
    () => encodeMessage(MESSAGE.channelOpen, dice.pick(['session', 'direct-tcpip', 'forwarded-tcpip', 'x11']), id, 2 ** 20, 32_768),
    () => encodeMessage(MESSAGE.channelOpen, 'direct-tcpip', id, 2 ** 20, 32_768, 'host', 22, 'here', 1),
    () => encodeMessage(MESSAGE.openConfirmation, id, dice.number(4), 2 ** 20, 32_768),
    () => encodeMessage(MESSAGE.openFailure, id, 1, 'no', ''),
    () => encodeMessage(MESSAGE.windowAdjust, id, dice.number(2 ** 20)),
    () => encodeMessage(MESSAGE.data, id, sftp(dice)),
    () => encodeMessage(MESSAGE.data, id, dice.bytes(dice.number(40))),
    () => encodeMessage(MESSAGE.extendedData, id, 1, 'words'),
    () => encodeMessage(dice.pick([MESSAGE.eof, MESSAGE.close, MESSAGE.channelSuccess, MESSAGE.channelFailure]), id),
    () => request(dice, id),
    () =>
      encodeMessage(
        MESSAGE.globalRequest,
        dice.pick(['tcpip-forward', 'cancel-tcpip-forward', 'keepalive@openssh.com', 'other']),
        dice.number(2) === 0,
        '',
        0,
      ),
    () => Buffer.from([dice.pick([MESSAGE.requestSuccess, MESSAGE.requestFailure, MESSAGE.disconnect])]),
  ])();
}

function several(dice: Dice): Buffer {
  return encodeFrames(Array.from({ length: 1 + dice.number(30) }, () => message(dice)));
}

/** Hides addresses, and changes their length. */
const MASK: Mask = {
  suspects: (bytes) => bytes.includes('@'),
  apply: (bytes) => {
    const text = bytes.toString('latin1').replace(/[a-z]+@[a-z]+\.[a-z]+/g, '<hidden by a rule>');
    return text.length === bytes.length ? bytes : Buffer.from(text, 'latin1');
  },
  keepsLength: false,
};

function newRelay(sent: { target: number; client: number }, mask?: Mask): SshRelay {
  const judge = ({ text }: { text: string }) =>
    text.includes('drop') || text.includes('/b')
      ? { allow: false as const, denial: { rule: 'r', message: 'no' } }
      : { allow: true as const };
  const gate = new Gate({ revision: 0, mask, judge }, { intent: () => undefined, settled: () => undefined });
  const count = (side: 'target' | 'client') => (bytes: Buffer) => {
    sent[side] += bytes.length;
  };
  return new SshRelay(
    { gate, toTarget: count('target'), toClient: count('client') },
    { localForward: true, remoteForward: true, pty: true },
  );
}

/** A channel that is open and speaks SFTP, so that what follows goes deep. */
function opened(dice: Dice, relay: SshRelay): void {
  if (dice.number(3) === 0) return;
  void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelOpen, 'session', 0, 2 ** 20, 32_768)]));
  void relay.fromTarget(encodeFrames([encodeMessage(MESSAGE.openConfirmation, 0, 0, 2 ** 20, 32_768)]));
  void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelRequest, 0, 'subsystem', false, 'sftp')]));
}

test('SSH’s relay takes whatever a client and a host send, in any pieces, without more than a fault', async () => {
  const rounds = await fuzz('ssh relay', (dice) => {
    const sent = { target: 0, client: 0 };
    const isMasked = dice.number(2) === 0;
    const relay = newRelay(sent, isMasked ? MASK : undefined);
    opened(dice, relay);
    const [client, target] = [several(dice), several(dice)].map((bytes) => (dice.number(2) === 0 ? dice.mutate(bytes) : bytes)) as [
      Buffer,
      Buffer,
    ];
    const [left, right] = [dice.chunks(client), dice.chunks(target)];
    onlyFaults(() => {
      while (left.length + right.length > 0) {
        const mine = left.length > 0 && (right.length === 0 || dice.number(2) === 0);
        const chunk = (mine ? left : right).shift() as Buffer;
        void (mine ? relay.fromClient(chunk) : relay.fromTarget(chunk));
      }
    });
    onlyFaults(() => void relay.end(undefined));
    assert.equal(relay.busy, false);
    const bound = 3 * (client.length + target.length) + 20_000;
    assert.ok(sent.target + sent.client <= bound, 'more was said than what was heard explains');
  });
  assert.ok(rounds > 100);
});

test('a masked value leaves on no SSH channel, however the host cuts it and whatever else it says', async () => {
  const rounds = await fuzz('ssh mask', (dice) => {
    const shown: Buffer[] = [];
    const grants = { client: 0, target: 0 };
    const reader = new FrameReader(64 * 1024, (message) => {
      if (message[0] === MESSAGE.data) shown.push(Buffer.from(message.subarray(9)));
    });
    const targetReader = new FrameReader(64 * 1024, (message) => {
      if (message[0] === MESSAGE.windowAdjust) grants.target += message.readUInt32BE(5);
    });
    const gate = new Gate(
      { revision: 0, mask: MASK, judge: () => ({ allow: true }) },
      { intent: () => undefined, settled: () => undefined },
    );
    const ports = { gate, toTarget: (bytes: Buffer) => targetReader.push(bytes), toClient: (bytes: Buffer) => reader.push(bytes) };
    const relay = new SshRelay(ports, { localForward: true, remoteForward: true, pty: true });
    const window = 40_000 + dice.number(60_000);
    void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelOpen, 'session', 0, window, 32_768)]));
    void relay.fromTarget(encodeFrames([encodeMessage(MESSAGE.openConfirmation, 0, 9, 2 ** 20, 32_768)]));
    void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelRequest, 9, 'exec', false, 'cat')]));
    const lines = Array.from(
      { length: 1 + dice.number(60) },
      (_, at) => `${at} ann@example.test \x1b[1mbob@exa\x1b[0mmple.test ${'x'.repeat(dice.number(80))}\n`,
    );
    const pieces = dice.chunks(Buffer.from(lines.join(''))).map((piece) => encodeMessage(MESSAGE.data, 0, piece));
    for (const chunk of dice.chunks(encodeFrames([...pieces, encodeMessage(MESSAGE.eof, 0), encodeMessage(MESSAGE.close, 0)]))) {
      void relay.fromTarget(chunk);
      if (dice.number(3) > 0) continue;
      grants.client += 100;
      void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.windowAdjust, 9, 100)]));
    }
    const bytes = Buffer.concat(shown);
    assert.ok(bytes.length <= window + grants.client, 'the client was given more than it takes');
    assert.equal(bytes.includes('@'), false);
    assert.equal(bytes.toString().split('<hidden by a rule>').length - 1, 2 * lines.length);
    void relay.end(undefined);
  });
  assert.ok(rounds > 20);
});

test('what an SSH client sends on a channel of its own reaches the host byte for byte, in any pieces', async () => {
  const rounds = await fuzz('ssh bytes', (dice) => {
    const passed: Buffer[] = [];
    const isTerminal = dice.number(2) === 0;
    const gate = new Gate(
      { revision: 0, mask: undefined, judge: () => ({ allow: true }), allowsAll: isTerminal },
      { intent: () => undefined, settled: () => undefined },
    );
    const ports = { gate, toTarget: (bytes: Buffer) => void passed.push(Buffer.from(bytes)), toClient: () => undefined };
    const relay = new SshRelay(ports, { localForward: true, remoteForward: true, pty: true });
    void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelOpen, 'session', 0, 1_000, 32_768)]));
    void relay.fromTarget(encodeFrames([encodeMessage(MESSAGE.openConfirmation, 0, 9, 2 ** 20, 32_768)]));
    passed.length = 0;
    const exec = [encodeMessage(MESSAGE.channelRequest, 9, 'exec', true, 'cat')];
    const shell = [
      encodeMessage(MESSAGE.channelRequest, 9, 'pty-req', true, 'xterm', dice.number(100), 24, 0, 0, ''),
      encodeMessage(MESSAGE.channelRequest, 9, 'shell', true),
    ];
    const data = Array.from({ length: dice.number(9) }, () => encodeMessage(MESSAGE.data, 9, dice.bytes(dice.number(300))));
    const whole = encodeFrames([...(isTerminal ? shell : exec), ...data, encodeMessage(MESSAGE.eof, 9)]);
    for (const chunk of dice.chunks(whole)) void relay.fromClient(chunk);
    assert.deepEqual(Buffer.concat(passed), whole);
  });
  assert.ok(rounds > 50);
});

/** What people type, and what they never would. */
function keys(dice: Dice): Buffer {
  const key = (): Buffer =>
    dice.number(20) === 0
      ? dice.bytes(1 + dice.number(6))
      : Buffer.from(
          dice.pick([
            'ls ',
            'a',
            'drop',
            'é日',
            '\r',
            '\r',
            '\n',
            '\x7f',
            '\x15',
            '\x03',
            '\x04',
            '\x0f',
            '\t',
            '\x1b[A',
            '\x1b[D',
            '\x1b[20',
          ]) + dice.pick(['', '', '', '\x1b[200~', '\x1b[201~']),
        );
  return Buffer.concat(Array.from({ length: 1 + dice.number(12) }, key));
}

/** A host that shows what it is sent, and takes a line away when it is told to; it gives room for everything that it has read. */
function echoing(relay: () => SshRelay, got: Buffer[]): FrameReader {
  return new FrameReader(64 * 1024, (message) => {
    if (message[0] !== MESSAGE.data) return;
    const bytes = Buffer.from(message.subarray(9));
    got.push(bytes);
    const shown = Buffer.from(bytes.toString('latin1').replaceAll('\x05\x15', '\r\x1b[K').replaceAll('\r', '\r\n'), 'latin1');
    const room = encodeMessage(MESSAGE.windowAdjust, 0, bytes.length);
    queueMicrotask(() => onlyFaults(() => void relay().fromTarget(encodeFrames([encodeMessage(MESSAGE.data, 0, shown), room]))));
  });
}

test('what is typed into a judged SSH terminal reaches the host whole, but for what is denied, and windows stay even', async () => {
  const rounds = await fuzz('ssh typing', async (dice) => {
    const denies = dice.number(2) === 0;
    const [got, sent]: [Buffer[], Buffer[]] = [[], []];
    let given = 0;
    const judge = ({ text }: { text: string }) =>
      denies && text.includes('drop') ? { allow: false as const, denial: { rule: 'r', message: 'no' } } : { allow: true as const };
    const gate = new Gate({ revision: 0, mask: undefined, judge }, { intent: () => undefined, settled: () => undefined });
    const host = echoing(() => relay, got);
    const client = new FrameReader(64 * 1024, (message) => {
      if (message[0] === MESSAGE.windowAdjust) given += message.readUInt32BE(5);
    });
    const ports = { gate, toTarget: (bytes: Buffer) => host.push(bytes), toClient: (bytes: Buffer) => client.push(bytes) };
    const relay: SshRelay = new SshRelay(ports, { localForward: false, remoteForward: false, pty: true });
    void relay.fromClient(encodeFrames([encodeMessage(MESSAGE.channelOpen, 'session', 0, 2 ** 20, 32_768)]));
    void relay.fromTarget(encodeFrames([encodeMessage(MESSAGE.openConfirmation, 0, 9, 2 ** 20, 32_768)]));
    const pty = encodeMessage(MESSAGE.channelRequest, 9, 'pty-req', true, 'xterm', dice.pick([0, 7, 80]), 24, 0, 0, '');
    const begun = relay.fromClient(encodeFrames([pty, encodeMessage(MESSAGE.channelRequest, 9, 'shell', false)]));
    void relay.fromTarget(encodeFrames([encodeMessage(MESSAGE.channelSuccess, 0)]));
    await begun;
    // A last Enter, so that no half of a key is left.
    for (const piece of [...dice.chunks(keys(dice)), Buffer.from('\r')]) {
      sent.push(piece);
      for (const chunk of dice.chunks(encodeFrames([encodeMessage(MESSAGE.data, 9, piece)]))) await relay.fromClient(chunk);
      if (dice.number(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const typed = Buffer.concat(sent);
    for (const end = performance.now() + 10_000; given !== typed.length && performance.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(given, typed.length, 'the client has the room that it had');
    if (!denies) assert.deepEqual(Buffer.concat(got), typed);
    void relay.end(undefined);
  });
  assert.ok(rounds > 0);
});

test('an SSH client that says anything at all before its login is turned away, and never kept waiting', async () => {
  const start = Buffer.from('SSH-2.0-Fuzzer\r\n');
  const rounds = await fuzz('ssh accept', async (dice) => {
    const [here, there] = memoryStreams();
    const client = new StreamWire(there, 'fuzzer');
    const said = dice.number(2) === 0 ? dice.bytes(dice.number(90)) : Buffer.concat([dice.mutate(start), dice.bytes(dice.number(90))]);
    for (const chunk of dice.chunks(said)) void client.write(chunk);
    client.end();
    await accept(new StreamWire(here, 'fuzzer'), DOOR).then(
      () => assert.fail('it got in'),
      (error: unknown) => {
        if (!(error instanceof AppError) || error.kind === 'bug') throw error;
      },
    );
  });
  assert.ok(rounds > 20);
});

test('a certificate of any bytes is read without more than a fault', async () => {
  const rounds = await fuzz('ssh certificates', (dice) => {
    const name = dice.pick(['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'x']);
    const fields = encodeMessage(0, `${name}-cert-v01@openssh.com`, 'nonce', 'key', 'more', 0, 0, 1, 'id', 'names').subarray(1);
    onlyFaults(() => decodeCertificate(dice.mutate(Buffer.concat([fields, dice.bytes(dice.number(60))]))));
  });
  assert.ok(rounds > 100);
});

const DOOR: Door<string> = {
  tls: undefined,
  tlsRequired: false,
  proven: 'somebody',
  login: () => Promise.resolve('somebody'),
  cancel: () => undefined,
  mintCancelKey: (length) => '00'.repeat(length),
};
