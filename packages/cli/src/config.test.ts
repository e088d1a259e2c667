import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { clearStored, configPath, isExposed, loadStored, normalizeUrl, readCa, resolveConfig, saveStored } from './config.ts';
import { readEnv } from './env.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-config-'));
let home = '';
let counter = 0;

beforeEach(() => {
  home = join(scratch, String(++counter), 'home');
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('the configuration is readable by its owner only, whatever the umask is', () => {
  const old = process.umask(0);
  try {
    saveStored(home, { api_url: 'https://gw.example.com', token: 'a.b.c' });
  } finally {
    process.umask(old);
  }
  assert.equal(modeOf(configPath(home)), '600');
  assert.equal(modeOf(home), '700');
});

test('a configuration that others could read is closed by the next write', () => {
  saveStored(home, { token: 'old' });
  chmodSync(configPath(home), 0o644);
  assert.equal(isExposed(home), true);
  saveStored(home, { token: 'new' });
  assert.equal(isExposed(home), false);
});

test('a write leaves no draft behind and replaces the file in one step', () => {
  saveStored(home, { token: 'one' });
  const before = statSync(configPath(home)).ino;
  saveStored(home, { token: 'two' });
  assert.notEqual(statSync(configPath(home)).ino, before);
  assert.deepEqual(readdirSync(home), ['config.toml']);
});

test('what is saved is what is loaded, quotes and line ends included', () => {
  const stored = { api_url: 'https://x/"y"', grpc_url: 'grpcs://x:1', token: 'a\n"b\\c', tls_ca: 'QQ==', skip_tls_verify: true };
  saveStored(home, stored);
  assert.deepEqual(loadStored(home), stored);
});

test('no file is an empty configuration, and clearing it twice is no error', () => {
  assert.deepEqual(loadStored(home), {});
  saveStored(home, { token: 'x' });
  assert.equal(clearStored(home), true);
  assert.equal(clearStored(home), false);
});

test('a damaged file is named, with what to do', () => {
  saveStored(home, {});
  for (const text of ['token = ', 'token = 5', '[[[']) {
    writeFileSync(configPath(home), text);
    assert.throws(() => loadStored(home), { code: 'config_unreadable', message: /config\.toml cannot be read .*hoop config clear/ });
  }
});

test('the environment wins field by field over the file of the same gateway', () => {
  const stored = { api_url: 'http://gw:8009', grpc_url: 'grpcs://gw:8010', token: 'file' };
  const env = readEnv({ HOOP_API_URL: 'http://gw:8009/', HOOP_TOKEN: 'env', HOOP_TLS_SKIP_VERIFY: 'true' });
  const config = resolveConfig(env, stored);
  assert.equal(config.token?.reveal(), 'env');
  assert.equal(config.tokenIsStored, false);
  assert.equal(config.grpcUrl, 'grpcs://gw:8010');
  assert.equal(config.skipTlsVerify, true);
  assert.equal(config.apiUrl, 'http://gw:8009');
});

test('a stored token never goes to another gateway than the one it was given by', () => {
  const stored = { api_url: 'https://good.example.com', token: 'secret', tls_ca: 'QQ==', skip_tls_verify: true };
  const config = resolveConfig(readEnv({ HOOP_API_URL: 'https://other.example.com' }), stored);
  assert.equal(config.token, undefined);
  assert.equal(config.skipTlsVerify, false);
  assert.equal(config.tlsCa, undefined);
});

test('both spellings of the URL variable work, and an empty one counts as not set', () => {
  assert.equal(resolveConfig(readEnv({ HOOP_APIURL: 'https://a.example.com' }), {}).apiUrl, 'https://a.example.com');
  assert.equal(resolveConfig(readEnv({ HOOP_API_URL: '', HOOP_APIURL: '' }), {}).apiUrl, 'http://127.0.0.1:8009');
});

test('a switch of the environment that is neither on nor off is refused', () => {
  assert.equal(readEnv({ HOOP_TLS_SKIP_VERIFY: 'Off' }).skipTlsVerify, false);
  assert.throws(() => readEnv({ HOOP_TLS_SKIP_VERIFY: 'maybe' }), { code: 'env_invalid', message: /HOOP_TLS_SKIP_VERIFY is "maybe"/ });
});

test('a token in the environment does not show when the environment is printed', () => {
  assert.doesNotMatch(JSON.stringify(readEnv({ HOOP_TOKEN: 'hidden-token', HOOP_PASSWORD: 'hidden-pass' })), /hidden/);
});

test('a gateway URL keeps its path prefix and loses its last slash', () => {
  assert.equal(normalizeUrl('https://gw.example.com/hoop/'), 'https://gw.example.com/hoop');
  for (const text of ['gw.example.com', 'ftp://x', 'https://user:pass@gw', '']) {
    assert.throws(() => normalizeUrl(text), { code: 'url_invalid', exitCode: 2 }, text);
  }
});

test('an authority is taken as PEM, as base64 and as a file, and nothing else passes for one', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const file = join(scratch, 'ca.pem');
  writeFileSync(file, pem);
  for (const source of [pem, `base64://${Buffer.from(pem).toString('base64')}`, `file://${file}`, file]) assert.equal(readCa(source), pem);
  writeFileSync(file, 'not a certificate');
  assert.throws(() => readCa(file), { code: 'tls_ca_invalid' });
  assert.throws(() => readCa('/nowhere.pem'), { code: 'tls_ca_invalid', message: /nowhere\.pem cannot be read/ });
});

test('the file says that it holds a token', () => {
  saveStored(home, { token: 'x' });
  assert.match(readFileSync(configPath(home), 'utf8'), /^# .*token/);
});
