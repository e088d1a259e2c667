import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OWN_WORDS_BYTES_MAX, SFTP_PACKET_BYTES_MAX, SFTP_PENDING_MAX } from '../limits.ts';
import { dataOf, encodeMessage, MESSAGE, u32 } from '../messages.ts';
import { dataMessage, Played, sftpPacket } from '../testing/played.ts';
import { SFTP } from './packet.ts';

const OPEN_FOR_WRITING = 0x1a;
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const raw = (type: number, id: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from([type]), u32(id), ...parts]);
  return Buffer.concat([u32(body.length), body]);
};
const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
const open = (id: number, path: string, flags = OPEN_FOR_WRITING): Buffer => sftpPacket(SFTP.open, id, path, flags, 0);
const write = (id: number, handle: string, bytes: number): Buffer =>
  raw(SFTP.write, id, text(handle), u64(0n), u32(bytes), Buffer.alloc(bytes, 7));
const status = (id: number, code = 0): Buffer => sftpPacket(SFTP.status, id, code, 'words', '');

function cut(bytes: Buffer, piece: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / piece) }, (_, at) => bytes.subarray(at * piece, (at + 1) * piece));
}

const passed = (messages: readonly Buffer[]): Buffer =>
  Buffer.concat(messages.flatMap((message) => (message[0] === MESSAGE.data ? [dataOf(message)] : [])));

