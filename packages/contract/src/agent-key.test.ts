import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentDsn, DsnError, formatDsn, parseDsn } from './agent-key.ts';

const KEY = 'xagt-0123456789abcdefABCDEF_-0123456789abcdefABCDE';
const DSN: AgentDsn = { scheme: 'grpcs', name: 'dev', key: KEY, host: 'gw.example', port: 8443, mode: 'standard' };

test('a DSN survives being written and read', () => {
  const variants: AgentDsn[] = [
    DSN,
    { ...DSN, scheme: 'grpc', mode: 'embedded', pin: `${'aB3_-x7'.repeat(6)}Z` },
    { ...DSN, host: '::1', port: 1, name: 'a.b_c-d' },
    { ...DSN, scheme: 'wss', host: '10.0.0.1', mode: 'multi-connection' },
  ];
  for (const dsn of variants) assert.deepEqual(parseDsn(formatDsn(dsn)), dsn);
});

test('a DSN reads as the brief writes it, with blanks around it', () => {
  assert.equal(formatDsn(DSN), `grpcs://dev:${KEY}@gw.example:8443?mode=standard`);
  assert.deepEqual(parseDsn(`  grpcs://dev:${KEY}@gw.example:8443?mode=standard\n`), DSN);
});

test('a DSN without a mode is an organization key', () => {
  assert.equal(parseDsn(`grpc://_default:${KEY}@h:1`).mode, 'multi-connection');
});

test('an error names the part that is wrong and never shows the key', () => {
  const wrong: [string, string][] = [
    ['form', 'nonsense'],
    ['form', ''],
    ['form', KEY],
    ['form', `grpcs//dev:${KEY}@h:1`],
    ['form', `grpcs://dev:${KEY}@h:1/path`],
    ['form', `grpcs://dev:${KEY}@h:1?mode=standard#x`],
    ['scheme', `ftp://dev:${KEY}@h:1`],
    ['scheme', `${KEY}://dev:${KEY}@h:1`],
    ['name', `grpc://:${KEY}@h:1`],
    ['name', `grpc://a%20b:${KEY}@h:1`],
    ['key', 'grpc://dev@h:1'],
    ['key', 'grpc://dev:short@h:1'],
    ['key', `grpc://dev:${KEY}%00@h:1`],
    ['host', `grpc://dev:${KEY}@:1`],
    ['host', `grpc://dev:${KEY}@[zz]:1`],
    ['port', `grpc://dev:${KEY}@h`],
    ['port', `grpc://dev:${KEY}@h:0`],
    ['port', `grpc://dev:${KEY}@h:65536`],
    ['port', `grpc://dev:${KEY}@h:1e3`],
    ['query', `grpc://dev:${KEY}@h:1?moed=standard`],
    ['mode', `grpc://dev:${KEY}@h:1?mode=fast`],
    ['pin', `grpc://dev:${KEY}@h:1?mode=standard&pin=abc`],
  ];
  for (const [part, text] of wrong) {
    assert.throws(
      () => parseDsn(text),
      (error: unknown) => {
        assert.ok(error instanceof DsnError, text);
        assert.equal(error.part, part, text);
        assert.ok(!error.message.includes(KEY), `key shown for ${part}`);
        return true;
      },
    );
  }
});

test('the organization’s key is written without a mode, and read again as what it is', () => {
  const dsn = {
    scheme: 'grpcs',
    name: '_default',
    key: `xagt-${'a'.repeat(43)}`,
    host: 'gw.example',
    port: 8010,
    mode: 'multi-connection',
  } as const;
  assert.equal(formatDsn(dsn), `grpcs://_default:${dsn.key}@gw.example:8010`);
  assert.deepEqual(parseDsn(formatDsn(dsn)), dsn);
  const pinned = { ...dsn, pin: 'p'.repeat(43) };
  assert.deepEqual(parseDsn(formatDsn(pinned)), pinned);
});
