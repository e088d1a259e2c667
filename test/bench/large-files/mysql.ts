import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { plainEnv } from '../../support/env.ts';
import { USERS } from '../../support/mysql-server.ts';
import { runProgram } from '../../support/program.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import type { Product } from '../product.ts';
import { type Carrier, type Source, sha256Of } from './carrier.ts';

interface Way {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** A client's file into a table, and a whole table out of it. What arrived is read past the product. */
export async function mysqlCarrier({ office, agentId }: Product): Promise<Carrier> {
  const mariadb = await startMariadb();
  const database = await mariadb.database();
  const settings = mariadb.settings(database, { USER: USERS.trusted.user, PASS: '' });
  await office.connection('shop', agentId, settings, {}, { type: 'database', subtype: 'mysql' });
  const { port, secret } = await office.credential('shop');
  const through: Way = { port, user: 'shop', password: secret };
  const direct: Way = { port: mariadb.port, ...USERS.trusted };
  await mariadb.sql('create table notes (id bigint auto_increment primary key, line varchar(2000) character set ascii)', database);
  const argsOf = (way: Way): string[] => [
    '-h',
    '127.0.0.1',
    '-P',
    String(way.port),
    '-u',
    way.user,
    `--password=${way.password}`,
    database,
  ];
  /** Every line of the table, each with its end. */
  const read = async (way: Way): Promise<string> => {
    const args = [...argsOf(way), '--quick', '--raw', '--skip-column-names', '-e', 'select line from notes order by id'];
    const child = spawn('mariadb', args, { env: plainEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    const hash = await sha256Of(child.stdout);
    const [code] = await ended;
    if (code !== 0) throw new Error(`mariadb ended with ${code}`);
    return hash;
  };
  return {
    journeys: {
      'LOAD DATA LOCAL': async ({ path }: Source) => {
        const load = `load data local infile '${path}' into table notes character set ascii (line)`;
        const { exitCode, stderr } = await runProgram('mariadb', [...argsOf(through), '--local-infile=1', '-e', load]);
        if (exitCode !== 0) throw new Error(`mariadb ended with ${exitCode}: ${stderr}`);
        return read(direct);
      },
      'select of the whole table': () => read(through),
    },
    [Symbol.asyncDispose]: () => mariadb.stop(),
  };
}
