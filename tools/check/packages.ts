import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { env } from '../env.ts';
import { hasProgram } from '../process/programs.ts';
import { step } from '../progress.mjs';

/** Something that the tests need and that no npm package brings. */
export interface SystemPackage {
  readonly name: string;
  readonly seenBy: string;
  readonly why: string;
}

/** Reads test-packages.txt. */
export function parsePackages(text: string): SystemPackage[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, seenBy, why] = /^(\S+)\s+(\S+)\s+(\S.*)$/.exec(line) ?? [];
      if (!name || !seenBy || !why) throw new Error(`test-packages.txt: "${line}" is not "package seen-by why"`);
      return { name, seenBy, why };
    });
}

/**
 * Installs what is missing, where that can be done without asking anybody.
 * @throws Error that names what is missing and what each is for
 */
export async function ensurePackages(file: string): Promise<void> {
  const wanted = parsePackages(readFileSync(file, 'utf8'));
  const missing = wanted.filter((one) => !isThere(one.seenBy));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const apt = aptCommand();
  if (apt) await step(`Installing ${names.join(', ')}`, async () => install(apt, names));
  const still = missing.filter((one) => !isThere(one.seenBy));
  if (still.length === 0) return;
  const list = still.map(({ name, seenBy, why }) => `  ${name} (seen by ${seenBy}): ${why}`).join('\n');
  throw new Error(`The tests need what is not on this machine. Install it, and run them again:\n${list}`);
}

export function isThere(seenBy: string): boolean {
  if (seenBy.startsWith('python3:')) return spawnSync('/usr/bin/python3', ['-c', `import ${seenBy.slice(8)}`]).status === 0;
  if (seenBy.includes('/')) return globSync(seenBy).length > 0;
  return hasProgram(seenBy);
}

/** How apt-get can be run here without a question: as root, or with a sudo that does not ask. */
function aptCommand(): readonly [string, ...string[]] | undefined {
  if (!isThere('apt-get')) return undefined;
  if (process.getuid?.() === 0) return ['apt-get'];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n', '--preserve-env=DEBIAN_FRONTEND,RUNLEVEL', 'apt-get'] : undefined;
}

function install(apt: readonly [string, ...string[]], names: readonly string[]): void {
  const [command, ...first] = apt;
  const options = ['-o', 'DPkg::Lock::Timeout=300', '-y', '-qq'];
  // In run level 1 Debian's packages do not start their services: tests start what they need themselves.
  const settings = { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const run = (args: readonly string[]): string =>
    execFileSync(command, [...first, ...options, ...args], { env: settings, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run(['update']);
  run(['install', '--no-install-recommends', ...names]);
}
