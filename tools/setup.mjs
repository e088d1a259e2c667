/**
 * Makes a clone runnable: installs what package-lock.json names, and builds dist/.
 *
 * Plain JavaScript without imports of ours, because it runs on whatever Node.js (20 or newer) the machine has;
 * everything after it runs on the Node.js 24 that comes as a package, so that all machines run the same one.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { step } from './progress.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

const NODE_MAJOR_MIN = 20;
const STAMP = join(root, 'node_modules', '.hoop-installed');
const LOCK = join(root, '.setup.lock');
const NODE_24 = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');

/** Signals that end a run, and are passed on to what runs. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** A set-up step that failed for a reason that a person can act on: shown without a stack. */
export class SetupError extends Error {}

/**
 * Installs and builds, saying so on stderr. Does nothing that is done already.
 * Returns the path of the Node.js to run everything else with.
 * @throws SetupError with what to do.
 */
export async function setUp() {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < NODE_MAJOR_MIN) {
    throw new SetupError(
      `This needs Node.js ${NODE_MAJOR_MIN} or newer and found ${process.versions.node}. Install a newer one and run it again`,
    );
  }
  const unlock = await lock();
  try {
    await install();
    const node = findNode24();
    await build(node);
    return node;
  } finally {
    unlock();
  }
}

/** What has to be installed: changes when a dependency, the platform or the way of installing does. */
function wanted() {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  return `${process.platform}-${process.arch} ${hash.digest('hex')}\n`;
}

async function install() {
  const stamp = wanted();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  rmSync(STAMP, { force: true });
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // Install scripts are not run: nothing that we depend on needs one, and a package should not run code just by being installed.
  const args = [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await step('Installing packages', () => run(command, args));
  writeFileSync(STAMP, stamp);
}

function findNode24() {
  if (existsSync(NODE_24)) return NODE_24;
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  throw new SetupError(
    `No Node.js 24 comes as a package for ${platform}. Install Node.js 24 or newer yourself, put it first in PATH, and run it again`,
  );
}

async function build(node) {
  await step('Building', () => run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']));
}

/** Runs a program to its end; its output is shown only when it fails. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = (signal) => {
      child.kill(signal);
      reject(Object.assign(new SetupError(`Stopped by ${signal}`), { signal }));
    };
    for (const signal of SIGNALS) process.once(signal, stop);
    child.once('error', (error) => reject(new SetupError(`${command} could not be started: ${error.message}`)));
    child.once('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, stop);
      if (code === 0) resolve();
      else reject(new SetupError(`${[command, ...args].join(' ')} ended with ${signal ?? `exit code ${code}`}\n\n${output.trim()}`));
    });
  });
}

/** One set-up at a time in a clone: `npm start` and `npm test` may be typed into two terminals. */
async function lock() {
  let told = false;
  while (true) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      return () => rmSync(LOCK, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!holderLives()) {
      rmSync(LOCK, { force: true });
      continue;
    }
    if (!told) process.stderr.write('Waiting for another set-up of this clone to end\n');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function holderLives() {
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Runs a script of ours on Node.js 24 in the foreground, passes signals on, and resolves with its exit code.
 * @param {string} node path of Node.js 24
 * @param {string[]} args options of Node.js, the script, and its arguments
 */
export function foreground(node, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, pass);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, pass);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** Runs `main` and turns how it ends into an exit code and, where a person can act, one line. */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.signal ? 128 + constants.signals[error.signal] : 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  await runMain(async () => {
    await setUp();
    return 0;
  });
}
