import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { Misconfigured } from '@hoop/core/errors';
import { generate } from 'selfsigned';
import { type GatewayConfig, loadConfig } from './config.ts';
import { readEnv } from './env.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-config-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const config = (env: NodeJS.ProcessEnv): GatewayConfig => loadConfig(readEnv(env, false));

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    config(env);
  } catch (error) {
    assert.ok(error instanceof Misconfigured);
    assert.equal(error.code, 'config_invalid');
    return error.message;
  }
  return assert.fail(`taken: ${JSON.stringify(env)}`);
}

const pem = await generate([{ name: 'commonName', value: 'gw.example' }], { keyType: 'ec', algorithm: 'sha256' });

test('with nothing set, everything listens on this machine only', () => {
  const made = config({});
  assert.deepEqual(made.apiListen, { host: '127.0.0.1', port: 8009 });
  assert.deepEqual(made.tunnelListen, { host: '127.0.0.1', port: 8010 });
  assert.deepEqual(made.native.get('postgres'), { listen: { host: '127.0.0.1', port: 15_432 }, public: undefined });
  assert.equal(made.allowPlaintext, false);
  assert.equal(made.apiTls, 'off');
  assert.equal(made.logEncoding, 'json');
  assert.ok(Object.isFrozen(made));
});

test('a public API_URL opens the API and the tunnel to the network', () => {
  const made = config({ API_URL: 'https://hoop.example/gw/' });
  assert.equal(made.apiUrl, 'https://hoop.example/gw');
  assert.deepEqual(made.apiListen, { host: '0.0.0.0', port: 8009 });
  assert.deepEqual(made.tunnelListen, { host: '0.0.0.0', port: 8010 });
  assert.match(made.notices.join(), /proxy in front of it must end TLS/);
});

test('a local API_URL with a port listens there; PORT and API_LISTEN say it outright', () => {
  assert.equal(config({ API_URL: 'http://localhost:9000' }).apiListen.port, 9000);
  assert.equal(config({ API_URL: 'http://localhost:9000', PORT: '8009' }).apiListen.port, 8009);
  assert.deepEqual(config({ API_LISTEN: '[::]:0' }).apiListen, { host: '::', port: 0 });
});

test('trusted proxies are addresses and networks', () => {
  assert.deepEqual(config({ TRUSTED_PROXIES: '10.0.0.0/8, ::1 ,192.168.1.2,' }).trustedProxies, ['10.0.0.0/8', '::1', '192.168.1.2']);
});

test('a certificate switches TLS of the API on', () => {
  const made = config({ TLS_CERT: pem.cert, TLS_KEY: `base64://${Buffer.from(pem.private).toString('base64')}` });
  assert.equal(made.apiTls, 'given');
  assert.equal(made.tls?.cert.trim(), pem.cert.trim());
  assert.equal(config({ USE_TLS: 'true' }).apiTls, 'own');
  const path = join(scratch, 'key.pem');
  writeFileSync(path, pem.private);
  assert.equal(config({ TLS_CERT: pem.cert, TLS_KEY: `file://${path}`, USE_TLS: 'false' }).apiTls, 'off');
});

test('a value that contradicts another is refused, with what to do', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ API_LISTEN: '127.0.0.1:1', PORT: '2' }, /unset PORT/],
    [{ API_URL: 'http://h', TLS_CERT: pem.cert, TLS_KEY: pem.private }, /write https/],
    [{ TLS_CERT: pem.cert }, /belong together/],
    [{ TLS_KEY: pem.private }, /belong together/],
    [{ TLS_CERT: pem.cert, TLS_KEY: other }, /not the key of TLS_CERT/],
    [{ GRPC_URL: 'grpc://gw.example:8010' }, /write grpcs/],
    [{ ADMIN_USERNAME: 'ops', AUDITOR_USERNAME: 'ops' }, /two different groups/],
  ];
  for (const [env, words] of refusals) assert.match(refusal(env), words);
});

test('a value that cannot be meant is refused, with what to do', () => {
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ PORT: '80a' }, /PORT must be a port number/],
    [{ PORT: '70000' }, /PORT must be a port number/],
    [{ API_URL: 'hoop.example' }, /API_URL must be http/],
    [{ API_URL: 'https://u:p@hoop.example' }, /API_URL must be http/],
    [{ API_LISTEN: '0.0.0.0' }, /API_LISTEN must be host:port/],
    [{ GRPC_URL: 'https://h:1' }, /GRPC_URL must be grpcs/],
    [{ HOOP_HOME: 'relative' }, /absolute path/],
    [{ POSTGRES_DB_URI: 'mysql://h/db' }, /POSTGRES_DB_URI must be/],
    [{ POSTGRES_DB_URI: 'pglite:///x' }, /pglite is not offered/],
    [{ HOOP_ENCRYPTION_KEY: 'short' }, /openssl rand/],
    [{ METRICS_TOKEN: 'short' }, /at least 16/],
    [{ GATEWAY_ALLOW_PLAINTEXT: 'maybe' }, /true or false/],
    [{ TRUSTED_PROXIES: '10.0.0.0/8, proxy.example' }, /TRUSTED_PROXIES must be/],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, /TRUSTED_PROXIES must be/],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
    [{ TLS_CERT: 'file:///nowhere/x.pem', TLS_KEY: pem.private }, /cannot be read/],
    [{ TLS_CERT: 'x', TLS_KEY: pem.private }, /holds no PEM/],
  ];
  for (const [env, words] of refusals) assert.match(refusal(env), words);
});

