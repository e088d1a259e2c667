import { createHash } from 'node:crypto';
import type { Output } from './output.ts';

/** A client that makes up more is told nothing any more of what is behind its names. */
const NAMES_MAX = 1_000;
const QUERIES_MAX = 64;
const UNNAMED_MAX = 1_000;
/** Columns of all of them together. */
const COLUMNS_MAX = 100_000;
/** A longer text is known by its digest. */
const KEY_LENGTH_MAX = 256;

/**
 * What one session prepared and declared under which name. Nothing is ever taken out: whether a statement that says so had its way, and
 * what a protocol's own messages do with the same names, is not known here.
 */
export class SessionNames {
  readonly #byName = new Map<string, Map<string, readonly Output[]>>();
  readonly #unnamed = new Map<string, readonly Output[]>();
  #columns = 0;
  #isFull = false;

  /** @param text of the statement: the same text again is no other query */
  define(name: string, text: string, outputs: readonly Output[]): void {
    if (this.#isFull) return;
    const queries = this.#byName.get(name) ?? new Map<string, readonly Output[]>();
    this.#byName.set(name, queries);
    this.#keep(queries, text, outputs);
    if (this.#byName.size > NAMES_MAX || queries.size > QUERIES_MAX) this.#isFull = true;
  }

  /** What the protocol prepared: its own names are the same as those of SQL, and are not told here. */
  prepared(text: string, outputs: readonly Output[]): void {
    if (this.#isFull || outputs.length === 0) return;
    this.#keep(this.#unnamed, text, outputs);
    if (this.#unnamed.size > UNNAMED_MAX) this.#isFull = true;
  }

  /** Everything that may be behind a name; undefined when that is not known. */
  of(name: string): readonly Output[] | undefined {
    const queries = this.#byName.get(name);
    if (!queries || this.#isFull) return undefined;
    return [...[...queries.values()].flat(), ...[...this.#unnamed.values()].flat()];
  }

  #keep(queries: Map<string, readonly Output[]>, text: string, outputs: readonly Output[]): void {
    const key = text.length <= KEY_LENGTH_MAX ? text : createHash('sha256').update(text).digest('base64');
    if (!queries.has(key)) this.#columns += outputs.reduce((sum, output) => sum + output.length, 0);
    queries.set(key, outputs);
    if (this.#columns > COLUMNS_MAX) this.#isFull = true;
  }
}
