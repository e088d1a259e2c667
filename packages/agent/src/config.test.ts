import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { loadAgentConfig } from './config.ts';
import { readAgentEnv } from './env.ts';

const SECRET = `xagt-${'a'.repeat(43)}`;

const configOf = (env: Record<string, string>) => loadAgentConfig(readAgentEnv(env));

test('the scheme of a key says how the gateway is dialled', () => {
  const dialOf = (scheme: string) => configOf({ HOOP_KEY: `${scheme}://dev:${SECRET}@gw.example:8009?mode=standard` }).dial;
  const found = ['grpc', 'grpcs', 'http', 'https', 'ws', 'wss'].map((scheme) => {
    const { host, port, tls, websocket } = dialOf(scheme);
    assert.deepEqual([host, port], ['gw.example', 8009]);
    return [scheme, tls !== undefined, websocket?.path];
  });
  assert.deepEqual(found, [
    ['grpc', false, undefined],
    ['grpcs', true, undefined],
    ['http', false, '/api/tunnel'],
    ['https', true, '/api/tunnel'],
    ['ws', false, '/api/tunnel'],
    ['wss', true, '/api/tunnel'],
  ]);
});

test('what is checked of the gateway is the same on every way', () => {
  const pin = 'p'.repeat(43);
  for (const scheme of ['grpcs', 'https']) {
    const { dial } = configOf({
      HOOP_DSN: `${scheme}://dev:${SECRET}@gw.example:8009?mode=standard&pin=${pin}`,
      HOOP_TLSSERVERNAME: 'inner.example',
    });
    assert.deepEqual(dial.tls, { skipVerify: false, pin, serverName: 'inner.example' });
  }
});

test('a proxy is taken from the environment, lower case first, and where it is wrong that is told without it', () => {
  const key = { HOOP_KEY: `https://dev:${SECRET}@gw.example:443?mode=standard` };
  assert.equal(configOf(key).dial.proxy, undefined);
  assert.equal(configOf({ ...key, HTTPS_PROXY: 'upper:1', https_proxy: 'lower:2' }).dial.proxy?.host, 'lower');
  assert.equal(configOf({ ...key, HTTPS_PROXY: 'upper:1', NO_PROXY: '.example' }).dial.proxy, undefined);
  assert.equal(configOf({ ...key, HTTP_PROXY: 'plain:1' }).dial.proxy, undefined);
  assert.throws(
    () => configOf({ ...key, HTTPS_PROXY: 'ftp://me:geheim@p:1' }),
    (error) => error instanceof AppError && error.code === 'proxy_url' && !error.message.includes('geheim'),
  );
});
