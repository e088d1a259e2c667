import { Bug, Refusal } from '@hoop/core/errors';
import { isUuid } from './org.ts';
import type { Db } from './schema.ts';

/** A small value that survives JSON unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

/** What `toJson` wrote. The type is the caller's word: only this package writes these columns. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T;
}

export function toFlag(value: boolean): number {
  return value ? 1 : 0;
}

/** Runs `work` in one transaction: a new one, or the one that `db` is already. */
export function atomically<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

/** The column that `nameOrId` speaks of. No name looks like an id, so no name can stand in for somebody else's id. */
export function keyColumn(nameOrId: string): 'id' | 'name' {
  return isUuid(nameOrId) ? 'id' : 'name';
}

/** @throws Refusal `name_reserved` for a name that would be taken for an id. */
export function checkName(name: string): void {
  if (isUuid(name)) throw new Refusal('name_reserved', 'A name must not have the form of an id. Choose another name');
}

/** Adds one to a counter and gives its new value. On PostgreSQL its row stays locked until the transaction ends. */
export async function bump(tx: Db, counter: CounterName): Promise<number> {
  const row = await tx
    .updateTable('counters')
    .set((expression) => ({ value: expression('value', '+', 1) }))
    .where('name', '=', counter)
    .returning('value')
    .executeTakeFirst();
  if (!row) throw new Bug('store_counter', `The counter ${counter} is missing`);
  return row.value;
}

/** `policy` grows with each change of a rule or attachment; `first_user` makes racing registrations queue. */
export type CounterName = 'policy' | 'first_user';

/** Text for LIKE that matches `term` anywhere, whatever signs it holds. To be used with `escape '\\'`. */
export function containsPattern(term: string): string {
  return `%${term.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

/** Groups rows by a key, in the order in which they came. */
export function groupBy<T, K>(rows: readonly T[], key: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}
