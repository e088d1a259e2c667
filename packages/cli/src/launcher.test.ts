import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The launchers of both programs, which are the same file but for their names. */
const LAUNCHERS = {
  hoop: fileURLToPath(new URL('../bin/hoop', import.meta.url)),
  hsh: fileURLToPath(new URL('../../hsh/bin/hsh', import.meta.url)),
};

const scratch = mkdtempSync(join(tmpdir(), 'hoop launcher '));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A checkout with spaces in its name, whose program tells what it was given. */
function checkout(name: string, options: { node?: boolean; main?: boolean; program?: keyof typeof LAUNCHERS } = {}): string {
  const program = options.program ?? 'hoop';
  const root = join(scratch, name, 'with spaces');
  const bin = join(root, 'packages', 'cli', 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(LAUNCHERS[program], join(bin, program));
  chmodSync(join(bin, program), 0o755);
  if (options.main !== false) {
    mkdirSync(join(bin, '..', 'dist'));
    const main = 'console.log(JSON.stringify([process.execPath, ...process.argv.slice(2)])); process.exitCode = 42;\n';
    writeFileSync(join(bin, '..', 'dist', 'main.js'), main);
  }
  if (options.node !== false) {
    const nodeBin = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
    mkdirSync(nodeBin, { recursive: true });
    symlinkSync(process.execPath, join(nodeBin, 'node'));
  }
  return join(bin, program);
}

function launch(path: string, words: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const env = { PATH: '/usr/bin:/bin', ...options.env };
  const { status, stdout, stderr } = spawnSync(path, words, { encoding: 'utf8', env, ...(options.cwd && { cwd: options.cwd }) });
  return { status, stdout, stderr };
}

const words = ['exec', 'a b', "it's", '$HOME', '', '*'];

test('the shipped Node.js runs the program; words, and the exit code, pass unchanged', () => {
  for (const program of ['hoop', 'hsh'] as const) {
    const path = checkout(`plain ${program}`, { program });
    const { status, stdout, stderr } = launch(path, words);
    assert.equal(status, 42, stderr);
    assert.deepEqual(JSON.parse(stdout).slice(1), words);
  }
});

test('it works through links, relative and absolute, and from another directory', () => {
  const path = checkout('linked');
  const bin = join(scratch, 'linked', 'with spaces', 'node_modules', '.bin');
  mkdirSync(bin);
  symlinkSync(relative(bin, path), join(bin, 'hoop'));
  const elsewhere = join(scratch, 'elsewhere');
  mkdirSync(elsewhere);
  symlinkSync(join(bin, 'hoop'), join(elsewhere, 'hoop'));
  for (const link of [join(bin, 'hoop'), join(elsewhere, 'hoop')]) assert.equal(launch(link, ['x'], { cwd: '/' }).status, 42);
  assert.equal(launch('./hoop', ['x'], { cwd: elsewhere }).status, 42);
  assert.equal(launch('sh', ['hoop', 'x'], { cwd: dirname(path) }).status, 42);
  assert.equal(launch('hoop', ['x'], { cwd: '/', env: { PATH: `${elsewhere}:/usr/bin:/bin` } }).status, 42);
});

test('HOOP_NODE names another Node.js, by path or by name, and a wrong one is told', () => {
  const path = checkout('other node', { node: false });
  assert.equal(launch(path, [], { env: { HOOP_NODE: process.execPath } }).status, 42);
  assert.equal(launch(path, [], { env: { HOOP_NODE: 'node', PATH: `${dirname(process.execPath)}:/usr/bin:/bin` } }).status, 42);
  const { status, stdout, stderr } = launch(path, [], { env: { HOOP_NODE: '/nowhere/node' } });
  assert.deepEqual([status, stdout], [127, '']);
  assert.match(stderr, /^Error: HOOP_NODE names \/nowhere\/node, which cannot be run/);
});

test('without a Node.js it says where it looked and what to do', () => {
  const path = checkout('no node', { node: false });
  const { status, stdout, stderr } = launch(path, []);
  assert.deepEqual([status, stdout], [127, '']);
  assert.match(stderr, /^Error: no Node\.js 24 .* above .*no node/);
  assert.match(stderr, /npm install.*HOOP_NODE/);
});

test('a checkout that was not built says so', () => {
  const { status, stderr } = launch(checkout('not built', { main: false }), []);
  assert.equal(status, 127);
  assert.match(stderr, /dist\/main\.js is missing\. Run `npm run build`/);
});

test('the two launchers differ in nothing but what they are called', () => {
  assert.equal(readFileSync(LAUNCHERS.hsh, 'utf8'), readFileSync(LAUNCHERS.hoop, 'utf8'));
});
