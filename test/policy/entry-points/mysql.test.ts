import { mysqlColumn } from '../../protocols/mysql/column.ts';
import { plainWire } from '../../protocols/mysql/drivers/wire.ts';
import { SQL_CASES } from './cases.ts';
import { connected, hoopExec, natively, restExec } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

proveEntryPoints({
  protocol: 'mysql',
  kind: mysqlColumn.kind,
  texts: mysqlColumn.texts,
  cases: SQL_CASES,
  entries: [...mysqlColumn.clients.map(natively), connected(plainWire), restExec, hoopExec],
  async startTarget() {
    const target = await mysqlColumn.startTarget();
    return { settings: (await target.place()).settings, close: () => target.close() };
  },
});
