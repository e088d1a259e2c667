import { startMysql } from '../../support/test-mysql.ts';
import type { Column, Target, Texts } from '../column.ts';
import { MysqlTarget, mysqlColumn } from '../mysql/column.ts';
import { mysql2Prepared } from '../mysql/drivers/mysql2.ts';
import { plainWire } from '../mysql/drivers/wire.ts';
import type { TargetPlace } from '../place.ts';

/** Ten rows each, which together are a hundred million: MySQL has no tables that are made up of numbers. */
const MANY = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `tens ${name}`).join(', ');

const texts: Texts = {
  ...mysqlColumn.texts,
  rows: (count, bytes = 8) => `select repeat('x', ${bytes}) from ${MANY} limit ${count}`,
  // A sleep that is all of a query has no error when it is stopped.
  endless: () => 'select 1 from tens where sleep(600) = 0',
  change: (rows) => `insert into numbers select 1 from ${MANY} limit ${rows}`,
};

class OwnTarget extends MysqlTarget {
  override async place(): Promise<TargetPlace> {
    return this.placeWith('create table tens (n int); insert into tens values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)');
  }
}

/** Oracle's MySQL, with a client of each format of its rows. */
export const mysqlServerColumn: Column = {
  ...mysqlColumn,
  clients: [plainWire, mysql2Prepared],
  texts,
  startTarget: async (): Promise<Target> => new OwnTarget(await startMysql()),
};