describe('SFTP in the audit', () => {
  for (const piece of [1, 3, 7, 64, 5_000]) {
    it(`is whole, and what passes is as it was, when everything comes in pieces of ${piece} bytes`, () => {
      const played = new Played();
      played.openSftp();
      const requests = Buffer.concat([
        sftpPacket(SFTP.init, 3),
        open(1, '/a'),
        sftpPacket(SFTP.mkdir, 2, '/d', 0),
        sftpPacket(17, 3, '/looked/at'),
      ]);
      for (const bytes of cut(requests, piece)) void played.client(dataMessage(100, bytes));
      const answers = Buffer.concat([sftpPacket(SFTP.version, 3), sftpPacket(SFTP.handle, 1, 'h1'), status(2, 4), sftpPacket(105, 3, 0)]);
      for (const bytes of cut(answers, piece)) void played.target(dataMessage(0, bytes));
      const more = Buffer.concat([write(4, 'h1', 1_000), sftpPacket(SFTP.close, 5, 'h1')]);
      for (const bytes of cut(more, piece)) void played.client(dataMessage(100, bytes));
      for (const bytes of cut(Buffer.concat([status(4), status(5)]), piece)) void played.target(dataMessage(0, bytes));
      assert.deepEqual(passed(played.toTarget), Buffer.concat([requests, more]));
      assert.equal(passed(played.toClient).length, answers.length + 2 * status(4).length);
      const told = played.actions.slice(1).map((action) => [action.text, action.outcome?.bytes, action.outcome?.error]);
      assert.deepEqual(told, [
        ['open /a (write, create, truncate)', 1_000, undefined],
        ['mkdir /d', 0, 'failure'],
      ]);
    });
  }

  for (const late of [false, true]) {
    it(`answers a denied request in its place${late ? ', when the verdict comes late too' : ''}, and gives the client back the room that it took`, async () => {
      const played = new Played({ deny: 'secret', late });
      played.openSftp();
      const denied = open(2, '/secret');
      await played.client(dataMessage(100, Buffer.concat([open(1, '/a'), denied, open(3, '/b')])));
      assert.deepEqual(passed(played.toTarget), Buffer.concat([open(1, '/a'), open(3, '/b')]));
      const answer = passed(played.toClient);
      assert.deepEqual([answer[4], answer.readUInt32BE(5), answer.readUInt32BE(9)], [SFTP.status, 2, 3]);
      assert.match(answer.toString(), /Not secret/);
      const room = played.toClient.find((message) => message[0] === MESSAGE.windowAdjust);
      assert.equal(room?.readUInt32BE(5), denied.length);
    });
  }

  it('settles each of two that the host calls by the same name', () => {
    const played = new Played();
    played.openSftp();
    void played.client(dataMessage(100, Buffer.concat([open(1, '/a'), open(2, '/b')])));
    void played.target(dataMessage(0, Buffer.concat([sftpPacket(SFTP.handle, 1, 'h'), sftpPacket(SFTP.handle, 2, 'h')])));
    void played.client(dataMessage(100, sftpPacket(SFTP.close, 3, 'h')));
    void played.target(dataMessage(0, status(3)));
    assert.deepEqual(
      played.actions.slice(1).map(({ outcome }) => [outcome?.bytes, outcome?.error]),
      [
        [0, 'its handle was given again'],
        [0, undefined],
      ],
    );
  });

  it('never speaks in the middle of an answer of the host’s', () => {
    const played = new Played({ deny: 'secret' });
    played.openSftp();
    void played.client(dataMessage(100, Buffer.concat([sftpPacket(SFTP.read, 1, 'h', 0, 0, 100)])));
    const answer = raw(SFTP.data, 1, text('x'.repeat(100)));
    void played.target(dataMessage(0, answer.subarray(0, 50)));
    void played.client(dataMessage(100, open(2, '/secret')));
    void played.target(dataMessage(0, answer.subarray(50)));
    const seen = passed(played.toClient);
    assert.deepEqual(seen.subarray(0, answer.length), answer);
    assert.equal(seen.readUInt32BE(answer.length + 5), 2);
  });

  it('says no more than the client’s window has room for, and the rest when it has', () => {
    const played = new Played({ deny: 'secret' });
    played.openSftp();
    for (let id = 0; id < 400; id++) void played.client(dataMessage(100, open(id, '/secret')));
    const before = passed(played.toClient).length;
    assert.ok(before > 0 && before <= OWN_WORDS_BYTES_MAX, `${before} bytes were said`);
    for (let turn = 0; turn < 10; turn++) void played.client(encodeMessage(MESSAGE.windowAdjust, 100, OWN_WORDS_BYTES_MAX));
    assert.equal(passed(played.toClient).length % 400, 0);
    assert.ok(passed(played.toClient).length > before);
  });

  it('shows what a path is made of', () => {
    const played = new Played();
    played.openSftp();
    const paths = ['../../etc/passwd', 'two\nlines', 'esc\x1b]52;c;aGk=\x07', 'rtl\u202egpj.exe', 'back\\slash'];
    paths.forEach((path, id) => void played.client(dataMessage(100, sftpPacket(SFTP.remove, id, path))));
    assert.deepEqual(
      played.actions.slice(1).map(({ text: shown }) => shown),
      [
        'remove ../../etc/passwd',
        'remove two\\u{a}lines',
        'remove esc\\u{1b}]52;c;aGk=\\u{7}',
        'remove rtl\\u{202e}gpj.exe',
        'remove back\\\\slash',
      ],
    );
  });

  it('judges what it does not know, and every way to change something', () => {
    const played = new Played();
    played.openSftp();
    const requests = [
      sftpPacket(SFTP.rename, 1, '/a', '/b'),
      sftpPacket(SFTP.symlink, 2, '/to', '/link'),
      sftpPacket(SFTP.setstat, 3, '/a', 5, Buffer.alloc(0)).subarray(0, 0),
      sftpPacket(SFTP.extended, 4, 'posix-rename@openssh.com', '/a', '/b'),
      sftpPacket(SFTP.extended, 5, 'hardlink@openssh.com', '/a', '/b'),
      sftpPacket(SFTP.extended, 6, 'limits@openssh.com'),
      sftpPacket(SFTP.extended, 7, 'future@example.org', 'what'),
      raw(SFTP.setstat, 8, text('/a'), u32(0x0d), u64(5n), u32(0o100644), u32(1), u32(2)),
      sftpPacket(SFTP.opendir, 9, '/d'),
      sftpPacket(SFTP.rmdir, 10, '/d'),
    ];
    void played.client(dataMessage(100, Buffer.concat(requests)));
    assert.deepEqual(
      played.actions.slice(1).map(({ text: shown }) => shown),
      [
        'rename /a -> /b',
        'symlink to /to as /link',
        'rename /a -> /b',
        'hardlink /a as /b',
        'extended future@example.org',
        'setstat /a size=5 mode=0644 times=1,2',
        'list /d',
        'rmdir /d',
      ],
    );
  });

  it('ends a session that breaks the protocol, asks without end, or claims what cannot be', () => {
    const broken: readonly ((played: Played) => unknown)[] = [
      (played) => played.client(dataMessage(100, Buffer.from([0, 0, 0, 3, 5]))),
      (played) => played.client(dataMessage(100, Buffer.concat([u32(SFTP_PACKET_BYTES_MAX + 1), Buffer.from([6])]))),
      (played) => played.client(dataMessage(100, Buffer.concat([open(1, '/a'), open(1, '/b')]))),
      (played) => played.client(dataMessage(100, raw(SFTP.open, 1, u32(0xffffffff)))),
      (played) => played.target(dataMessage(0, status(9))),
      (played) => {
        for (let id = 0; id <= SFTP_PENDING_MAX; id++) void played.client(dataMessage(100, sftpPacket(17, id, '/a')));
      },
    ];
    for (const breaks of broken) {
      const played = new Played();
      played.openSftp();
      assert.throws(() => void breaks(played), { kind: 'peer' }, breaks.toString());
    }
  });

  it('settles what is still open when the channel ends', () => {
    const played = new Played();
    played.openSftp();
    void played.client(dataMessage(100, Buffer.concat([open(1, '/a'), open(2, '/b')])));
    void played.target(dataMessage(0, sftpPacket(SFTP.handle, 1, 'h1')));
    void played.client(dataMessage(100, write(3, 'h1', 10)));
    void played.target(encodeMessage(MESSAGE.close, 0));
    assert.deepEqual(
      played.actions.map(({ outcome }) => outcome !== undefined),
      [true, true, true],
    );
  });
});
