import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { envFile } from './env-file.ts';

test('a shell that sources the file hands every value on unchanged, whatever is in it', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'env file-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const variables = {
    PGURL: 'postgres://demo:a-b_c@127.0.0.1:15432/demo?sslmode=require',
    HOOP_PASSWORD: `it's "$HOME" \`id\` \\ & ; | * ~ #\n!`,
    HOOP_EMPTY: '',
  };
  const file = join(directory, 'demo.env');
  writeFileSync(file, envFile(variables, join(directory, 'bin dir')));
  const show =
    'process.stdout.write(JSON.stringify([process.env.PGURL, process.env.HOOP_PASSWORD, process.env.HOOP_EMPTY, process.env.PATH]))';
  const printed = execFileSync('sh', ['-uc', '. "$0"; . "$0"; "$1" -e "$2"', file, process.execPath, show], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  assert.deepEqual(JSON.parse(printed), [variables.PGURL, variables.HOOP_PASSWORD, '', `${join(directory, 'bin dir')}:/usr/bin:/bin`]);
});

test('a value without special characters stands without quotes', () => {
  assert.match(envFile({ PGURL: 'postgres://demo:x@127.0.0.1:1/demo?sslmode=require' }, '/b'), /^PGURL=postgres:[^']*=require$/m);
});
