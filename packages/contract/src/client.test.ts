import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, createClient, fillPath } from './client.ts';
import { routes } from './routes/all.ts';

interface Seen {
  url: string;
  init: RequestInit;
}

function answering(status: number, body: string, headers: Record<string, string> = {}): { fetch: typeof fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  const answer = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    seen.push({ url: String(url), init });
    return new Response(body === '' ? null : body, { status, headers });
  };
  return { fetch: answer, seen };
}

const isApiError = (status: number, code: string, about?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, status);
  assert.equal(error.code, code);
  if (about) assert.match(error.message, about);
  return true;
};

test('a call goes to the route with its parameters, query, body and token', async () => {
  const { fetch, seen } = answering(200, JSON.stringify({ data: [], total_is_capped: false, has_next_page: false }));
  const client = createClient({ baseUrl: 'https://gw.example/hoop/', token: 'tkn', fetch, userAgent: 'hoopcli/1' });
  await client.call(routes.listSessions, { query: { limit: 5, user: 'a b&c' } });
  assert.equal(seen[0]?.url, 'https://gw.example/hoop/api/sessions?limit=5&user=a+b%26c');
  assert.deepEqual(seen[0]?.init.headers, { accept: 'application/json', authorization: 'Bearer tkn', 'user-agent': 'hoopcli/1' });

  const made = answering(201, '{"token":"dsn"}');
  const reply = await createClient({ baseUrl: 'http://h', fetch: made.fetch }).call(routes.createAgent, { body: { name: 'dev' } });
  assert.equal(reply.token, 'dsn');
  assert.equal(made.seen[0]?.init.body, '{"name":"dev"}');
  assert.equal(made.seen[0]?.init.method, 'POST');
});

test('a parameter cannot change the path', () => {
  assert.equal(fillPath('/agents/:nameOrID', { nameOrID: 'a/../b?x#y' }), '/agents/a%2F..%2Fb%3Fx%23y');
  for (const nameOrID of ['', '.', '..']) {
    assert.throws(() => fillPath('/agents/:nameOrID', { nameOrID }), isApiError(0, 'bad_parameter'));
  }
});

test('headers of the answer are there for who asks', async () => {
  const { fetch } = answering(200, '{"status":"ok"}', { token: 'jwt' });
  const answer = await createClient({ baseUrl: 'http://h', fetch }).send(routes.login, { body: { email: 'a', password: 'b' } });
  assert.equal(answer.headers.get('token'), 'jwt');
});

test('a refusal becomes an ApiError with status, code, field and the words of the gateway', async () => {
  const { fetch } = answering(422, '{"message":"Bad port","code":"invalid","field":"secret.envvar:PORT"}');
  await assert.rejects(createClient({ baseUrl: 'http://h', fetch }).call(routes.listAgents), (error: unknown) => {
    isApiError(422, 'invalid', /^Bad port$/)(error);
    assert.equal((error as ApiError).field, 'secret.envvar:PORT');
    return true;
  });
});

test('an answer that no gateway wrote is said to be one', async () => {
  const html = answering(502, '<html>bad gateway</html>');
  await assert.rejects(
    createClient({ baseUrl: 'http://h', fetch: html.fetch }).call(routes.listAgents),
    isApiError(502, 'unexpected_reply', /502/),
  );
  const odd = answering(200, '{"not":"a list"}');
  await assert.rejects(
    createClient({ baseUrl: 'http://h', fetch: odd.fetch }).call(routes.listAgents),
    isApiError(200, 'unexpected_reply'),
  );
});

test('no answer, a slow answer and a cancelled call are told apart', async () => {
  const refused = async (): Promise<Response> => {
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  };
  await assert.rejects(
    createClient({ baseUrl: 'http://h', fetch: refused }).call(routes.listAgents),
    isApiError(0, 'unreachable', /ECONNREFUSED/),
  );

  const hanging = (_: unknown, init?: RequestInit): Promise<Response> =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('stopped'))));
  const hold = setTimeout(() => {}, 60_000);
  const client = createClient({ baseUrl: 'http://h', fetch: hanging, timeout_ms: 10 });
  await assert.rejects(client.call(routes.listAgents), isApiError(0, 'timeout'));
  const stop = new AbortController();
  const call = client.call(routes.listAgents, { signal: stop.signal, timeout_ms: 60_000 });
  stop.abort();
  await assert.rejects(call, isApiError(0, 'aborted'));
  clearTimeout(hold);
});
