import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';

/**
 * Files that only the owner of the process may read. They appear whole or not at all:
 * written aside, synced, and put in place in one step.
 */

/** The text of a file, or undefined where there is none. @throws Misconfigured `file_exposed` when others may read it. */
export function readOwnFile(path: string): string | undefined {
  let mode: number;
  try {
    mode = statSync(path).mode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Misconfigured('file_unreadable', `${path} cannot be read; check its permissions`, { cause: error });
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Misconfigured('file_exposed', `Others can read ${path}; run \`chmod 600 ${path}\`, and think about who has seen it`);
  }
  return readFileSync(path, 'utf8');
}

/** Writes a file, whether or not there is one already. */
export function replaceOwnFile(path: string, text: string): void {
  renameSync(writeAside(path, text), path);
}

/** Writes a file if there is none. Returns what stands there now: of two processes at once, one wins and both read the same. */
export function createOwnFile(path: string, text: string): string {
  const aside = writeAside(path, text);
  try {
    linkSync(aside, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readOwnFile(path) ?? text;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Makes a directory that only its owner may enter. */
export function makeOwnDirectory(path: string): void {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) chmodSync(path, 0o700);
  } catch (cause) {
    throw new Misconfigured('home_unusable', `The directory ${path} cannot be made; set HOOP_HOME to one that can`, { cause });
  }
}

function writeAside(path: string, text: string): string {
  makeOwnDirectory(dirname(path));
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(aside, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return aside;
}
