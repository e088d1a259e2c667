import type { Clock } from '@hoop/core/clock';
import { fromJson, type Json, toJson } from './rows.ts';
import type { Db } from './schema.ts';
import type { SecretBox } from './secret-box.ts';

export interface SettingOptions {
  /** Encrypt it at rest: for keys that sign or open something. */
  readonly secret?: boolean;
}

/** Small values of the server itself, by key. */
export class Settings {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #box: SecretBox;

  constructor(db: Db, clock: Clock, box: SecretBox) {
    this.#db = db;
    this.#clock = clock;
    this.#box = box;
  }

  /** The value, decrypted where it is a secret; undefined when there is none. Its form is for the caller to check. */
  async get(key: string): Promise<Json | undefined> {
    const row = await this.#db.selectFrom('settings').select(['value_json', 'sealed']).where('key', '=', key).executeTakeFirst();
    if (!row) return undefined;
    const text = row.sealed === null ? row.value_json : this.#box.open(row.sealed, settingContext(key));
    return text === null ? null : fromJson<Json>(text);
  }

  async set(key: string, value: Json, options: SettingOptions = {}): Promise<void> {
    const columns = this.#columns(key, value, options);
    await this.#db
      .insertInto('settings')
      .values({ key, ...columns })
      .onConflict((conflict) => conflict.column('key').doUpdateSet(columns))
      .execute();
  }

  /**
   * The value; when there is none yet, the one given here, stored.
   * Of two gateways that start at the same time both get the same one.
   */
  async getOrCreate(key: string, value: Json, options: SettingOptions = {}): Promise<Json> {
    await this.#db
      .insertInto('settings')
      .values({ key, ...this.#columns(key, value, options) })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute();
    return (await this.get(key)) ?? value;
  }

  /** False when there is none. */
  async delete(key: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('settings').where('key', '=', key).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  #columns(key: string, value: Json, options: SettingOptions): { value_json: string | null; sealed: string | null; updated_at: number } {
    const text = toJson(value);
    const updated_at = this.#clock.now();
    if (options.secret) return { value_json: null, sealed: this.#box.seal(text, settingContext(key)), updated_at };
    return { value_json: text, sealed: null, updated_at };
  }
}

/** What a sealed setting is bound to. */
export function settingContext(key: string): string {
  return `setting/${key}`;
}
