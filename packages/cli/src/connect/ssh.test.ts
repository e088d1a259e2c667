import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { sshArguments } from './ssh.ts';

describe('the ssh that connect starts', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop cli '));
  after(() => rmSync(home, { recursive: true, force: true }));

  it('goes to the local port, whatever the user’s own configuration says of all hosts', () => {
    const config = join(home, 'config');
    const own = ['ControlMaster auto', 'ControlPath ~/.ssh/%r@%h', 'ControlPersist 10m', 'ProxyJump bastion', 'User somebody', 'Port 22'];
    writeFileSync(config, `Host *\n${own.map((line) => `  ${line}\n`).join('')}`);
    const args = sshArguments({ home, place: { host: '127.0.0.1', port: 2222 }, hostKey: 'ssh-ed25519 AAAA', args: [] });
    const said = execFileSync('ssh', ['-G', '-F', config, ...args], { encoding: 'utf8' });
    const settings = new Map(said.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]));
    assert.deepEqual([settings.get('hostname'), settings.get('port'), settings.get('user')], ['127.0.0.1', '2222', 'noop']);
    for (const name of ['controlpath', 'proxyjump', 'proxycommand']) assert.equal(settings.get(name), undefined, name);
    assert.match(settings.get('userknownhostsfile') ?? '', /hoop cli /);
  });
});
