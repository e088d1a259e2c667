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
import { Gateways } from './gateways.ts';
import { type GuardrailRow, Guardrails } from './guardrails.ts';
import { takeLease } from './lease.ts';
import { type MaskingRuleRow, MaskingRules } from './masking-rules.ts';
import { migrate } from './migrate.ts';
import { OrgKeys } from './org-keys.ts';
import { Outbox } from './outbox.ts';
import { reseal } from './reseal.ts';
import { Resources } from './resources.ts';
import { Reviews } from './reviews.ts';
import type { Db, Schema } from './schema.ts';
import { SecretBox } from './secret-box.ts';
import { Sessions } from './sessions.ts';
import { Settings } from './settings.ts';
import { SignalFeed, type SignalHandler } from './signal-feed.ts';
import { Signals } from './signals.ts';
import { SshKeys } from './ssh-keys.ts';
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
  /** Entities that the connection itself has hidden, as an agent beside an application declares it. */
  readonly redactTypes: readonly string[];
}

/** One object with an aggregate a field. Every method is one transaction, unless it is called inside `transaction`. */
export interface Aggregates {
  readonly users: Users;
  readonly agents: Agents;
  readonly orgKeys: OrgKeys;
  readonly resources: Resources;
  readonly connections: Connections;
  readonly sessions: Sessions;
  readonly credentials: Credentials;
  readonly sshKeys: SshKeys;
  readonly guardrails: Guardrails;
  readonly maskingRules: MaskingRules;
  readonly settings: Settings;
  readonly outbox: Outbox;
  readonly gateways: Gateways;
  readonly reviews: Reviews;
  readonly signals: Signals;
  /** Grows with each change of a rule or of what it is attached to. */
  policyRevision(): Promise<number>;
  policyOf(connectionId: string): Promise<ConnectionPolicy>;
}

export interface Store extends Aggregates, AsyncDisposable {
  /** Whether other gateways may be on this store, too. */
  readonly isShared: boolean;
  /**
   * Gives every signal of this and every other gateway from here on to `handler`, one after the other, within a second
   * of its commit. To be called once. @throws TargetFault `store_unavailable`
   */
  subscribe(handler: SignalHandler): Promise<void>;
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
  const signals = new Signals(db, clock, kind, () => feed.wake());
  const feed: SignalFeed = new SignalFeed({ signals, postgresUri: options.postgresUri, clock, log: options.log });
  const closed = async (): Promise<void> => {
    await feed.close();
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
  return assemble({ db, searches, kind, clock, box, signals }, feed, closed);
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
  readonly signals: Signals;
}

function assemble(parts: Parts, feed: SignalFeed, closed: () => Promise<void>): Store {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closed());
  return {
    ...aggregatesOf(parts),
    isShared: parts.kind === 'postgres',
    subscribe: (handler) => feed.open(handler),
    transaction: (work) => {
      const inside = (tx: Db): Parts => ({ ...parts, db: tx, searches: tx, signals: parts.signals.in(tx) });
      return parts.db.transaction().execute((tx) => work(aggregatesOf(inside(tx))));
    },
    reseal: () => reseal(parts.db, parts.box),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function aggregatesOf({ db, searches, kind, clock, box, signals }: Parts): Aggregates {
  const guardrails = new Guardrails(db, clock, signals);
  const maskingRules = new MaskingRules(db, clock, signals);
  const connections = new Connections(db, clock, box, signals);
  const policyRevision = (): Promise<number> => readRevision(db);
  return {
    users: new Users(db, clock, signals),
    agents: new Agents(db, clock, signals),
    orgKeys: new OrgKeys(db, clock, box, signals),
    resources: new Resources(db, clock, box),
    connections,
    sessions: new Sessions(db, searches, clock),
    credentials: new Credentials(db, clock, signals),
    sshKeys: new SshKeys(db, clock, signals),
    guardrails,
    maskingRules,
    settings: new Settings(db, clock, box),
    outbox: new Outbox(db, clock, kind),
    gateways: new Gateways(db, clock),
    reviews: new Reviews(db, clock, signals),
    signals,
    policyRevision,
    policyOf: async (connectionId) => ({
      revision: await policyRevision(),
      guardrails: await guardrails.rulesOf(connectionId),
      maskingRules: await maskingRules.rulesOf(connectionId),
      redactTypes: (await connections.get(connectionId))?.redactTypes ?? [],
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
