import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { login as loginRoute, TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import { getPublicServerInfo } from '@hoop/contract/routes/server';
import { getUserInfo } from '@hoop/contract/routes/users';
import type { Input } from './context.ts';
import { readEnv } from './env.ts';
import { run } from './run.ts';

const NOW = Date.parse('2026-11-21T08:00:00Z');

/** A home directory and the commands that run in it. */
class Shell implements Disposable {
  readonly home = join(mkdtempSync(join(tmpdir(), 'hsh-')), 'home');

  async run(words: readonly string[], options: { stdin?: string; tty?: Tty; env?: Record<string, string>; now_ms?: number } = {}) {
    const text = { out: '', err: '' };
    const stdin = options.tty ?? PassThrough.from([Buffer.from(options.stdin ?? '')]);
    const code = await run(words, {
      env: readEnv({ HSH_HOME: this.home, ...options.env }),
      stdin: stdin as unknown as Input,
      stdout: { write: (chunk) => (text.out += chunk) },
      stderr: {
        write: (chunk) => {
          text.err += chunk;
          if (chunk === 'Password: ') options.tty?.asked.resolve();
        },
      },
      now: () => options.now_ms ?? NOW,
    });
    return { code, ...text };
  }

  file(name: string): string {
    return readFileSync(join(this.home, name), 'utf8');
  }

  mode(name: string): string {
    return (statSync(join(this.home, name)).mode & 0o777).toString(8);
  }

  [Symbol.dispose](): void {
    rmSync(join(this.home, '..'), { recursive: true, force: true });
  }
}

class Tty extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  readonly asked = Promise.withResolvers<void>();

  setRawMode(on: boolean): this {
    this.modes.push(on);
    return this;
  }
}

const payload = { email: 'ann@example.com', exp: Date.parse('2026-11-21T20:00:00Z') / 1_000 };
const TOKEN = `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`;

const USER = {
  ...{ id: 'u1', name: 'Ann', email: 'ann@example.com', status: 'active', verified: true, role: 'admin', slack_id: '', picture: '' },
  ...{ groups: [], is_admin: true, is_auditor: false, is_multitenant: false, tenancy_type: 'selfhosted', org_id: 'o', org_name: 'default' },
  ...{ org_license: '', feature_ask_ai: 'unavailable', webapp_users_management: 'on' },
};

interface GatewayOptions {
  readonly method?: string;
  readonly setup?: boolean;
  readonly userInfoStatus?: number;
}

