import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { formatEnvFile, parseEnvFile } from './env-file.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-env-file-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Values with everything that some quoting rule has ever tripped over. */
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'\\"\'`$ \t\n\r#;=%{}éλ😀ab'), maxLength: 24 }),
  fc.string({ unit: 'binary', maxLength: 24 }).filter((text) => !/[\0\uFEFF\p{Cs}\p{Noncharacter_Code_Point}]/u.test(text)),
);

test('whatever is written is read back', () => {
  const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).filter((name) => name !== '__proto__');
  fc.assert(
    fc.property(fc.dictionary(names, value), (variables) => {
      assert.deepEqual(parseEnvFile(formatEnvFile(variables)), { ...variables });
    }),
  );
});

/** Fields of os-release that systemd-tmpfiles can print: the same reader of systemd takes them in as takes environment files in. */
const FIELDS = { ID: '%o', VARIANT_ID: '%W', VERSION_ID: '%w', BUILD_ID: '%B' } as const;

function readBySystemd(text: string): Record<string, string> {
  const root = mkdtempSync(join(scratch, 'root-'));
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/os-release'), text);
  const wishes = Object.entries(FIELDS).map(([name, specifier]) => `f+ /${name} - - - - [${specifier}]\n`);
  writeFileSync(join(root, 'wishes.conf'), wishes.join(''));
  execFileSync('systemd-tmpfiles', [`--root=${root}`, '--create', join(root, 'wishes.conf')], { stdio: 'pipe' });
  return Object.fromEntries(Object.keys(FIELDS).map((name) => [name, readFileSync(join(root, name), 'utf8').slice(1, -1)]));
}

test('systemd reads every value as it was meant', () => {
  const fields = fc.record({ ID: value, VARIANT_ID: value, VERSION_ID: value, BUILD_ID: value });
  fc.assert(
    fc.property(fields, (variables) => assert.deepEqual(readBySystemd(formatEnvFile(variables)), { ...variables })),
    { numRuns: 60 },
  );
});

test('what a person wrote is read as systemd reads it', () => {
  const texts = [
    '# a comment\n\nID=dev \n; another\nVARIANT_ID=\'a "b" $c\'\nVERSION_ID=a\\ b\nBUILD_ID=\n',
    'ID="x\\y\\\nz"\nVARIANT_ID=a b"c"\nVERSION_ID=\'two\nlines\'\n  BUILD_ID="last"',
  ];
  for (const text of texts) assert.deepEqual(parseEnvFile(text), readBySystemd(text));
});

test('a name or a value that would spoil the file is refused without being shown', () => {
  assert.throws(() => formatEnvFile({ 'A B': 'x' }), /"A B" is no name of an environment variable/);
  for (const bad of ['secret\0', 'secret\uFEFF', 'secret\uFFFE', 'secret\uD800']) {
    assert.throws(
      () => formatEnvFile({ HOOP_KEY: bad }),
      (error: Error) => /HOOP_KEY holds a character/.test(error.message) && !error.message.includes('secret'),
    );
  }
});

test('a damaged file is told by its line, without what is in it', () => {
  assert.throws(
    () => parseEnvFile('A="x"\nHOOP_KEY="secret\n'),
    (error: Error) => /^Line 2 /.test(error.message) && !error.message.includes('secret'),
  );
});
