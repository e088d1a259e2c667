import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceVariables, variablesFrom } from './key-file.ts';

const KEY = 'grpcs://dev:xagt-0123456789abcdefghij@gateway.test:8010?mode=standard';
const OLD = KEY.replace('0123', 'old0');

test('a key in the environment is the truth, and nothing of an old gateway stays', () => {
  assert.deepEqual(serviceVariables({ HOOP_KEY: KEY, PATH: '/bin' }, { HOOP_KEY: OLD, HOOP_TLS_SKIP_VERIFY: 'true' }), {
    HOOP_KEY: KEY,
    PATH: '/bin',
  });
});

test('without one the stored key holds, and other variables go over the stored ones', () => {
  assert.deepEqual(serviceVariables({ LOG_LEVEL: 'debug' }, { HOOP_KEY: OLD, LOG_LEVEL: 'info' }), { HOOP_KEY: OLD, LOG_LEVEL: 'debug' });
});

test('without any key it says how to get one', () => {
  assert.throws(() => serviceVariables({}, undefined), /export HOOP_KEY="\$\(hoop admin create agent NAME\)"/);
});

test('a key that cannot work is refused: damaged, or of another kind', () => {
  assert.throws(() => serviceVariables({ HOOP_KEY: 'grpcs://dev@gateway.test:8010' }, undefined), { code: 'agent_config' });
  for (const key of [KEY.replace('standard', 'embedded'), KEY.replace('?mode=standard', '')])
    assert.throws(() => serviceVariables({ HOOP_KEY: key }, undefined), { code: 'key_mode', message: /works with `hoop run` only/ });
});

test('the service gets what an agent reads, and what was asked for by name', () => {
  const env = { HOOP_KEY: KEY, PATH: '/bin', HOME: '/home/x', HTTPS_PROXY: '', VAULT_ADDR: 'https://vault.test', HOOP_TOKEN: 'mine' };
  assert.deepEqual(variablesFrom(env, ['VAULT_ADDR']), { HOOP_KEY: KEY, PATH: '/bin', VAULT_ADDR: 'https://vault.test' });
  assert.deepEqual(variablesFrom({ ...env, VAULT_TOKEN: 's' }, ['VAULT_*']).VAULT_TOKEN, 's');
  assert.deepEqual(variablesFrom({ HOOP_DSN: KEY }), { HOOP_KEY: KEY });
  assert.throws(() => variablesFrom(env, ['VAULT_TOKEN']), /VAULT_TOKEN is not set here/);
});
