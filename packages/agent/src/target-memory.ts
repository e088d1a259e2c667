import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { TargetMemory } from '@hoop/core/protocol';

/** Targets that one agent remembers something of. */
const NAMES_MAX = 10_000;

/** Remembers for as long as the process lives. */
export class ProcessMemory implements TargetMemory {
  readonly #known = new Map<string, string>();

  /** @throws Misconfigured `memory_full` */
  recallOr(name: string, value: string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= NAMES_MAX) throw full();
    this.#known.set(name, value);
    return value;
  }
}

/**
 * Remembers in a file of the agent's own, which it reads each time: agents that share a directory share what they know.
 * Where it cannot be written, what was seen counts until the process ends, and the log says so.
 */
export class FileMemory implements TargetMemory {
  readonly #path: string;
  readonly #log: Log;
  readonly #unwritten = new ProcessMemory();

  constructor(home: string, log: Log) {
    this.#path = join(home, 'agent', 'targets.json');
    this.#log = log;
  }

  /** @throws Misconfigured `memory_damaged`, `memory_exposed`, `memory_full` */
  recallOr(name: string, value: string): string {
    const all = this.#read();
    const known = all.get(name);
    if (known !== undefined) return known;
    if (all.size >= NAMES_MAX) throw full();
    all.set(name, value);
    try {
      this.#write(all);
      return value;
    } catch (error) {
      this.#log.warn({ err: error, path: this.#path }, 'What was seen of a target cannot be kept, and counts until the agent ends');
      return this.#unwritten.recallOr(name, value);
    }
  }

  #read(): Map<string, string> {
    let text: string;
    try {
      if (process.platform !== 'win32' && (statSync(this.#path).mode & 0o022) !== 0) {
        throw new Misconfigured('memory_exposed', `Others can write ${this.#path}; run \`chmod 600 ${this.#path}\``);
      }
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return new Map();
      throw error;
    }
    try {
      return new Map(Object.entries(JSON.parse(text) as Record<string, string>));
    } catch (cause) {
      throw new Misconfigured('memory_damaged', `${this.#path} on the agent’s machine is damaged; put it right, or remove it`, { cause });
    }
  }

  #write(all: ReadonlyMap<string, string>): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const aside = `${this.#path}.${randomBytes(6).toString('hex')}`;
    writeFileSync(aside, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(aside, this.#path);
  }
}

function full(): Misconfigured {
  return new Misconfigured(
    'memory_full',
    `The agent remembers ${NAMES_MAX} targets and takes no more; remove old ones from its targets.json`,
  );
}
