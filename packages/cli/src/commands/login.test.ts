import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { configPath, loadStored, saveStored } from '../config.ts';
import { Answered, FakeGateway, type Handlers, Refused } from '../testing/fake-gateway.ts';
import { FakeTty, Shell } from '../testing/shell.ts';

const local: Handlers = {
  getPublicServerInfo: () => ({ auth_method: 'local', setup_required: false }),
  login: ({ body }) => {
    if (body.email !== 'ann@example.com') throw new Refused(404, 'user_not_found', 'user not found');
    if (body.password !== 'correct horse') throw new Refused(401, 'invalid_credentials', 'invalid credentials');
    return new Answered({ status: 'ok' }, { headers: { Token: 'new.jwt.token' } });
  },
};

test('a login with the environment alone asks nothing and stores the token for its owner only', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const env = { HOOP_API_URL: `${gateway.url}/`, HOOP_EMAIL: 'ann@example.com', HOOP_PASSWORD: 'correct horse' };
  const { code, out, err } = await shell.run(['login'], { env });
  assert.equal(code, 0, err);
  assert.equal(out, '');
  assert.deepEqual(loadStored(shell.home), { api_url: gateway.url, token: 'new.jwt.token' });
  assert.equal((statSync(configPath(shell.home)).mode & 0o777).toString(8), '600');
  assert.doesNotMatch(err, /new\.jwt|correct horse/);
});

test('a password can come from a pipe, with the e-mail in a flag', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const words = ['login', '--api-url', gateway.url, '--email', 'ann@example.com'];
  const { code, err } = await shell.run(words, { stdin: 'correct horse\n' });
  assert.equal(code, 0, err);
  assert.equal(loadStored(shell.home).token, 'new.jwt.token');
});

test('e-mail and password can come from one pipe, a line each', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const { code, err } = await shell.run(['login', '--api-url', gateway.url], { stdin: 'ann@example.com\r\ncorrect horse' });
  assert.equal(code, 0, err);
});

test('on a terminal the password is read without an echo, and the terminal is put back', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const running = shell.start(['login', '--api-url', gateway.url, '--email', 'ann@example.com']);
  await running.stderr.shows(/Password: $/);
  running.stdin.push('correct horsex\x7f\x1b[D\r');
  assert.equal(await running.done, 0);
  assert.doesNotMatch(running.stderr.text + running.stdout.text, /correct|horse/);
  assert.ok(running.stdin instanceof FakeTty);
  assert.deepEqual(running.stdin.modes, [true, false]);
});

test('Ctrl-C at the password ends with 130 and puts the terminal back', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const running = shell.start(['login', '--api-url', gateway.url, '--email', 'ann@example.com']);
  await running.stderr.shows(/Password: $/);
  running.stdin.push('abc\x03');
  assert.equal(await running.done, 130);
  assert.ok(running.stdin instanceof FakeTty);
  assert.deepEqual(running.stdin.modes, [true, false]);
  assert.deepEqual(gateway.calls, ['getPublicServerInfo']);
});

test('a wrong password and an unknown user are told alike, and nothing is stored', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  for (const email of ['ann@example.com', 'bob@example.com']) {
    const { code, err } = await shell.run(['login', '--api-url', gateway.url, '--email', email], { stdin: 'wrong\n' });
    assert.equal(code, 77);
    assert.equal(err, `Error: No user ${email} with this password. Check both and try again\n`);
  }
  assert.deepEqual(loadStored(shell.home), {});
});

test('the password of the environment is not sent for another e-mail', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  const env = { HOOP_EMAIL: 'bob@example.com', HOOP_PASSWORD: 'of bob' };
  const { code, err } = await shell.run(['login', '--api-url', gateway.url, '--email', 'ann@example.com'], {
    env,
    stdin: 'correct horse\n',
  });
  assert.equal(code, 0, err);
});

test('a new gateway says how to make its administrator, and does so', async () => {
  const registered: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getPublicServerInfo: () => ({ auth_method: 'local', setup_required: registered.length === 0 }),
    register: ({ body }) => {
      registered.push(body);
      return new Answered({ message: 'ok' }, { headers: { Token: 'first.jwt.token' } });
    },
  });
  using shell = new Shell();
  const env = { HOOP_API_URL: gateway.url, HOOP_EMAIL: 'ann@example.com', HOOP_PASSWORD: 'correct horse' };
  const refused = await shell.run(['login'], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /has no users yet.*hoop login --register/);
  const { code } = await shell.run(['login', '--register', '--name', 'Ann'], { env });
  assert.equal(code, 0);
  assert.deepEqual(registered, [{ email: 'ann@example.com', password: 'correct horse', name: 'Ann' }]);
  assert.equal(loadStored(shell.home).token, 'first.jwt.token');
});

test('a login at another gateway forgets what was known of the old one', async () => {
  await using gateway = await FakeGateway.start(local);
  using shell = new Shell();
  saveStored(shell.home, {
    api_url: 'https://old.example.com',
    grpc_url: 'grpcs://old.example.com:8010',
    token: 'old',
    skip_tls_verify: true,
  });
  await shell.run(['login', '--api-url', gateway.url, '--email', 'ann@example.com'], { stdin: 'correct horse\n' });
  assert.deepEqual(loadStored(shell.home), { api_url: gateway.url, token: 'new.jwt.token' });
});

test('a gateway that logs people in elsewhere is told apart from a broken one', async () => {
  await using gateway = await FakeGateway.start({ getPublicServerInfo: () => ({ auth_method: 'oidc', setup_required: false }) });
  using shell = new Shell();
  const { code, err } = await shell.run(['login', '--api-url', gateway.url]);
  assert.equal(code, 1);
  assert.match(err, /logs people in with oidc.*HOOP_TOKEN/);
});

test('a gateway that is away is told with its address and what to check', async () => {
  using shell = new Shell();
  const { code, err } = await shell.run(['login', '--api-url', 'http://127.0.0.1:1']);
  assert.equal(code, 69);
  assert.match(err, /^Error: http:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*Check that it runs/);
});

test('a logout forgets the token and keeps the address', async () => {
  using shell = new Shell();
  saveStored(shell.home, { api_url: 'https://gw.example.com', token: 'x' });
  const { code, out, err } = await shell.run(['logout']);
  assert.equal(code, 0);
  assert.equal(out, '');
  assert.match(err, /Logged out/);
  assert.deepEqual(loadStored(shell.home), { api_url: 'https://gw.example.com' });
});
