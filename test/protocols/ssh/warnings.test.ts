import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import type { Access } from '../../support/office.ts';
import { Lab } from './lab.ts';

const NOTICED =
  /^hoop: Noticed by the following Guardrails rule: Mind this, match guard rail \[InputRules:[^\]]*\] rule, type=deny_words_list/m;

describe('what a rule warns of', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.start('tunnel');
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  const warned = (word: string, mask?: readonly string[]): Promise<Access> => lab.access({ warn: [word], ...(mask && { mask }) });

  test('stands on the error output of ssh, and the command runs all the same', async () => {
    const access = await warned('careful');
    const { stdout, stderr, exitCode } = await lab.run(access, 'echo careful; exit 3');
    assert.deepEqual([stdout, exitCode], ['careful\n', 3]);
    assert.match(stderr, NOTICED);
    const fine = await lab.run(access, 'echo fine');
    assert.deepEqual([fine.stdout, fine.stderr], ['fine\n', '']);
    const [action] = await lab.actions(access, 1);
    assert.deepEqual([action?.text, action?.rule], ['echo fine', undefined]);
  });

  test('stands there too where output is masked, and where much of it follows', async () => {
    const access = await warned('careful', ['EMAIL_ADDRESS']);
    const { stdout, stderr, exitCode } = await lab.run(access, 'echo ada@example.org; yes careful | head -n 300000');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^#{15}\ncareful\n/);
    assert.equal(stdout.length, 16 + 300_000 * 'careful\n'.length);
    assert.match(stderr, NOTICED);
  });

  test('is told to who copies files, and the files arrive', async () => {
    const access = await warned('sftp');
    const args = [...lab.options(access), `${access.connection}@gateway`];
    const { stdout, stderr, exitCode } = await lab.program('sftp', args, access, { input: 'pwd\n' }).done;
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /Remote working directory/);
    assert.match(stderr, NOTICED);
  });

  test('is in what a script gives', async () => {
    const { connection } = await warned('careful');
    const { output, exit_code } = await lab.system.office.api.call(routes.execSession, { body: { connection, script: 'echo careful' } });
    assert.equal(exit_code, 0);
    assert.match(output, NOTICED);
    assert.match(output, /^careful$/m);
  });
});
