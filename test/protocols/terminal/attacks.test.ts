import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { encodeTerminalFrame, TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { temporaryDirectory } from '../../support/temporary.ts';
import { CommandLab } from './lab.ts';

/** Variables that make a program run or read something else. */
const HOSTILE = [
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'PGPASSFILE',
  'PGSERVICEFILE',
  'GIT_SSH_COMMAND',
  'BASH_ENV',
  'ENV',
  'PYTHONPATH',
  'NODE_OPTIONS',
  'PATH',
  'IFS',
];

describe('A40: construction of commands', () => {
  let lab: CommandLab;
  before(async () => {
    lab = await CommandLab.start('tunnel');
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  async function run(connection: string, args: readonly string[], script = ''): Promise<string> {
    const client = await lab.sit(connection, { mode: 'pipe', args: [...args] }, 'exec');
    await client.script(script);
    await client.ended();
    assert.ok(client.exit, client.notices.join());
    return client.stdout;
  }

  test('A40 arguments are never parsed by a shell', async () => {
    const mark = join(temporaryDirectory('a40'), 'mark');
    const connection = await lab.connection(['printf', '%s\\n']);
    const args = [
      `; touch ${mark}`,
      `$(touch ${mark})`,
      `\`touch ${mark}\``,
      `| touch ${mark}`,
      `> ${mark}`,
      '* ? [a]',
      '"',
      "'",
      '\\',
      'a\nb',
      '$HOME',
      '-n',
      '',
      '😀',
    ];
    assert.equal(await run(connection, args), `${args.join('\n')}\n`);
    assert.equal(fs.existsSync(mark), false);
  });

  test('A40 an argument stays one when the command in front of it is a shell’s script', async () => {
    const connection = await lab.connection(['sh', '-c', 'printf "<%s>" "$@"', 'name']);
    assert.equal(await run(connection, ['$(id)', '; id', 'a b']), '<$(id)><; id><a b>');
  });

  test('A40 a client gives no variable, whatever it puts into its start message', async () => {
    const connection = await lab.connection(['env']);
    const variables = Object.fromEntries(HOSTILE.map((name) => [name, '/evil']));
    const start = {
      mode: 'pipe',
      args: [],
      env: variables,
      environment: variables,
      env_vars: variables,
      settings: variables,
      command: ['id'],
    };
    const client = await lab.sitWith(connection, encodeTerminalFrame(TERMINAL_FRAMES.start, Buffer.from(JSON.stringify(start))), 'exec');
    await client.script('');
    await client.ended();
    assert.match(client.stdout, /HOOP_SESSION_ID=/);
    assert.equal(client.stdout.includes('/evil'), false);
  });

  test('A40 the terminal’s name is a name, and no path or second variable', async () => {
    const connection = await lab.connection(['env']);
    for (const term of ['../../tmp/evil', 'x\nLD_PRELOAD=/evil', '/evil']) {
      const client = await (await lab.sit(connection, { term })).ended();
      assert.match(client.stdout, /^TERM=dumb\r$/m);
      assert.equal(client.stdout.includes('evil'), false);
    }
  });

  test('A40 nothing of the agent’s own environment gets in but what is listed', async () => {
    const connection = await lab.connection(['env']);
    const names = (await run(connection, []))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0] ?? '');
    const known = [
      'PATH',
      'HOME',
      'LANG',
      'TERM',
      'TMPDIR',
      'CONNECTION_NAME',
      'CONNECTION_TYPE',
      'CLIENT_ORIGIN',
      'CLIENT_VERB',
      'USER_ID',
      'USER_EMAIL',
      'SESSION_ID',
    ];
    assert.deepEqual(
      names.filter((name) => !known.includes(name.replace(/^HOOP_/, ''))),
      [],
    );
    assert.equal(names.includes('HOOP_KEY'), false);
    const client = await (await lab.sit(connection)).ended();
    const inTerminal = client.stdout
      .trim()
      .split('\r\n')
      .map((line) => line.split('=')[0] ?? '');
    assert.deepEqual(
      inTerminal.filter((name) => !known.includes(name.replace(/^HOOP_/, ''))),
      [],
    );
  });

  test('A40 a setting does not pose as who the user is', async () => {
    const connection = await lab.connection(['env'], { secrets: { HOOP_USER_EMAIL: 'root@example.test' } });
    assert.match(await run(connection, []), /^HOOP_USER_EMAIL=admin@example.test$/m);
  });

  test('A40 the environment of one session is not the next one’s', async () => {
    const first = await lab.connection(['env'], { secrets: { PASS: 'first-secret', ONLY_FIRST: 'x' } });
    const second = await lab.connection(['env'], { secrets: { PASS: 'second-secret' } });
    const [one, two] = await Promise.all([run(first, []), run(second, [])]);
    assert.match(one, /^PGPASSWORD=first-secret$/m);
    assert.match(two, /^PGPASSWORD=second-secret$/m);
    assert.equal(two.includes('first-secret') || two.includes('ONLY_FIRST'), false);
  });

  test('A40 a secret is in no list of processes, unless the command puts it there', async () => {
    const own = await lab.connection(
      ['sh', '-c', 'tr "\\0" " " < /proc/$$/cmdline; tr "\\0" " " < /proc/$PPID/cmdline; echo "$PASS" >&2'],
      { secrets: { PASS: 'never-in-a-list' } },
    );
    assert.equal((await run(own, [])).includes('never-in-a-list'), false);
    const putThere = await lab.connection(['echo', '--password=$PASS'], { secrets: { PASS: 'in-the-list' } });
    assert.equal(await run(putThere, []), '--password=in-the-list\n');
    const session = await lab.records(putThere);
    assert.deepEqual(
      session.actions?.map(({ text }) => text),
      ['echo --password=$PASS'],
    );
  });

  test('A40 sessions do not share a directory', async () => {
    const connection = await lab.connection(['sh']);
    const [one, two] = await Promise.all([run(connection, [], 'touch mine; pwd; ls'), run(connection, [], 'touch theirs; pwd; ls')]);
    assert.equal(one.split('\n')[1], 'mine');
    assert.equal(two.split('\n')[1], 'theirs');
  });
});