/** The few routes that hsh calls, with replies that their schemas allow. */
async function gateway(options: GatewayOptions = {}): Promise<{ url: string } & AsyncDisposable> {
  const reply = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const route = `${request.method} ${request.url}`;
    if (route === `GET /api${getPublicServerInfo.path}`) {
      reply(
        response,
        200,
        getPublicServerInfo.reply.parse({ auth_method: options.method ?? 'local', setup_required: options.setup ?? false }),
      );
    } else if (route === `POST /api${loginRoute.path}`) {
      const body = loginRoute.body.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      if (body.email !== 'ann@example.com') reply(response, 404, { message: 'user not found', code: 'user_not_found' });
      else if (body.password !== 'päss wörd') reply(response, 401, { message: 'invalid credentials', code: 'invalid_credentials' });
      else reply(response, 200, { status: 'ok' }, { [TOKEN_HEADER]: TOKEN });
    } else if (route === `GET /api${getUserInfo.path}`) {
      const status = request.headers.authorization === `Bearer ${TOKEN}` ? (options.userInfoStatus ?? 200) : 401;
      reply(
        response,
        status,
        status === 200 ? getUserInfo.reply.parse(USER) : { message: 'The token was revoked', code: 'unauthenticated' },
      );
    } else reply(response, 501, { message: route, code: 'not_faked' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('the version is one line on stdout, in both ways of asking', async () => {
  using shell = new Shell();
  for (const words of [['version'], ['-V']]) {
    const { code, out, err } = await shell.run(words);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^hsh \d+\.\d+\.\d+\n$/);
  }
});

test('config set keeps the URL without its last slash, private to its owner, and config list shows the file', async () => {
  using shell = new Shell();
  const { code, out } = await shell.run(['config', 'set', 'api-url', 'https://gw.example.com/hoop/']);
  assert.deepEqual([code, out], [0, '']);
  assert.deepEqual([shell.mode('config.json'), shell.mode('.')], ['600', '700']);
  assert.deepEqual(JSON.parse((await shell.run(['config', 'list'])).out), { apiUrl: 'https://gw.example.com/hoop' });
});

test('a setting that does not exist and a URL that is none are refused, and nothing is written', async () => {
  using shell = new Shell();
  for (const words of [
    ['api_url', 'https://x'],
    ['api-url', 'not-a-url'],
    ['api-url', 'https://user:pass@x'],
  ]) {
    const { code, out } = await shell.run(['config', 'set', ...words]);
    assert.deepEqual([code, out], [2, '']);
  }
  assert.equal(existsSync(shell.home), false);
});

test('a login from a pipe is kept with its end and its e-mail, private to its owner', async () => {
  await using server = await gateway();
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  const { code, out, err } = await shell.run(['login'], { stdin: 'ann@example.com\npäss wörd\n' });
  assert.equal(code, 0, err);
  assert.equal(out, '');
  assert.doesNotMatch(err, /c2ln|päss/);
  assert.equal(shell.mode('auth.json'), '600');
  assert.deepEqual(JSON.parse(shell.file('auth.json')), {
    token: TOKEN,
    expiresAt: '2026-11-21T20:00:00.000Z',
    email: 'ann@example.com',
    apiUrl: server.url,
  });
});

test('on a terminal the password is not shown, letters beyond ASCII included', async () => {
  await using server = await gateway();
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  const tty = new Tty();
  tty.push('ann@example.com\n');
  const running = shell.run(['login'], { tty });
  await tty.asked.promise;
  const typed = Buffer.from('päss wörd\r');
  // Cut inside a letter: a terminal sends bytes, not letters.
  tty.push(typed.subarray(0, 2));
  tty.push(typed.subarray(2));
  const { code, err } = await running;
  assert.equal(code, 0, err);
  assert.doesNotMatch(err, /p.ss/);
  assert.deepEqual(tty.modes, [true, false]);
});

test('a wrong password and an unknown user are told alike', async () => {
  await using server = await gateway();
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  for (const email of ['ann@example.com', 'bob@example.com']) {
    const { code, err } = await shell.run(['login'], { stdin: `${email}\nwrong\n` });
    assert.deepEqual([code, err], [1, `Error: No user ${email} with this password. Check both and try again\n`]);
  }
  assert.equal(existsSync(join(shell.home, 'auth.json')), false);
});

test('a login that cannot be says what to do: no gateway set, nobody there, no users yet, another method', async () => {
  using shell = new Shell();
  assert.match((await shell.run(['login'])).err, /hsh config set api-url/);
  await shell.run(['config', 'set', 'api-url', 'http://127.0.0.1:1']);
  assert.match((await shell.run(['login'])).err, /^Error: http:\/\/127\.0\.0\.1:1 cannot be reached.*hsh config list/);
  await using empty = await gateway({ setup: true });
  await shell.run(['config', 'set', 'api-url', empty.url]);
  assert.match((await shell.run(['login'])).err, /no users yet/);
  await using other = await gateway({ method: 'oidc' });
  await shell.run(['config', 'set', 'api-url', other.url]);
  assert.match((await shell.run(['login'])).err, /with oidc/);
});

test('status tells a valid login, an expired one, one that was refused, and one of another gateway', async () => {
  await using server = await gateway();
  using shell = new Shell();
  assert.match((await shell.run(['status'])).out, /^Login: +logged out$/m);
  await shell.run(['config', 'set', 'api-url', server.url]);
  await shell.run(['login'], { stdin: 'ann@example.com\npäss wörd\n' });
  const valid = await shell.run(['status']);
  assert.match(valid.out, /^Login: +valid$/m);
  assert.match(valid.out, /^Expires: +2026-11-21T20:00:00\.000Z$/m);
  assert.equal(valid.err, '');
  // A minute before its end a token is as good as gone.
  const late = await shell.run(['status', '--json'], { now_ms: Date.parse('2026-11-21T19:59:30Z') });
  assert.equal(JSON.parse(late.out).auth, 'expired');
  await using revoking = await gateway({ userInfoStatus: 401 });
  writeFileSync(join(shell.home, 'auth.json'), shell.file('auth.json').replace(server.url, revoking.url));
  await shell.run(['config', 'set', 'api-url', revoking.url]);
  assert.match((await shell.run(['status'])).out, /^Login: +refused$/m);
  await shell.run(['config', 'set', 'api-url', server.url]);
  const moved = await shell.run(['status']);
  assert.match(moved.out, /^Login: +of another gateway$/m);
  assert.match(moved.err, /hsh login/);
});

test('status without a gateway that answers is told, not an error', async () => {
  await using server = await gateway({ userInfoStatus: 500 });
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  await shell.run(['login'], { stdin: 'ann@example.com\npäss wörd\n' });
  const { code, out } = await shell.run(['status']);
  assert.equal(code, 0);
  assert.match(out, /^Login: +unknown: the gateway gave no answer$/m);
});

test('logout leaves nothing that was got with the login, and keeps the configuration', async () => {
  await using server = await gateway();
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  await shell.run(['login'], { stdin: 'ann@example.com\npäss wörd\n' });
  mkdirSync(join(shell.home, 'sessions'));
  writeFileSync(join(shell.home, 'sessions', 'demo.json'), '{}');
  assert.equal((await shell.run(['logout'])).code, 0);
  assert.equal(existsSync(join(shell.home, 'auth.json')), false);
  assert.equal(existsSync(join(shell.home, 'sessions', 'demo.json')), false);
  assert.equal(existsSync(join(shell.home, 'config.json')), true);
  assert.match((await shell.run(['logout'])).err, /not logged in/);
});

test('a damaged login is no login, and a damaged configuration says what to do', async () => {
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', 'https://gw.example.com']);
  writeFileSync(join(shell.home, 'auth.json'), '{"token":');
  assert.match((await shell.run(['status'])).out, /^Login: +logged out$/m);
  writeFileSync(join(shell.home, 'config.json'), '{');
  const { code, err } = await shell.run(['status']);
  assert.equal(code, 1);
  assert.match(err, /config\.json is no JSON\. Mend it, or remove it/);
});

test('HSH_DEBUG tells what was decided on stderr, without secrets', async () => {
  await using server = await gateway();
  using shell = new Shell();
  await shell.run(['config', 'set', 'api-url', server.url]);
  const { err } = await shell.run(['login'], { stdin: 'ann@example.com\npäss wörd\n', env: { HSH_DEBUG: 'YES' } });
  assert.match(err, /^\[hsh debug\] auth: method=local$/m);
  assert.doesNotMatch(err, /päss|c2ln/);
});

test('a command line that is wrong ends with 2 and leaves stdout empty', async () => {
  using shell = new Shell();
  for (const words of [['conect'], ['config', 'set', 'api-url'], ['config'], ['status', '--colour']]) {
    const { code, out, err } = await shell.run(words);
    assert.deepEqual([code, out], [2, ''], words.join(' '));
    assert.notEqual(err, '');
  }
});
