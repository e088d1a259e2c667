import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import type { Session } from '@hoop/contract/routes/sessions';
import { plainEnv } from '../../support/env.ts';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';

const ADDRESS = 'jane.doe@example.org';
const HIDDEN = '#'.repeat(ADDRESS.length);

describe('what is shown over SSH', () => {
  let lab: Lab;
  let masked: Access;
  let open: Access;
  const files = sharedDirectory('guards');
  before(async () => {
    lab = await Lab.start();
    [masked, open] = await Promise.all([lab.access({ mask: ['EMAIL_ADDRESS'] }), lab.access()]);
    writeFileSync(join(files, 'people'), `one ${ADDRESS}\ntwo\n`, { mode: 0o644 });
    writeFileSync(join(files, `${ADDRESS}.txt`), 'plain', { mode: 0o644 });
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  const to = (access: Access): string => `${access.connection}@gateway`;
  const copy = (access: Access, ...words: string[]) => lab.program('scp', [...lab.options(access), ...words], access, { input: '' }).done;
  const sftp = (access: Access, ...batch: string[]) =>
    lab.program('sftp', ['-o', 'BatchMode=no', ...lab.options(access), '-b', '-', to(access)], access, { input: `${batch.join('\n')}\n` })
      .done;

  /** A rule on output; resolves with a way in that it holds for. */
  async function forbidding(words: string): Promise<Access> {
    const access = await lab.access();
    const output = { rules: [{ type: 'deny_words_list' as const, words: [words], message: 'Not to be seen' }] };
    await lab.system.office.api.call(routes.createGuardrail, {
      body: { name: `quiet ${randomUUID()}`, input: { rules: [] }, output, connection_ids: [access.connectionId] },
    });
    return access;
  }

  /** What was recorded of the newest session on a connection, once it is over. */
  async function recorded(access: Access): Promise<{ text: string; sizes: unknown[] }> {
    const { id } = await lab.system.office.endedSession(access.connection);
    let text = '';
    const sizes: unknown[] = [];
    for (let next: { after: number; output_after?: number } | undefined = { after: 0 }; next; ) {
      const query = { expand: 'event_stream', ...next };
      const session: Session = await lab.system.office.api.call(routes.getSession, { params: { session_id: id }, query });
      for (const { event } of session.event_stream ?? []) {
        if (event.type !== 'output') continue;
        text += Buffer.from(event.data, 'base64').toString();
        if (event.size) sizes.push(event.size);
      }
      const { next_after, next_output_after } = session;
      next =
        next_after === undefined
          ? undefined
          : { after: next_after, ...(next_output_after === undefined ? {} : { output_after: next_output_after }) };
    }
    return { text, sizes };
  }

  test('values are hidden in output, error output and terminals, and counted', async () => {
    const { stdout, stderr } = await lab.run(masked, `cat ${files}/people; echo ${ADDRESS} >&2`);
    assert.deepEqual([stdout, stderr], [`one ${HIDDEN}\ntwo\n`, `${HIDDEN}\n`]);
    const [action] = await lab.actions(masked, 1);
    assert.deepEqual(action?.outcome?.masked, { EMAIL_ADDRESS: 2 });
    const terminal = await lab.ssh(masked, ['-tt', to(masked)], { input: `cat ${files}/people\nexit\n` }).done;
    assert.match(terminal.stdout, new RegExp(`one ${HIDDEN}`));
    assert.doesNotMatch(terminal.stdout, /jane/);
  });

  test('much output comes whole through a mask that makes it longer, and the next command too', async () => {
    const access = await lab.access();
    const entities = [{ name: 'all', entity_types: ['EMAIL_ADDRESS'] }];
    const body = {
      name: `hash ${randomUUID()}`,
      supported_entity_types: entities,
      strategy: 'hash' as const,
      connection_ids: [access.connectionId],
    };
    await lab.system.office.api.call(routes.createMaskingRule, { body });
    const lines = 60_000;
    const { stdout, exitCode } = await lab.run(access, `seq ${lines} | sed 's/$/ a@example.org b@example.org c@example.org/'`);
    assert.equal(exitCode, 0);
    const got = stdout.trimEnd().split('\n');
    assert.equal(got.length, lines);
    assert.deepEqual(got.filter((line) => line.includes('@')).slice(0, 5), [], 'something leaked');
    assert.ok(stdout.length > lines * 40, `${stdout.length} bytes`);
    assert.deepEqual(
      got.map((line) => Number(line.split(' ')[0])),
      got.map((_, at) => at + 1),
    );
  });

  test('files are brought in and not out, and their names are masked', async () => {
    const source = join(lab.directory, 'source');
    writeFileSync(source, `content ${ADDRESS}`);
    const up = await copy(masked, source, `${to(masked)}:${files}/brought`);
    assert.equal(up.exitCode, 0, up.stderr);
    assert.equal(readFileSync(join(files, 'brought'), 'utf8'), `content ${ADDRESS}`);
    const target = join(lab.directory, 'target');
    const down = await copy(masked, `${to(masked)}:${files}/people`, target);
    assert.notEqual(down.exitCode, 0);
    assert.match(down.stderr, /cannot be read over SFTP/);
    assert.equal(existsSync(target), false);
    const listed = await sftp(masked, `ls -l ${files}`, `-get ${files}/people ${target}`);
    assert.match(listed.stdout, new RegExp(`/${HIDDEN}####\n`));
    assert.doesNotMatch(listed.stdout.replace(/^sftp> .*$/gm, ''), /jane/);
    assert.equal(existsSync(target), false);
  });

  test('a file that is larger than every window is brought in', async () => {
    const source = join(lab.directory, 'large');
    writeFileSync(source, Buffer.alloc(20_000_000, 'x'));
    const { exitCode, stderr } = await copy(masked, source, `${to(masked)}:${files}/large`);
    assert.equal(exitCode, 0, stderr);
    assert.equal(readFileSync(join(files, 'large')).length, 20_000_000);
  });

  test('programs whose data is packed are refused with words, and packed data ends its command', async () => {
    for (const words of [
      [`${to(masked)}:${files}/people`, lab.directory],
      [join(files, 'people'), `${to(masked)}:${files}/other`],
    ]) {
      const { exitCode, stderr } = await copy(masked, '-O', ...words);
      assert.notEqual(exitCode, 0);
      assert.match(stderr, /What scp sends cannot be looked at/);
    }
    const shell = ['ssh', ...lab.options(masked)].join(' ');
    const synced = await lab.program('rsync', ['-a', '-e', shell, `${to(masked)}:${files}/`, lab.directory], masked, { input: '' }).done;
    assert.match(synced.stderr, /What rsync sends cannot be looked at/);
    const git = { ...plainEnv(lab.env(masked)), GIT_SSH_COMMAND: shell };
    const cloned = await runProgram('git', ['clone', `ssh://${to(masked)}${files}/x.git`, join(lab.directory, 'clone')], { env: git });
    assert.match(cloned.stderr, /What git sends cannot be looked at/);
    const packed = await lab.run(masked, `gzip -c ${files}/people`);
    assert.deepEqual([packed.exitCode, packed.stdout], [254, '']);
    assert.match(packed.stderr, /The output is not text/);
    const wide = await lab.run(masked, `iconv -t UTF-16LE ${files}/people`);
    assert.deepEqual([wide.exitCode, wide.stdout], [254, ''], 'A05: an encoding in which nothing would be found');
  });

  test('output that a rule forbids ends its command, and what ran is gone', async () => {
    const access = await forbidding('top secret');
    const { exitCode, stdout, stderr } = await lab.run(access, 'echo fine; echo "this is top"" secret"; exec sleep 613.77');
    assert.equal(exitCode, 254);
    assert.doesNotMatch(stdout, /secret/);
    assert.match(stderr, /Not to be seen/);
    const [action] = await lab.actions(access, 1);
    assert.match(action?.outcome?.error ?? '', /ended by the rule/);
    await until('the command is gone', async () => !/sleep 613\.77/.test((await runProgram('ps', ['-eo', 'args'])).stdout));
    const fine = await lab.run(access, 'echo fine');
    assert.deepEqual([fine.exitCode, fine.stdout], [0, 'fine\n']);
    const file = await copy(access, `${to(access)}:${files}/people`, join(lab.directory, 'no'));
    assert.match(file.stderr, /cannot be read over SFTP/);
  });

  test('a terminal is recorded byte for byte as it was seen, masked where it was', async () => {
    for (const access of [open, masked]) {
      const shell = lab.ssh(access, ['-tt', to(access)], { input: `stty -echo; PS1=; cat ${files}/people\nexit\n` });
      const { stdout } = await shell.done;
      const { text } = await recorded(access);
      assert.equal(text, stdout);
      assert.equal(text.includes(ADDRESS), access === open);
    }
  });

  test('commands without a terminal and files are not recorded', async () => {
    await lab.run(open, `cat ${files}/people`);
    assert.deepEqual(await recorded(open), { text: '', sizes: [] });
    const down = await copy(open, `${to(open)}:${files}/people`, join(lab.directory, 'people'));
    assert.equal(down.exitCode, 0, down.stderr);
    assert.deepEqual(await recorded(open), { text: '', sizes: [] });
  });
});

describe('a user’s own SSH key', () => {
  let lab: Lab;
  let access: Access;
  const keys = sharedDirectory('own-keys');
  before(async () => {
    lab = await Lab.start();
    access = await lab.access();
    for (const [name, ...how] of [['ed25519'], ['rsa', '-b', '3072'], ['ecdsa']]) {
      await runProgram('ssh-keygen', ['-q', '-N', '', '-t', name ?? '', '-f', join(keys, name ?? ''), ...how], { env: plainEnv() });
    }
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  const register = (name: string) =>
    lab.system.office.api.call(routes.addSshKey, { body: { public_key: readFileSync(join(keys, `${name}.pub`), 'utf8') } });
  const withKey = (name: string, ...words: string[]) => {
    const how = [
      '-o',
      'PasswordAuthentication=no',
      '-o',
      'KbdInteractiveAuthentication=no',
      '-o',
      'IdentitiesOnly=yes',
      '-i',
      join(keys, name),
    ];
    const options = lab.options(access).map((option) => option.replace('PubkeyAuthentication=no', 'PubkeyAuthentication=yes'));
    return lab.program('ssh', [...how, ...options, '-T', `${access.connection}@gateway`, ...words], access);
  };

  test('A16, A17: lets its user in, whatever its kind, and an unknown one nobody', async () => {
    for (const name of ['ed25519', 'rsa', 'ecdsa']) {
      const refused = withKey(name, 'echo in');
      const { exitCode, stdout } = await refused.done;
      assert.deepEqual([exitCode, stdout], [255, ''], `${name} before it is registered`);
      const { id, fingerprint, used_at } = await register(name);
      assert.equal(used_at, null);
      const entered = await withKey(name, 'echo in').done;
      assert.deepEqual([entered.exitCode, entered.stdout], [0, 'in\n'], entered.stderr);
      const { items } = await lab.system.office.api.call(routes.listSshKeys, {});
      assert.notEqual(items.find((item) => item.fingerprint === fingerprint)?.used_at, null);
      await lab.system.office.api.call(routes.deleteSshKey, { params: { ID: id } });
    }
  });

  test('is out at once when it is removed: its open session ends, and no other begins', async () => {
    const { id } = await register('ed25519');
    const running = withKey('ed25519', 'echo up; sleep 600');
    await until('the command runs', () => running.stdout.includes('up'));
    await assert.rejects(register('ed25519'), { code: 'ssh_key_exists' });
    const byPassword = lab.ssh(access, ['-T', `${access.connection}@gateway`, 'echo up; read line; echo $line']);
    await until('the other one runs', () => byPassword.stdout.includes('up'));
    await lab.system.office.api.call(routes.deleteSshKey, { params: { ID: id } });
    const { exitCode, stderr } = await running.done;
    assert.equal(exitCode, 255);
    assert.match(stderr, /SSH key of this session was removed/);
    assert.equal((await withKey('ed25519', 'echo in').done).exitCode, 255);
    byPassword.say('still here\n');
    assert.match((await byPassword.done).stdout, /still here/);
  });
});
