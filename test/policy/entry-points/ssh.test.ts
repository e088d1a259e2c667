import { sshColumn } from '../../protocols/ssh/column.ts';
import { ssh2 } from '../../protocols/ssh/drivers/ssh2.ts';
import { COMMAND_CASE } from './cases.ts';
import { connected, hoopExec, natively, restExec } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

const column = sshColumn();

proveEntryPoints({
  protocol: 'ssh',
  kind: column.kind,
  texts: column.texts,
  cases: [COMMAND_CASE],
  entries: [...column.clients.map(natively), connected(ssh2), restExec, hoopExec],
  async startTarget() {
    const target = await column.startTarget();
    return { settings: (await target.place()).settings, close: () => target.close() };
  },
});
