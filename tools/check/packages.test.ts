import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isThere, parsePackages } from './packages.ts';

test('every package that the tests need says how it is seen and why it is needed', () => {
  const packages = parsePackages(readFileSync(new URL('../test-packages.txt', import.meta.url), 'utf8'));
  assert.ok(packages.length > 0);
  assert.throws(() => parsePackages('postgresql psql'), /"postgresql psql" is not/);
});

test('a program, a path and a Python module are each seen where they are, and only there', () => {
  assert.equal(isThere('sh'), true);
  assert.equal(isThere('no-such-program'), false);
  assert.equal(isThere('/bin/*sh'), true);
  assert.equal(isThere('/no/such/*'), false);
  assert.equal(isThere('python3:json'), true);
  assert.equal(isThere('python3:no_such_module'), false);
});
