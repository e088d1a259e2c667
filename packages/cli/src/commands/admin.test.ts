import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FakeGateway, Refused } from '../testing/fake-gateway.ts';
import { AGENT_ID, agent, CONNECTION_ID, connection, serverInfo, session, user } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-admin-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const KEY = 'grpcs://dev:xagt-mzv7CRgUs23TgHpk0XNmll0TO37qfwM0D3JGQpwGPa8@gw.example.com:8010?mode=standard';

test('creating an agent prints the key on stdout and nothing else anywhere', async () => {
  await using gateway = await FakeGateway.start({
    createAgent: ({ body, headers }) => {
      assert.deepEqual(body, { name: 'dev', mode: 'standard', transport: 'grpc' });
      assert.equal(headers.authorization, 'Bearer a.b.c');
      return { token: KEY };
    },
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['admin', 'create', 'agent', 'dev']), { code: 0, out: `${KEY}\n`, err: '' });
});

test('on a terminal the note about the key goes to stderr', async () => {
  await using gateway = await FakeGateway.start({ createAgent: () => ({ token: KEY }) });
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['admin', 'create', 'agent', 'dev', '--mode', 'embedded'], { tty: true });
  assert.equal(out, `${KEY}\n`);
  assert.match(err, /only time/);
});

test('an agent whose name is taken leaves stdout empty, so that no variable gets an error', async () => {
  await using gateway = await FakeGateway.start({
    createAgent: () => {
      throw new Refused(409, 'agent_exists', 'There is an agent dev already; delete it first');
    },
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['admin', 'create', 'agent', 'dev']);
  assert.deepEqual([code, out, err], [1, '', 'Error: There is an agent dev already; delete it first\n']);
});

test('agents are a table with a dash for everything that is not known of one that never connected', async () => {
  const never = { status: 'DISCONNECTED', hostname: '', platform: '', version: '' } as const;
  await using gateway = await FakeGateway.start({
    listAgents: () => [
      agent({ version: '' }),
      agent({ id: '7850eb2d-0000-5000-8000-000000000002', name: 'homolog', ...never }),
      agent({ id: '9', name: 'gone', status: 'DISCONNECTED' }),
    ],
  });
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['admin', 'get', 'agents']);
  assert.equal(
    out,
    [
      'UID                                    NAME      MODE       VERSION   HOSTNAME       PLATFORM      STATUS',
      '22ab1d2f-0000-5000-8000-000000000001   default   standard   unknown   5601881aa15e   linux/arm64   ONLINE',
      '7850eb2d-0000-5000-8000-000000000002   homolog   standard   -         -              -             -',
      '9                                      gone      standard   0.1.0     5601881aa15e   linux/arm64   OFFLINE',
      '',
    ].join('\n'),
  );
  assert.equal(err, '');
});

test('one agent is asked for as TYPE/NAME or in two words, and printed as JSON on demand', async () => {
  await using gateway = await FakeGateway.start({ getAgent: ({ params }) => agent({ name: params.nameOrID }) });
  using shell = Shell.at(gateway);
  for (const words of [
    ['admin', 'get', 'agent/dev', '--json'],
    ['admin', 'get', 'agents', 'dev', '-o', 'json'],
  ]) {
    assert.equal(JSON.parse((await shell.run(words)).out).name, 'dev');
  }
});

test('deleting an agent says so in the usual words, and a name that does not exist is an error', async () => {
  const deleted: string[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: ({ params }) => {
      if (params.nameOrID !== 'homolog') throw new Refused(404, 'not_found', `There is no agent ${params.nameOrID}`);
      return agent({ name: 'homolog' });
    },
    deleteAgent: ({ params }) => void deleted.push(params.nameOrID),
  });
  using shell = Shell.at(gateway);
  assert.deepEqual(await shell.run(['admin', 'delete', 'agent', 'homolog']), { code: 0, out: 'agent "homolog" deleted\n', err: '' });
  assert.equal((await shell.run(['admin', 'delete', 'agent/homlog'])).code, 1);
  assert.deepEqual(deleted, ['homolog']);
});

