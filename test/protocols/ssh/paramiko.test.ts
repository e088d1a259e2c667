import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { runProgram } from '../../support/program.ts';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { Lab } from './lab.ts';

const SCRIPT = fileURLToPath(new URL('paramiko-client.py', import.meta.url));

test('paramiko runs commands, opens a terminal, moves files, is denied and exchanges its keys anew', async () => {
  const lab = await Lab.start();
  try {
    const access = await lab.access({ deny: ['forbidden'] });
    const { ssh_host_key = '' } = await lab.system.office.api.call(routes.getServerInfo);
    const env = { SECRET: access.secret, HOST_KEY: ssh_host_key };
    const args = [SCRIPT, access.host, String(access.port), access.connection, sharedDirectory('paramiko')];
    const { stdout, stderr, exitCode } = await runProgram('/usr/bin/python3', args, { env });
    assert.equal(exitCode, 0, stderr);
    const { denied, ...seen } = JSON.parse(stdout);
    assert.deepEqual(seen, {
      exec: ['in', 'err\n', 7],
      shell: true,
      sftp: [8 << 20, true],
      // Forwarding is off: prohibited by the administrator (RFC 4254 5.1).
      forward: 1,
      'after new keys': 'after\n',
    });
    assert.equal(denied[0], '');
    assert.match(denied[1], /Blocked by the following Guardrails rule/);
    assert.notEqual(denied[2], 0);
    const actions = await lab.actions(access, 8);
    // It leaves without a word, and still everything has its end in the record.
    assert.equal(actions.find(({ via }) => via === 'subsystem')?.outcome?.error, 'session ended: client_lost');
    assert.ok(actions.some(({ text, verdict }) => text === 'echo forbidden' && verdict === 'deny'));
  } finally {
    await lab.close();
  }
});
