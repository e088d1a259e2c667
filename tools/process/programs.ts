import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { env } from '../env.ts';

/** Where a program of this name is: in PATH, or where the system keeps its servers. Undefined: nowhere. */
export function findProgram(name: string): string | undefined {
  const directories = [...(env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

/** True when a program of this name can be run. */
export function hasProgram(name: string): boolean {
  return findProgram(name) !== undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