test('a connection is created from flags, with its settings encoded and files read', async () => {
  const bodies: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    createConnection: ({ body }) => {
      bodies.push(body);
      return connection();
    },
  });
  using shell = Shell.at(gateway);
  const file = join(scratch, 'password');
  writeFileSync(file, 'p=ss\n');
  const { code, out, err } = await shell.run([
    ...['admin', 'create', 'connection', 'demo', '-a', 'default', '-t', 'database/postgres', '-e', 'HOST=db.internal'],
    ...['-e', `PASS=file://${file}`, '-e', 'DB=base64://YXBw', '-e', 'filesystem:CA=x', '--tags', 'env=prod,team=a'],
    ...['--access-modes', 'connect,exec', '--database', 'app'],
  ]);
  assert.equal(code, 0, err);
  assert.equal(out, 'connection "demo" created\n');
  assert.deepEqual(bodies, [
    {
      name: 'demo',
      type: 'database',
      subtype: 'postgres',
      command: [],
      agent_id: AGENT_ID,
      secret: { 'envvar:HOST': b64('db.internal'), 'envvar:PASS': b64('p=ss\n'), 'envvar:DB': b64('app'), 'filesystem:CA': b64('x') },
      connection_tags: { env: 'prod', team: 'a' },
      access_mode_connect: 'enabled',
      access_mode_exec: 'enabled',
      access_mode_runbooks: 'disabled',
      default_database: 'app',
    },
  ]);
});

test('what follows two dashes is the command of a custom connection, flags included', async () => {
  let command: readonly string[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    createConnection: ({ body }) => {
      command = body.command;
      return connection({ type: body.type });
    },
  });
  using shell = Shell.at(gateway);
  const { code, err } = await shell.run(['admin', 'create', 'conn', 'sh', '--agent', 'default', '--', 'bash', '-c', 'echo -a']);
  assert.equal(code, 0, err);
  assert.deepEqual(command, ['bash', '-c', 'echo -a']);
});

test('--overwrite replaces a connection that exists and creates one that does not', async () => {
  const names = new Set(['old']);
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    getConnection: ({ params }) => {
      if (!names.has(params.nameOrID)) throw new Refused(404, 'not_found', 'no');
      return connection({ name: params.nameOrID });
    },
    createConnection: () => connection(),
    replaceConnection: () => connection(),
  });
  using shell = Shell.at(gateway);
  const flags = ['-a', 'default', '-t', 'database/postgres', '--overwrite'];
  assert.equal((await shell.run(['admin', 'create', 'connection', 'old', ...flags])).out, 'connection "old" updated\n');
  assert.equal((await shell.run(['admin', 'create', 'connection', 'new', ...flags])).out, 'connection "new" created\n');
});

test('a connection is refused before anything is sent when a flag cannot be meant, and no value is shown', async () => {
  await using gateway = await FakeGateway.start({ getAgent: () => agent() });
  using shell = Shell.at(gateway);
  const base = ['admin', 'create', 'connection', 'x', '-t', 'database/postgres'];
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /needs an agent/],
    [['-a', 'a', '-e', 'no equals hunter2'], /cannot be read/],
    [['-a', 'a', '-e', 'PASS=base64://hunter2!'], /PASS: what follows base64:\/\/ is not base64/],
    [['-a', 'a', '-e', 'PASS=file:///nowhere'], /PASS: the file \/nowhere cannot be read \(ENOENT\)/],
    [['-a', 'a', '--tags', 'x'], /--tags "x" is no pair/],
    [['-a', 'a', '--access-modes', 'fly'], /no access mode "fly"/],
  ];
  for (const [flags, message] of wrong) {
    const { code, err } = await shell.run([...base, ...flags]);
    assert.equal(code, 2, flags.join(' '));
    assert.match(err, message);
  }
  assert.ok(!gateway.calls.includes('createConnection'));
  assert.doesNotMatch((await shell.run([...base, '-a', 'a', '-e', 'PASS=base64://hunter2!'])).err, /hunter2/);
});

test('many connections come from one file, with its defaults and what each says otherwise', async () => {
  const bodies: { name: string; type: string; subtype: string; secret: object; connection_tags: object; access_mode_exec: string }[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    createConnection: ({ body }) => {
      bodies.push(body);
      return connection({ name: body.name });
    },
  });
  using shell = Shell.at(gateway);
  const file = join(scratch, 'connections.yaml');
  writeFileSync(
    file,
    `agent: default
type: database/postgres
tags: { env: prod }
access_modes: [connect]
connections:
  - name: one
    env: { HOST: a, PORT: 5432 }
  - name: two
    type: application/tcp
    tags: { team: b }
    access_modes: [connect, exec]
    env: { HOST: base64://YXBw }
`,
  );
  const { code, out, err } = await shell.run(['admin', 'create', 'connections', '--from-file', file]);
  assert.equal(code, 0, err);
  assert.equal(out, 'connection "one" created\nconnection "two" created\n');
  const [one, two] = bodies;
  assert.deepEqual(one?.secret, { 'envvar:HOST': b64('a'), 'envvar:PORT': b64('5432') });
  assert.deepEqual([one?.connection_tags, one?.access_mode_exec], [{ env: 'prod' }, 'disabled']);
  assert.deepEqual([two?.type, two?.subtype, two?.access_mode_exec], ['application', 'tcp', 'enabled']);
  assert.deepEqual([two?.connection_tags, two?.secret], [{ env: 'prod', team: 'b' }, { 'envvar:HOST': b64('app') }]);
});

