import { join } from 'node:path';
import { type Clock, systemClock } from '@hoop/core/clock';
import type { Log } from '@hoop/core/log';
import { Kysely } from 'kysely';
import { Agents } from './agents.ts';
import { Connections } from './connections.ts';
import { Credentials } from './credentials.ts';
import type { DatabaseKind } from './dialect/claiming.ts';
import { PostgresDialect } from './dialect/postgres.ts';
import { SearchDialect } from './dialect/search.ts';
import { SqliteDialect } from './dialect/sqlite.ts';
import { type GuardrailRow, Guardrails } from './guardrails.ts';
import { takeLease } from './lease.ts';
import { type MaskingRuleRow, MaskingRules } from './masking-rules.ts';
import { migrate } from './migrate.ts';
import { Outbox } from './outbox.ts';
import { reseal } from './reseal.ts';
import type { Db, Schema } from './schema.ts';
import { SecretBox } from './secret-box.ts';
import { Sessions } from './sessions.ts';
import { Settings } from './settings.ts';
import { Users } from './users.ts';

export interface StoreOptions {
  /** Directory of the SQLite file and of the lease; made with mode 0700 when it is missing. */
  readonly home: string;
  /** A PostgreSQL server instead of SQLite: `postgres://user:password@host:port/database`. */
  readonly postgresUri?: string;
  /** 32 bytes that seal secrets at rest. */
  readonly encryptionKey: Buffer;
  /** Earlier keys: they open what they sealed. `reseal` makes them superfluous. */
  readonly oldEncryptionKeys?: readonly Buffer[];
  readonly log: Log;
  readonly clock?: Clock;
}

/** What applies to one connection. */
export interface ConnectionPolicy {
  /** Read before the rules: they may be newer than it says, never older. */
  readonly revision: number;
  readonly guardrails: readonly GuardrailRow[];
  readonly maskingRules: readonly MaskingRuleRow[];
}

/** One object with an aggregate a field. Every method is one transaction, unless it is called inside `transaction`. */
export interface Aggregates {
  readonly users: Users;
  readonly agents: Agents;
  readonly connections: Connections;
  readonly sessions: Sessions;
  readonly credentials: Credentials;
  readonly guardrails: Guardrails;
  readonly maskingRules: MaskingRules;
  readonly settings: Settings;
  readonly outbox: Outbox;
  /** Grows with each change of a rule or of what it is attached to. */
  policyRevision(): Promise<number>;
  policyOf(connectionId: string): Promise<ConnectionPolicy>;
}

export interface Store extends Aggregates, AsyncDisposable {
  /**
   * Runs several steps as one: all of them are stored, or none when `work` throws. Inside, use only what is given to `work`;
   * the store itself would wait for its own transaction and fail with `store_busy`. Do no network calls inside.
   */
  transaction<T>(work: (tx: Aggregates) => Promise<T>): Promise<T>;
  /** Seals again what an old key sealed, and says how many records that were. */
  reseal(): Promise<number>;
  /** Waits for running statements. Calling it again does nothing. */
  close(): Promise<void>;
}

/**
 * Opens the store: takes the directory, opens the database, migrates it, checks the key.
 * @throws Misconfigured `store_in_use`, `store_directory`, `store_too_new`, `encryption_key_invalid`, `encryption_key_unknown`
 * @throws TargetFault `store_unavailable` when the PostgreSQL server does not answer.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const box = new SecretBox(options.encryptionKey, options.oldEncryptionKeys);
  const lease = takeLease(options.home);
  const kind: DatabaseKind = options.postgresUri === undefined ? 'sqlite' : 'postgres';
  const clock = options.clock ?? systemClock;
  const { db, searches, closeDatabase } = openDatabase(options);
  const closed = async (): Promise<void> => {
    await closeDatabase();
    lease.release();
  };
  try {
    await migrate(db, { kind, clock, log: options.log });
    await checkKey(new Settings(db, clock, box));
  } catch (error) {
    await closed();
    throw error;
  }
  return assemble({ db, searches, kind, clock, box }, closed);
}

interface Opened extends Pick<Parts, 'db' | 'searches'> {
  closeDatabase(): Promise<void>;
}

/** Long reads have a way of their own on SQLite, which would hold up the event loop; a server does them elsewhere anyway. */
function openDatabase({ home, postgresUri, log }: StoreOptions): Opened {
  if (postgresUri !== undefined) {
    const db = new Kysely<Schema>({ dialect: new PostgresDialect(postgresUri, log) });
    return { db, searches: db, closeDatabase: () => db.destroy() };
  }
  const file = join(home, 'store.db');
  const db = new Kysely<Schema>({ dialect: new SqliteDialect(file) });
  const dialect = new SearchDialect(file);
  const closeDatabase = async (): Promise<void> => {
    await dialect.close();
    await db.destroy();
  };
  return { db, searches: new Kysely<Schema>({ dialect }), closeDatabase };
}

interface Parts {
  readonly db: Db;
  readonly searches: Db;
  readonly kind: DatabaseKind;
  readonly clock: Clock;
  readonly box: SecretBox;
}

function assemble(parts: Parts, closed: () => Promise<void>): Store {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closed());
  return {
    ...aggregatesOf(parts),
    transaction: (work) => parts.db.transaction().execute((tx) => work(aggregatesOf({ ...parts, db: tx, searches: tx }))),
    reseal: () => reseal(parts.db, parts.box),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function aggregatesOf({ db, searches, kind, clock, box }: Parts): Aggregates {
  const guardrails = new Guardrails(db, clock);
  const maskingRules = new MaskingRules(db, clock);
  const policyRevision = (): Promise<number> => readRevision(db);
  return {
    users: new Users(db, clock),
    agents: new Agents(db, clock),
    connections: new Connections(db, clock, box),
    sessions: new Sessions(db, searches, clock),
    credentials: new Credentials(db, clock),
    guardrails,
    maskingRules,
    settings: new Settings(db, clock, box),
    outbox: new Outbox(db, clock, kind),
    policyRevision,
    policyOf: async (connectionId) => ({
      revision: await policyRevision(),
      guardrails: await guardrails.rulesOf(connectionId),
      maskingRules: await maskingRules.rulesOf(connectionId),
    }),
  };
}

async function readRevision(db: Db): Promise<number> {
  const row = await db.selectFrom('counters').select('value').where('name', '=', 'policy').executeTakeFirstOrThrow();
  return row.value;
}

const KEY_CHECK = 'store.key_check';

/** A wrong key is told at start, not when the first secret is needed. */
async function checkKey(settings: Settings): Promise<void> {
  await settings.getOrCreate(KEY_CHECK, 'hoop', { secret: true });
}
