import { mysqlCommand } from '../../tools/mysql/unstable.ts';
import { type Engine, MysqlServer } from './mysql-server.ts';

/** As root it wants to be told that this is meant. */
const PLAIN = ['--user=root', '--mysqlx=OFF', '--secure-file-priv=', '--skip-log-bin', '--performance-schema=OFF'];

const MYSQL: Engine = {
  install: (data) => [...mysqlCommand(), ...PLAIN, '--initialize-insecure', `--datadir=${data}`],
  serve: () => [...mysqlCommand(), ...PLAIN],
  settings: {},
};

/** Oracle's MySQL, of Debian's unstable distribution. */
export function startMysql(): Promise<MysqlServer> {
  return MysqlServer.start(MYSQL);
}
