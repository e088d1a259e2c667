import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeKubeconfig } from './kubeconfig.ts';

const home = join(mkdtempSync(join(tmpdir(), 'hoop-kubeconfig-')), 'home');
after(() => rmSync(join(home, '..'), { recursive: true }));

test('writes a file that only its user can read, and a second one for a second port', () => {
  const first = writeKubeconfig(home, 'prod', { host: '127.0.0.1', port: 8081, database: '' }, false);
  const second = writeKubeconfig(home, 'staging', { host: '127.0.0.1', port: 8082, database: '' }, true);
  assert.deepEqual(readdirSync(home).sort(), ['kubeconfig', 'kubeconfig-8082']);
  for (const path of [first, second]) assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(first, 'utf8'), /server: "http:\/\/127\.0\.0\.1:8081"(.|\n)*current-context: "prod"/);
  assert.match(readFileSync(second, 'utf8'), /8082(.|\n)*current-context: "staging"/);
});