test('a mistyped key in a file of connections is refused instead of lost', async () => {
  await using gateway = await FakeGateway.start({});
  using shell = Shell.at(gateway);
  const file = join(scratch, 'wrong.yaml');
  for (const [text, message] of [
    ['connections:\n  - name: a\n    agent: x\n    enviroment: {}\n', /unknown key "enviroment"/],
    ['connections: []\n', /write a list/],
    ['- a\n', /must be a table/],
    ['a: [\n', /no YAML/],
    ['connections:\n  - agent: x\n', /name must be a text/],
  ] as const) {
    writeFileSync(file, text);
    const { code, err } = await shell.run(['admin', 'create', 'connections', '--from-file', file]);
    assert.equal(code, 2);
    assert.match(err, message);
  }
  assert.deepEqual(gateway.calls, []);
});

test('connections are a table with the names of their agents', async () => {
  await using gateway = await FakeGateway.start({
    listAgents: () => [agent()],
    listConnections: () => [
      connection({ redact_enabled: true, guardrail_rules: ['g1'], connection_tags: { env: 'prod' } }),
      connection({ name: 'sh', type: 'custom', subtype: '', command: ['bash', '-l'], agent_id: 'x', status: 'offline', secret_keys: [] }),
    ],
  });
  using shell = Shell.at(gateway);
  assert.equal(
    (await shell.run(['admin', 'get', 'connections', '--show-tags'])).out,
    [
      'NAME   COMMAND   TYPE                AGENT     STATUS    SECRETS   PLUGINS                TAGS',
      'demo   -         database/postgres   default   online    2         audit,dlp,guardrails   env=prod',
      'sh     bash -l   custom              -         offline   0         audit                  -',
      '',
    ].join('\n'),
  );
});

test('users are made with a password from a pipe, and listed', async () => {
  const bodies: unknown[] = [];
  await using gateway = await FakeGateway.start({
    createUser: ({ body }) => {
      bodies.push(body);
      return user({ email: body.email });
    },
    listUsers: () => [user()],
  });
  using shell = Shell.at(gateway);
  const words = ['admin', 'create', 'user', 'bob@example.com', '--groups', 'dev, ops', '--password-stdin'];
  const made = await shell.run(words, { stdin: 'correct horse\n' });
  assert.deepEqual(made, { code: 0, out: 'user "bob@example.com" created\n', err: '' });
  assert.deepEqual(bodies, [{ email: 'bob@example.com', groups: ['dev', 'ops'], password: 'correct horse' }]);
  assert.equal(
    (await shell.run(['admin', 'get', 'users'])).out,
    [
      'ID   EMAIL             NAME   SLACKID   STATUS   VERIFIED   GROUPS',
      'u1   ann@example.com   Ann    -         active   true       admin',
      '',
    ].join('\n'),
  );
});

test('a user without a password is made only when that is said', async () => {
  await using gateway = await FakeGateway.start({ createUser: ({ body }) => user({ email: body.email }) });
  using shell = Shell.at(gateway);
  const refused = await shell.run(['admin', 'create', 'user', 'bob@example.com'], { stdin: '' });
  assert.deepEqual([refused.code, gateway.calls.length], [2, 0]);
  assert.equal((await shell.run(['admin', 'create', 'user', 'bob@example.com', '--no-password'], { stdin: '' })).code, 0);
});

test('--overwrite changes only what is said of a user', async () => {
  const bodies: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getUser: () => user(),
    updateUser: ({ body }) => {
      bodies.push(body);
      return user();
    },
  });
  using shell = Shell.at(gateway);
  const { code, err } = await shell.run(['admin', 'create', 'user', 'ann@example.com', '--overwrite', '--disable'], { stdin: '' });
  assert.equal(code, 0, err);
  assert.deepEqual(bodies, [{ status: 'inactive' }]);
});

