import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cliPage } from './cli-page.ts';

test('the page on the command line says what the commands are (npm run docs writes it anew)', () => {
  assert.equal(readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8'), cliPage());
});
