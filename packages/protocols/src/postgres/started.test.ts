import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startedWith } from './started.ts';

const USUAL = new Map([
  ['standard_conforming_strings', 'on'],
  ['client_encoding', 'UTF8'],
]);
const with_ = (options: Record<string, string>): readonly string[] => startedWith(options, USUAL);

describe('what a session of PostgreSQL begins with', () => {
  test('is nothing where all is as usual', () => {
    assert.deepEqual(
      with_({ application_name: 'psql', client_encoding: 'UTF8', options: '-c search_path=a,b -c statement_timeout=5s' }),
      [],
    );
    assert.deepEqual(startedWith({}, new Map()), []);
    for (const encoding of ['SQL_ASCII', 'LATIN1', 'WIN1252', 'EUC_JP', 'UNICODE'])
      assert.deepEqual(startedWith({}, new Map([['client_encoding', encoding]])), []);
  });

  test('is what the server says of how it reads texts, whoever set it', () => {
    assert.deepEqual(startedWith({}, new Map([...USUAL, ['standard_conforming_strings', 'off']])), [
      "SET standard_conforming_strings TO 'off'",
    ]);
    for (const encoding of ['SJIS', 'BIG5', 'GBK', 'UHC', 'JOHAB', 'GB18030', 'SHIFT_JIS_2004'])
      assert.deepEqual(startedWith({}, new Map([['client_encoding', encoding]])), [`SET client_encoding TO '${encoding}'`]);
  });

  test('is what the client gave, however it is written', () => {
    for (const options of [
      { options: '-c role=admin' },
      { options: '-crole=admin' },
      { options: '--role=admin' },
      { options: '  -c  search_path=x\t-c ROLE=admin' },
      { options: '-ec role=admin' },
      { options: '-c ro\\le=admin' },
      { Role: 'admin' },
    ])
      assert.deepEqual(with_(options as unknown as Record<string, string>), ["SET role TO 'admin'"], JSON.stringify(options));
    assert.deepEqual(with_({ options: "--session-authorization=o\\ 'x -c backslash-quote=off" }), [
      "SET session_authorization TO 'o ''x'",
      "SET backslash_quote TO 'off'",
    ]);
    assert.deepEqual(with_({ options: '-c my.role=x -c other_role=y' }), []);
  });
});
