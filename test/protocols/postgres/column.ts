import { TestPostgres as Server, type TestPostgres, USERS } from '../../support/test-postgres.ts';
import type { Column, Target, Texts } from '../column.ts';
import type { Place, TargetPlace } from '../place.ts';
import { nodePostgres } from './drivers/node-postgres.ts';
import { postgresJs } from './drivers/postgres-js.ts';
import { psql } from './drivers/psql.ts';
import { asyncpgClients, type PythonClients } from './drivers/python.ts';
import { extendedWire, simpleWire } from './drivers/wire.ts';
import { int32, startup, WireClient, wordsOf } from './wire-client.ts';

const texts: Texts = {
  answer: (word) => `select '${word}'::text`,
  answerLate: (word, delay_ms) => `select '${word}'::text from pg_sleep(${delay_ms / 1000})`,
  // In the list of a SELECT the series is made row by row; after FROM it is made whole before the first row of the answer.
  rows: (count, bytes = 8) => `select repeat('x', ${bytes}) from (select generate_series(1, ${count})) as series`,
  endless: () => 'select pg_sleep(600)',
  mark: (word) => `insert into marks values ('${word}')`,
  failing: { text: 'select * from nowhere_at_all', words: 'relation "nowhere_at_all" does not exist' },
  change: (rows) => `insert into numbers select generate_series(1, ${rows})`,
};

class PostgresPlace implements TargetPlace {
  readonly settings: Record<string, string>;
  readonly quickest: Record<string, string>;
  readonly wrongPassword: Record<string, string>;
  readonly #server: TestPostgres;
  readonly #database: string;

  constructor(server: TestPostgres, database: string) {
    this.#server = server;
    this.#database = database;
    this.settings = server.settings(database, { SSLMODE: 'require' });
    this.quickest = { ...this.settings, SSLMODE: 'disable', USER: USERS.trusted.user };
    this.wrongPassword = { ...this.settings, PASS: 'not the password' };
  }

  async marks(): Promise<string[]> {
    const rows = await this.#server.sql('select word from marks order by word', this.#database);
    return rows.map(({ word }) => String(word));
  }

  async sessions(): Promise<number> {
    const [row] = await this.#server.sql(
      `select count(*)::int as count from pg_stat_activity where datname = '${this.#database}' and usename <> 'postgres'`,
    );
    return Number(row?.count);
  }
}

class PostgresTarget implements Target {
  readonly #server: TestPostgres;
  readonly #python: PythonClients;

  constructor(server: TestPostgres, python: PythonClients) {
    this.#server = server;
    this.#python = python;
  }

  async place(): Promise<TargetPlace> {
    const database = await this.#server.database();
    await this.#server.sql(
      'create table marks (word text); create table numbers (number int); grant all on marks, numbers to public',
      database,
    );
    return new PostgresPlace(this.#server, database);
  }

  nowhere(): Record<string, string> {
    // Port 1 is nobody's.
    return this.#server.settings('nowhere', { PORT: '1' });
  }

  async close(): Promise<void> {
    this.#python.stop();
    await this.#server.stop();
  }
}

/** What is heard after these bytes: the words of an error, or '' when the connection just closes. */
async function heardAfter(place: Place, bytes: Buffer, login: boolean): Promise<string> {
  const wire = await WireClient.connect(place);
  if (login) await wire.login({ user: place.user, password: place.secret });
  wire.send(bytes);
  const replies = await wire.rest();
  wire.destroy();
  const error = replies.findLast(({ type }) => type === 'E');
  return error ? wordsOf(error) : '';
}

export function postgresColumn(python: PythonClients): Column {
  return {
    protocol: 'postgres',
    kind: { type: 'database', subtype: 'postgres' },
    clients: [simpleWire, extendedWire, nodePostgres, postgresJs, asyncpgClients(python), psql],
    texts,
    startTarget: async () => new PostgresTarget(await Server.start(), python),
    breaks: {
      'garbage before login': (place) => heardAfter(place, startup({ user: 'x' }, 0x00010002), false),
      'oversize message': (place) =>
        heardAfter(place, Buffer.concat([Buffer.from('Q'), int32(65 * 1024 * 1024), Buffer.from('select 1')]), true),
      'impossible length': (place) => heardAfter(place, Buffer.concat([Buffer.from('Q'), int32(3)]), true),
    },
    words: {
      'target down': /cannot be reached: connection refused/,
      'wrong target password': /refuses the connection's own user or password; an administrator must correct/,
      'agent offline': /agent of this connection is offline/,
      'unknown secret': /secret is unknown or was revoked/,
      killed: /57P01: The session was ended by admin@example.test/,
      revoked: /The credential of this session was revoked/,
      expired: /secret has expired/,
      oversize: /54000: .*over the gateway's limit/,
      cancelled: /cancel/,
    },
  };
}
