import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Denial } from '@hoop/core/action';
import { hiding } from '../../shared/testing/hiding.ts';
import { dataOf, encodeMessage, MESSAGE, u32 } from '../messages.ts';
import { dataMessage, Played, sftpPacket } from '../testing/played.ts';
import { SFTP } from './packet.ts';

const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
const raw = (type: number, id: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from([type]), u32(id), ...parts]);
  return Buffer.concat([u32(body.length), body]);
};
const READ = 0x01;
const WRITE = 0x02;
const open = (id: number, path: string, flags: number): Buffer => sftpPacket(SFTP.open, id, path, flags, 0);
const read = (id: number): Buffer => raw(SFTP.read, id, text('h'), Buffer.alloc(8), u32(100));
const status = (id: number, words = 'words'): Buffer => sftpPacket(SFTP.status, id, 0, words, '');
/** One name with all the attributes that there are, and one with none. */
const names = (id: number, first: string): Buffer => {
  const attributes = Buffer.concat([u32(0x8000_000f), Buffer.alloc(8 + 8 + 4 + 8), u32(1), text('a'), text('b')]);
  return raw(SFTP.name, id, u32(2), text(first), text(`-rw ${first}`), attributes, text('plain'), text('-rw plain'), u32(0));
};

const passed = (messages: readonly Buffer[]): Buffer =>
  Buffer.concat(messages.flatMap((message) => (message[0] === MESSAGE.data ? [dataOf(message)] : [])));

/** The answers that the client got: their types, numbers, and for a status its code. */
function answers(played: Played): (readonly number[])[] {
  const bytes = passed(played.toClient);
  const found: (readonly number[])[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    const type = bytes[at + 4] ?? 0;
    found.push([type, bytes.readUInt32BE(at + 5), ...(type === SFTP.status ? [bytes.readUInt32BE(at + 9)] : [])]);
  }
  return found;
}

describe('SFTP where values are hidden', () => {
  for (const piece of [1, 7, 5_000]) {
    it(`masks names and words, in pieces of ${piece} bytes`, () => {
      const played = new Played({ mask: hiding(5) });
      played.openSftp();
      void played.client(
        dataMessage(100, Buffer.concat([sftpPacket(SFTP.opendir, 1, '/d'), raw(12, 2, text('h')), sftpPacket(SFTP.remove, 3, '/x')])),
      );
      const bytes = Buffer.concat([raw(SFTP.handle, 1, text('h')), names(2, 'ann@example.test'), status(3, 'no ann@example.test')]);
      for (let at = 0; at < bytes.length; at += piece) void played.target(dataMessage(0, bytes.subarray(at, at + piece)));
      const expected = Buffer.concat([raw(SFTP.handle, 1, text('h')), names(2, '#####'), status(3, 'no #####')]);
      assert.deepEqual(passed(played.toClient), expected);
      assert.equal(played.granted(), 0, 'too little for a message');
    });
  }

  it('opens files to write only, whatever the flags are called, and tells a person why', () => {
    const played = new Played({ mask: hiding() });
    played.openSftp();
    for (const [id, flags] of [READ, READ | WRITE, 0, WRITE].entries()) void played.client(dataMessage(100, open(id, `/f${id}`, flags)));
    void played.client(dataMessage(100, read(9)));
    assert.deepEqual(answers(played), [
      [SFTP.status, 0, 3],
      [SFTP.status, 1, 3],
      [SFTP.status, 2, 3],
      [SFTP.status, 9, 3],
    ]);
    assert.match(passed(played.toTarget).toString('latin1'), /\/f3/);
    assert.doesNotMatch(passed(played.toTarget).toString('latin1'), /\/f[012]/);
    assert.equal(played.said('stderr').match(/cannot be read over SFTP/g)?.length, 1);
    assert.match(played.actions.find(({ text: action }) => action.startsWith('open /f0'))?.outcome?.error ?? '', /^refused/);
  });

  it('keeps what was on its way when the rules came, and goes on', () => {
    const played = new Played();
    played.openSftp();
    void played.client(dataMessage(100, Buffer.concat([open(1, '/f', READ), read(2)])));
    void played.target(dataMessage(0, raw(SFTP.handle, 1, text('h'))));
    played.maskBy(hiding());
    void played.target(dataMessage(0, raw(SFTP.data, 2, text('ann@example.test'))));
    assert.deepEqual(answers(played), [
      [SFTP.handle, 1],
      [SFTP.status, 2, 3],
    ]);
    assert.equal(passed(played.toClient).includes('ann@'), false);
  });

  it('ends the channel where the rules come in the middle of an answer', () => {
    const played = new Played();
    played.openSftp();
    void played.client(dataMessage(100, Buffer.concat([open(1, '/f', READ), read(2)])));
    const answer = Buffer.concat([raw(SFTP.handle, 1, text('h')), raw(SFTP.data, 2, text('x'.repeat(50)))]);
    void played.target(dataMessage(0, answer.subarray(0, 40)));
    played.maskBy(hiding());
    void played.target(dataMessage(0, answer.subarray(40)));
    assert.match(played.said('stderr'), /rules of this connection changed/);
    assert.deepEqual(played.toTarget.at(-1)?.[0], MESSAGE.close);
  });

  it('shows no answer that a rule forbids, nor one that it cannot put together again', () => {
    const forbids = (shown: Buffer): Denial | undefined => (shown.includes('quiet') ? { rule: 'r', message: 'Not this' } : undefined);
    const played = new Played({ answer: { forbids }, mask: hiding() });
    played.openSftp();
    const requests = [sftpPacket(SFTP.opendir, 1, '/d'), raw(12, 2, text('h')), sftpPacket(SFTP.extended, 3, 'home-directory', 'u')];
    void played.client(dataMessage(100, Buffer.concat(requests)));
    void played.target(
      dataMessage(0, Buffer.concat([raw(SFTP.handle, 1, text('h')), names(2, 'quiet'), raw(201, 3, text('ann@example.test'))])),
    );
    assert.deepEqual(answers(played), [
      [SFTP.handle, 1],
      [SFTP.status, 2, 3],
      [SFTP.status, 3, 3],
    ]);
    void played.target(encodeMessage(MESSAGE.close, 0));
  });
});
