import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { HeaderList, RequestHead } from './message.ts';
import { readRequest, understoodPath } from './reading.ts';

function head(headers: HeaderList, path = '/x'): RequestHead {
  return { method: 'POST', path, headers: headers as [string, string][], body: 'stream' };
}

/** Only the body, as a rule reads it. */
function read(body: Buffer, headers: HeaderList): string {
  return readRequest(head(headers), body).text.split('\n\n').slice(1).join('\n\n');
}

describe('A24: a path that a target understands in another way than it is written', () => {
  const same = ['/', '/a/b', '/a/b/', '/a?b=c&d=e', '/a;b=c', '/a?b=/../c'];
  for (const path of same) it(`${path} stands for itself`, () => assert.equal(understoodPath(path), path));
  const other: Readonly<Record<string, string>> = {
    '/api/%73ecrets': '/api/secrets',
    '/api/%2573ecrets': '/api/secrets',
    '//api///secrets': '/api/secrets',
    '/api/./secrets': '/api/secrets',
    '/api/x/../secrets': '/api/secrets',
    '/api/x/%2e%2e/secrets': '/api/secrets',
    '/api/x/..%2fsecrets': '/api/secrets',
    '/api\\secrets': '/api/secrets',
    '/api%5Csecrets/': '/api/secrets/',
    '/q?sql=drop+table%20t': '/q?sql=drop table t',
    '/caf%C3%A9': '/café',
    '/a%0d%0a%0d%0ab': '/a    b',
  };
  for (const [path, understood] of Object.entries(other)) {
    it(`${path} is judged as ${understood} too`, () => {
      assert.equal(understoodPath(path), understood);
      assert.equal(readRequest(head([], path), Buffer.alloc(0)).text, `POST ${path}\nPOST ${understood}`);
    });
  }
});

describe('a body', () => {
  const json: HeaderList = [['content-type', 'application/json']];

  it('is read where it is text, whatever the client calls it', () => {
    const body = Buffer.from('{"do":"drop"}');
    for (const type of ['application/json', 'application/octet-stream', 'image/png', 'multipart/form-data; boundary=x', 'text/plain']) {
      assert.equal(read(body, [['content-type', type]]), '{"do":"drop"}', type);
    }
    assert.equal(read(body, []), '{"do":"drop"}');
    assert.equal(read(Buffer.concat([body, Buffer.from([0xc3])]), [['content-type', 'image/png']]), '{"do":"drop"}\ufffd');
  });

  it('is not kept where it is none', () => {
    assert.equal(read(Buffer.from([0x89, 0x50, 0, 0xff]), [['content-type', 'image/png']]), '');
  });

  it('is read in every coding that a target may know', () => {
    const plain = Buffer.from('drop-everything');
    const codings = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
    for (const [coding, compress] of Object.entries(codings)) {
      assert.equal(read(compress(plain), [...json, ['content-encoding', coding]]), 'drop-everything', coding);
    }
    assert.equal(read(plain, [...json, ['content-encoding', 'aws-chunked']]), 'drop-everything');
  });

  it('is read where its coding is said in more words than needed, and not where it is coded twice', () => {
    const once = gzipSync('drop-everything');
    for (const headers of [
      [['content-encoding', 'GZIP, identity']],
      [
        ['content-encoding', 'identity'],
        ['content-encoding', 'gzip'],
      ],
    ] as HeaderList[])
      assert.equal(read(once, [...json, ...headers]), 'drop-everything');
    for (const headers of [
      [['content-encoding', 'gzip, gzip']],
      [
        ['content-encoding', 'gzip'],
        ['content-encoding', 'gzip'],
      ],
    ] as HeaderList[])
      assert.equal(readRequest(head([...json, ...headers]), gzipSync(once)).unreadable, true);
  });

  it('is read in two bytes a character where it says so', () => {
    const body = Buffer.from('drop', 'utf16le');
    assert.equal(read(body, [['content-type', 'application/json; charset=utf-16']]), 'drop');
    assert.equal(read(body.swap16(), [['content-type', 'application/json; charset="UTF-16BE"']]), 'drop');
  });

  it('A10: cannot hide its beginning behind a bomb, nor behind what is broken', () => {
    const bomb = Buffer.concat([Buffer.from('drop-everything '), Buffer.alloc(60 << 20, 0x20)]);
    const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
    for (const [coding, compress] of Object.entries(codings)) {
      const headers: HeaderList = [...json, ['content-encoding', coding]];
      const before = process.memoryUsage().arrayBuffers;
      const text = read(compress(bomb).subarray(0, 64 << 10), headers);
      assert.ok(text.length <= 1 << 20, `${coding}: ${text.length} characters are read`);
      assert.ok(process.memoryUsage().arrayBuffers - before < 40 << 20, coding);
      // A brotli or zstd bomb can be a single block: then what can be said of it is that it cannot be read.
      assert.match(text, /^(drop-everything|\(unreadable)/, coding);
    }
    const broken = Buffer.concat([gzipSync(Buffer.from(`drop-everything ${'x'.repeat(9_000)}`)).subarray(0, -12), Buffer.alloc(40, 0xff)]);
    assert.match(read(broken, [...json, ['content-encoding', 'gzip']]), /^(drop-every|\(unreadable)/);
  });
});
