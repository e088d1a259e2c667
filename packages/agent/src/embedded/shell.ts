import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** What a person gets who asks for nothing else: the shell of the environment, else bash, else sh. */
export function findShell(environment: Readonly<Record<string, string>>): string {
  const { SHELL, PATH = '/usr/bin:/bin' } = environment;
  if (SHELL && isAbsolute(SHELL) && isProgram(SHELL)) return SHELL;
  return PATH.split(delimiter).some((directory) => isProgram(join(directory, 'bash'))) ? 'bash' : 'sh';
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
