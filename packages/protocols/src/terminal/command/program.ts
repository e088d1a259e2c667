import fs from 'node:fs/promises';
import { join } from 'node:path';
import { TargetFault } from '@hoop/core/errors';

/**
 * Finds the program that a command names, in the PATH of its environment. Nothing is run.
 * @throws TargetFault `command_not_found`, `command_not_executable`
 */
export async function findProgram(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const places = name.includes('/') ? [name] : (environment.PATH ?? '').split(':').map((directory) => join(directory || '.', name));
  let found: string | undefined;
  for (const place of places) {
    if (!(await isFile(place))) continue;
    if (await isExecutable(place)) return place;
    found ??= place;
  }
  if (found !== undefined) throw new TargetFault('command_not_executable', `The agent may not run ${found}; make it executable`);
  throw new TargetFault(
    'command_not_found',
    `The program ${name} is not on the agent’s machine; install it there, or mend the connection’s command`,
  );
}

async function isFile(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (stat) => stat.isFile(),
    () => false,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return fs.access(path, fs.constants.X_OK).then(
    () => true,
    () => false,
  );
}
