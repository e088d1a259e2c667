import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { env } from '../env.ts';

/** True when a program of this name can be run: found in PATH, or where the system keeps its servers. */
export function hasProgram(name: string): boolean {
  return [...(env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((directory) => isProgram(join(directory, name)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
