import { serverAccount } from '../../tools/postgres/account.ts';
import { type Engine, MysqlServer } from './mysql-server.ts';

const MARIADB: Engine = {
  install: (data) => [
    'mariadb-install-db',
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-log-bin',
  ],
  serve: () => ['/usr/sbin/mariadbd', '--no-defaults'],
  settings: { 'innodb-log-file-size': '8M' },
  account: serverAccount(),
};

/** MariaDB, of Debian's stable distribution. */
export function startMariadb(): Promise<MysqlServer> {
  return MysqlServer.start(MARIADB);
}