test('a guardrail is made of patterns and words, for connections by name', async () => {
  const bodies: { input: { rules: unknown[] }; output: { rules: unknown[] }; connection_ids: string[] }[] = [];
  const rule = { id: 'g', name: 'no-drop', description: '', attributes: [], managed_by: null };
  const times = { created_at: '2026-11-21T08:00:00.000Z', updated_at: '2026-11-21T08:00:00.000Z' };
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    createGuardrail: ({ body }) => {
      bodies.push(body);
      return { ...rule, ...times, input: body.input, output: body.output, connection_ids: body.connection_ids };
    },
  });
  using shell = Shell.at(gateway);
  const words = ['admin', 'create', 'guardrail', 'no-drop', '--deny-pattern', '(?i)drop\\s+table', '--deny-words', 'TRUNCATE,GRANT'];
  const { code, err } = await shell.run([...words, '--message', 'Ask first', '--connection', 'demo']);
  assert.equal(code, 0, err);
  assert.deepEqual(bodies[0]?.input.rules, [
    { type: 'pattern_match', words: [], pattern_regex: '(?i)drop\\s+table', message: 'Ask first' },
    { type: 'deny_words_list', words: ['TRUNCATE', 'GRANT'], pattern_regex: '', message: 'Ask first' },
  ]);
  assert.deepEqual(bodies[0]?.output.rules, []);
  assert.deepEqual(bodies[0]?.connection_ids, [CONNECTION_ID]);
  assert.equal((await shell.run(['admin', 'create', 'guardrail', 'empty'])).code, 2);
});

test('a masking rule is made of entities, however they are written', async () => {
  const rule = {
    id: 'm',
    name: 'mails',
    description: '',
    attributes: [],
    custom_entity_types: [],
    managed_by: null,
    columns: [],
    score_threshold: null,
    strategy: null,
    keep: null,
  };
  const times = { created_at: '2026-11-21T08:00:00.000Z', updated_at: '2026-11-21T08:00:00.000Z' };
  await using gateway = await FakeGateway.start({
    createMaskingRule: ({ body }) => ({
      ...rule,
      ...times,
      connection_ids: body.connection_ids,
      supported_entity_types: body.supported_entity_types,
      columns: body.columns,
      strategy: body.strategy ?? null,
      keep: body.keep ?? null,
    }),
  });
  using shell = Shell.at(gateway);
  const columns = await shell.run([
    ...[
      'admin',
      'create',
      'datamasking-rule',
      'mails',
      '--columns',
      '*email*,hr.users.ssn',
      '--strategy',
      'partial',
      '--keep',
      '2',
      '--json',
    ],
  ]);
  assert.equal(columns.code, 0, columns.err);
  const { columns: patterns, strategy, keep } = JSON.parse(columns.out);
  assert.deepEqual([patterns, strategy, keep], [['*email*', 'hr.users.ssn'], 'partial', 2]);
  assert.notEqual((await shell.run(['admin', 'create', 'datamasking-rule', 'nothing'])).code, 0);
  const { code, out, err } = await shell.run([
    ...['admin', 'create', 'datamasking-rule', 'mails', '--entities', 'email-address,PHONE_NUMBER', '--json'],
  ]);
  assert.equal(code, 0, err);
  assert.deepEqual(JSON.parse(out).supported_entity_types, [{ name: 'mails', entity_types: ['EMAIL_ADDRESS', 'PHONE_NUMBER'] }]);
});

test('the sessions of everybody are a table of ten columns', async () => {
  await using gateway = await FakeGateway.start({
    listSessions: ({ query }) => {
      assert.deepEqual([query.user, query.limit], ['ann@example.com', 5]);
      return { data: [session({ metrics: { masked: { EMAIL_ADDRESS: 3 } } })], total_is_capped: false, has_next_page: false };
    },
  });
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['admin', 'get', 'sessions', '--user', 'ann@example.com', '--limit', '5'], {
    now_ms: Date.parse('2026-11-21T08:05:00Z'),
  });
  assert.equal(
    out,
    [
      'UID                                    USER              CONNECTION   TYPE       VERB      SIZE      APPROVERS   REDACTED   STATUS   AGE',
      '0f9e8d7c-0000-4000-8000-000000000003   ann@example.com   demo         postgres   connect   1.2 KiB   -           3          done     5m',
      '',
    ].join('\n'),
  );
});

test('server information is shown with its addresses, and whole as JSON', async () => {
  await using gateway = await FakeGateway.start({ getServerInfo: () => serverInfo({ tls_ca: 'PEM', feature_flags: { beta: true } }) });
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['admin', 'serverinfo']);
  assert.match(out, /^grpc_url: +grpcs:\/\/127\.0\.0\.1:8010$/m);
  assert.match(out, /^feature beta: +on$/m);
  assert.equal(JSON.parse((await shell.run(['admin', 'serverinfo', '--json'])).out).tls_ca, 'PEM');
});

function b64(text: string): string {
  return Buffer.from(text).toString('base64');
}
