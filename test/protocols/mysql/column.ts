import { type MysqlServer, USERS } from '../../support/mysql-server.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import type { Column, Target, Texts } from '../column.ts';
import type { Place, TargetPlace } from '../place.ts';
import { commandLine } from './drivers/command-line.ts';
import { mariadbConnector } from './drivers/mariadb-connector.ts';
import { mysql2Prepared, mysql2Text } from './drivers/mysql2.ts';
import { plainWire, secureWire } from './drivers/wire.ts';
import { isError, packet, WireClient, wordsOf } from './wire-client.ts';

const texts: Texts = {
  // With a name of its own: without, the column is called like the value.
  answer: (word) => `select '${word}' as answer`,
  answerLate: (word, delay_ms) => `select '${word}' as answer from dual where sleep(${delay_ms / 1000}) = 0`,
  rows: (count, bytes = 8) => `select repeat('x', ${bytes}) from seq_1_to_${count}`,
  endless: () => 'select sleep(600)',
  mark: (word) => `insert into marks values ('${word}')`,
  failing: { text: 'select * from nowhere_at_all', words: "nowhere_at_all' doesn't exist" },
  change: (rows) => `insert into numbers select seq from seq_1_to_${rows}`,
};

class MysqlPlace implements TargetPlace {
  readonly settings: Record<string, string>;
  readonly quickest: Record<string, string>;
  readonly wrongPassword: Record<string, string>;
  readonly #server: MysqlServer;
  readonly #database: string;

  constructor(server: MysqlServer, database: string) {
    this.#server = server;
    this.#database = database;
    this.settings = server.settings(database, { SSLMODE: 'require' });
    this.quickest = { ...this.settings, SSLMODE: 'disable', USER: USERS.trusted.user, PASS: '' };
    this.wrongPassword = { ...this.settings, PASS: 'not the password' };
  }

  async marks(): Promise<string[]> {
    const rows = await this.#server.sql('select word from marks order by word', this.#database);
    return rows.map(({ word }) => String(word));
  }

  async sessions(): Promise<number> {
    const [row] = await this.#server.sql(
      `select count(*) as count from information_schema.processlist where db = '${this.#database}' and user <> 'admin'`,
    );
    return Number(row?.count);
  }
}

/** Databases of one server. */
export class MysqlTarget implements Target {
  readonly #server: MysqlServer;

  constructor(server: MysqlServer) {
    this.#server = server;
  }

  place(): Promise<TargetPlace> {
    return this.placeWith('');
  }

  /** A database with more in it than every server has. */
  protected async placeWith(more: string): Promise<TargetPlace> {
    const database = await this.#server.database();
    await this.#server.sql(`create table marks (word text); create table numbers (number int); ${more}`, database);
    return new MysqlPlace(this.#server, database);
  }

  nowhere(): Record<string, string> {
    // Port 1 is nobody's.
    return this.#server.settings('nowhere', { PORT: '1' });
  }

  close(): Promise<void> {
    return this.#server.stop();
  }
}

/** What is heard after these bytes: the words of an error, or '' when the connection just closes. */
async function heardAfter(place: Place, login: boolean, ...bytes: readonly Buffer[]): Promise<string> {
  const wire = await WireClient.connect(place);
  if (login) await wire.login({ user: place.user, password: place.secret });
  for (const part of bytes) wire.send(part);
  const replies = await wire.rest();
  wire.destroy();
  const error = replies.findLast(isError);
  return error ? wordsOf(error) : '';
}

/** A command that goes on and on: three full packets, and the announcement of a fourth. */
function endlessCommand(): Buffer[] {
  const full = Buffer.alloc(0xffffff, 0x20);
  full[0] = 0x03;
  return [packet(0, full), packet(1, full), packet(2, full), packet(3, full).subarray(0, 4)];
}

export const mysqlColumn: Column = {
  protocol: 'mysql',
  kind: { type: 'database', subtype: 'mysql' },
  clients: [plainWire, secureWire, mysql2Text, mysql2Prepared, mariadbConnector, commandLine],
  texts,
  startTarget: async () => new MysqlTarget(await startMariadb()),
  breaks: {
    'garbage before login': (place) => heardAfter(place, false, packet(1, Buffer.from('GET / HTTP/1.1\r\n\r\n'))),
    'oversize message': (place) => heardAfter(place, true, ...endlessCommand()),
    'impossible length': (place) => heardAfter(place, true, Buffer.from([0, 0, 0, 0])),
  },
  words: {
    'target down': /cannot be reached: connection refused/,
    'wrong target password': /refuses the connection's own user or password; an administrator must correct/,
    'agent offline': /agent of this connection is offline/,
    'unknown secret': /secret is unknown or was revoked/,
    killed: /1927 \(70100\): The session was ended by admin@example.test/,
    revoked: /The credential of this session was revoked/,
    expired: /secret has expired/,
    oversize: /1153 \(08S01\): .*over the gateway's limit/,
    cancelled: /Query execution was interrupted/,
  },
};