test('a variable that nobody reads is refused: misspelt, or of a feature that is not there', () => {
  assert.match(refusal({ HOOP_HOMEE: '/x' }), /HOOP_HOMEE is not a variable of hoop/);
  for (const name of ['IDP_ISSUER', 'API_KEY', 'HOOP_SPIFFE_MODE', 'DISABLE_SESSIONS_DOWNLOAD']) {
    assert.match(refusal({ [name]: 'x' }), new RegExp(`${name} belongs to a feature`));
  }
  assert.match(refusal({ AUTH_METHOD: 'oidc' }), /local login only/);
  assert.match(refusal({ ORG_MULTI_TENANT: 'true' }), /one organization/);
});

test('what other parts and the platform set is left alone', () => {
  const env = { HOOP_KEY: 'x', HOOP_EMAIL: 'a@b.c', HOOP_PORT: 'tcp://10.0.0.1:8009', HOOP_GATEWAY_PORT_8009_TCP_ADDR: '10.0.0.1' };
  assert.deepEqual(config({ ...env, HOOP_SERVICE_HOST: '10.0.0.1', PATH: '/bin', AUTH_METHOD: 'local' }).notices, []);
  assert.match(config({ STATIC_UI_PATH: '/ui' }).notices.join(), /STATIC_UI_PATH has no effect/);
});

test('every fault is told in one go', () => {
  const message = refusal({ PORT: 'x', API_URL: 'y', HOOP_TYPO: 'z' });
  assert.match(message, /^3 settings are wrong:\n.*PORT|API_URL/);
  for (const name of ['PORT', 'API_URL', 'HOOP_TYPO']) assert.ok(message.includes(name));
});

test('secrets of the configuration show nowhere', () => {
  const uri = 'postgres://u:hunter22@h/db';
  const key = Buffer.alloc(32, 7).toString('base64');
  const made = config({
    POSTGRES_DB_URI: uri,
    HOOP_ENCRYPTION_KEY: key,
    METRICS_TOKEN: 'scrape-scrape-scrape',
    TLS_CERT: pem.cert,
    TLS_KEY: pem.private,
  });
  for (const text of [inspect(made, { depth: 9 }), JSON.stringify(made)]) {
    for (const secret of ['hunter22', key, 'scrape-scrape', 'PRIVATE KEY']) assert.ok(!text.includes(secret), secret);
  }
  const wrong = refusal({
    POSTGRES_DB_URI: 'postgres:///u:hunter22@',
    HOOP_ENCRYPTION_KEY: 'hunter22',
    TLS_CERT: 'hunter22',
    TLS_KEY: 'hunter22',
  });
  assert.ok(!wrong.includes('hunter22'));
});

test('values are hidden when a detector fails, unless best-effort is asked for, which is told', () => {
  assert.equal(config({}).dlpMode, 'strict');
  assert.deepEqual(config({ DLP_MODE: 'strict' }).notices, []);
  const made = config({ DLP_MODE: 'best-effort' });
  assert.equal(made.dlpMode, 'best-effort');
  assert.match(made.notices.join(), /shown to clients unmasked/);
  assert.match(refusal({ DLP_MODE: 'loose' }), /strict, best-effort/);
});

test('a Presidio analyzer has an address, and nothing else says something else about it', () => {
  assert.equal(config({}).presidioUrl, undefined);
  const url = 'http://presidio:5002/';
  assert.equal(config({ MSPRESIDIO_ANALYZER_URL: url, DLP_PROVIDER: 'mspresidio' }).presidioUrl, 'http://presidio:5002');
  assert.match(refusal({ DLP_PROVIDER: 'mspresidio' }), /needs MSPRESIDIO_ANALYZER_URL/);
  assert.match(refusal({ DLP_PROVIDER: 'gcp' }), /local, mspresidio/);
  assert.match(refusal({ DLP_PROVIDER: 'local', MSPRESIDIO_ANALYZER_URL: url }), /contradict/);
  for (const wrong of ['presidio:5002', 'http://user:pass@presidio', 'ftp://presidio', 'http://presidio/?a=b']) {
    assert.match(refusal({ MSPRESIDIO_ANALYZER_URL: wrong }), /must be http/);
  }
  assert.match(config({ MSPRESIDIO_ANONYMIZER_URL: url }).notices.join(), /no effect/);
});
