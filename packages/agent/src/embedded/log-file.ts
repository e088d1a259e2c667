import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** When a file has this size the next line begins a new one; one old one is kept. */
export const LOG_FILE_BYTES_MAX = 1024 * 1024;

/**
 * Where an agent writes that shares a process tree with an application and must never be heard: a file that is its owner's alone and
 * stays small. A disk that is full, or a directory that cannot be written, is no reason to fail: then nothing is written.
 */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: number | undefined;
  #bytes = 0;

  constructor(path: string, bytesMax = LOG_FILE_BYTES_MAX) {
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  write(line: string): void {
    try {
      this.#file ??= this.#open();
      if (this.#bytes >= this.#bytesMax) this.#turn();
      this.#bytes += writeSync(this.#file, line);
    } catch {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    try {
      if (this.#file !== undefined) closeSync(this.#file);
    } catch {
      // Closed is closed.
    }
    this.#file = undefined;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(file).size;
    return file;
  }

  #turn(): void {
    this[Symbol.dispose]();
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = this.#open();
  }
}
