import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { env } from '../env.ts';
import { hasProgram } from '../process/programs.ts';
import { step } from '../progress.mjs';

const run = promisify(execFile);

const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
const PROGRAM = join(CACHE, 'kube-apiserver');

const BUILD_MS_MAX = 3_600_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Why Kubernetes' own API server is not to be had; undefined when it is there. No distribution packages it, and to build it takes Go and minutes,
 * so it is built only by those who ask for it.
 */
export function lackOfApiserver(): string | undefined {
  return existsSync(PROGRAM) ? undefined : 'no package has it; `npm run build:kube-apiserver` makes it from its source, in some 5 minutes';
}

/** The server's program. @throws Error when it was not built */
export function apiserverProgram(): string {
  const lack = lackOfApiserver();
  if (lack) throw new Error(`There is no kube-apiserver here: ${lack}`);
  return PROGRAM;
}

/** Builds it from the modules of Go's registry, whose checksums Go looks up. @throws Error when there is no Go, or it cannot be built */
export async function buildApiserver(): Promise<void> {
  if (!hasProgram('go'))
    throw new Error('There is no Go here, which kube-apiserver is built with. Install Go 1.24 or newer, and try again');
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'building-'));
  try {
    for (const file of ['go.mod', 'main.go']) copyFileSync(fileURLToPath(new URL(file, import.meta.url)), join(work, file));
    await step('Fetching the source of kube-apiserver', () => go(work, 'mod', 'tidy'));
    await step('Building kube-apiserver', () => go(work, 'build', '-trimpath', '-ldflags=-s -w', '-o', 'kube-apiserver', '.'));
    renameSync(join(work, 'kube-apiserver'), PROGRAM);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** In the caller's own environment: it says where Go keeps its modules and what it has compiled. */
async function go(work: string, ...args: readonly string[]): Promise<void> {
  const goEnv = { ...env, GOFLAGS: '-mod=mod -buildvcs=false' };
  await run('go', args, { cwd: work, env: goEnv, timeout: BUILD_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX });
}
