import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { plainEnv } from '../../support/env.ts';
import type { Access } from '../../support/office.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until, within } from '../../support/until.ts';
import { openSsh2, type Ssh2Channel, type Ssh2Client, ssh2 } from './drivers/ssh2.ts';
import { Lab } from './lab.ts';

const FLOOD = 100_000;

/** What is used of the library's inside to say what no client says. */
interface Inside {
  readonly _protocol: {
    session(id: number, window: number, packet: number): void;
    windowChange(id: number, rows: number, columns: number, height: number, width: number): void;
    env(id: number, name: string, value: string, wantReply: boolean): void;
    openssh_directStreamLocal(id: number, window: number, packet: number, options: object): void;
  };
}

const inside = (client: Ssh2Client): Inside['_protocol'] => (client as unknown as Inside)._protocol;

describe('attacks on the SSH gateway, by their class', () => {
  let lab: Lab;
  let access: Access;
  const keys = temporaryDirectory('keys');
  const clients: Ssh2Client[] = [];

  before(async () => {
    for (const name of ['ca', 'user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)], { env: plainEnv() });
    lab = await Lab.start('tunnel', { SSH_TRUSTED_USER_CA: `file://${join(keys, 'ca.pub')}` });
    access = await lab.access();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    lab.tidyUp();
  });
  after(() => lab.close());

  const place = (of = access) => ({ host: of.host, port: of.port, user: of.connection, secret: of.secret });

  async function enter(more = {}): Promise<{ client: Ssh2Client; ended: Promise<string> }> {
    const entered = await openSsh2(place(), more);
    clients.push(entered.client);
    return entered;
  }

  function exec(client: Ssh2Client, command: string): Promise<Ssh2Channel> {
    return new Promise((resolve, reject) => client.exec(command, {}, (error, channel) => (error ? reject(error) : resolve(channel))));
  }

  function certify(name: string, ...more: string[]): void {
    execFileSync('ssh-keygen', ['-q', '-s', join(keys, 'ca'), '-I', 'test', '-n', name, ...more, join(keys, 'user.pub')], {
      env: plainEnv(),
    });
  }

  function withCertificate(command: string): Promise<{ stdout: string; stderr: string; exitCode: number | null }> {
    const how = ['-o', 'PasswordAuthentication=no', '-o', 'KbdInteractiveAuthentication=no', '-i', join(keys, 'user')];
    const options = lab.options(access).map((option) => option.replace('PubkeyAuthentication=no', 'PubkeyAuthentication=yes'));
    return lab.program('ssh', [...how, ...options, '-T', `${access.connection}@gateway`, command], access, { input: '' }).done;
  }

  /** Somebody else asks on; tells how long the slowest answer took. */
  async function neighbourDuring(work: () => Promise<unknown>): Promise<number> {
    const client = await ssh2.open(place(await lab.access()));
    let slowest_ms = 0;
    let done = false;
    const worked = work().finally(() => {
      done = true;
    });
    do {
      const began = performance.now();
      assert.deepEqual(await client.ask('echo here'), { rows: ['here'] });
      slowest_ms = Math.max(slowest_ms, performance.now() - began);
    } while (!done);
    await worked;
    await client.leave();
    return slowest_ms;
  }

  test('A16: a certificate lets in whom it names, and nobody whom it does not', async () => {
    certify('admin@example.test');
    const { stdout, stderr } = await withCertificate('echo in');
    assert.equal(stdout, 'in\n', stderr);
    for (const [name, ...more] of [
      ['root'],
      ['stranger@example.test'],
      ['admin@example.test', '-V', '20200101:20200102'],
      ['admin@example.test', '-O', 'force-command=id'],
    ]) {
      certify(name ?? '', ...more);
      const refused = await withCertificate('echo in');
      assert.deepEqual([refused.exitCode, refused.stdout], [255, ''], `${name} ${more.join(' ')}`);
      assert.match(refused.stderr, /certificate/);
    }
    certify('admin@example.test', '-O', 'clear');
    const bare = await withCertificate('tty; echo in');
    assert.match(bare.stdout, /not a tty\nin\n/);
  });

  test('A16: a bare key of the same person proves nothing, and a second name on one connection ends it', async () => {
    const bare = { privateKey: readFileSync(join(keys, 'user')), password: undefined };
    await assert.rejects(openSsh2(place(), bare), /authentication methods failed/i);
    let tried = 0;
    const authHandler = (_left: unknown, _partial: unknown, next: (attempt: object | false) => void): void =>
      next(
        ++tried === 1
          ? { type: 'password', username: 'one', password: 'wrong' }
          : { type: 'password', username: access.connection, password: access.secret },
      );
    await assert.rejects(openSsh2(place(), { authHandler }));
    assert.equal(tried, 2);
  });

  test('A07: who guesses does not learn which connections there are', async () => {
    const told = async (user: string): Promise<string> => {
      const { host, port } = place();
      return openSsh2({ host, port, user, secret: `ssh-${'x'.repeat(43)}` }).then(
        () => 'it was let in',
        (error: Error) => error.message,
      );
    };
    assert.equal(await told(access.connection), await told('no-such-connection'));
  });

  test('A17: the strict key exchange is offered, and no weak algorithm', async () => {
    const offered = await new Promise<string>((resolve, reject) => {
      let heard = Buffer.alloc(0);
      const socket = net.connect(access.port, access.host, () => socket.write('SSH-2.0-Looker\r\n'));
      socket.on('data', (bytes: Buffer) => {
        heard = Buffer.concat([heard, bytes]);
        if (heard.length < 600) return;
        socket.destroy();
        resolve(heard.toString('latin1'));
      });
      socket.once('error', reject);
    });
    assert.match(offered, /kex-strict-s-v00@openssh\.com/);
    assert.match(offered, /curve25519-sha256/);
    assert.doesNotMatch(offered, /sha1|cbc|arcfour|3des|group1-|md5|ssh-dss|ssh-rsa|zlib/);
  });

  test('A18: no way around the record is opened: forwards, sockets, agents, displays, tunnels', async () => {
    const { client } = await enter({ strictVendor: false });
    const refused = (open: (done: (error: Error | undefined) => void) => void): Promise<string> =>
      new Promise((resolve) => open((error) => resolve(error?.message ?? 'it was opened')));
    assert.match(await refused((done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', lab.sshd.port, done)), /switched off/);
    const more = client as Ssh2Client & Record<'forwardIn' | 'openssh_forwardOutStreamLocal', (...args: unknown[]) => void>;
    assert.match(await refused((done) => more.openssh_forwardOutStreamLocal('/tmp/x', done)), /not taken here/);
    assert.match(await refused((done) => more.forwardIn('', 0, done)), /Unable to bind/);
    const channel = await exec(client, 'echo "[$SSH_AUTH_SOCK$DISPLAY]"');
    let seen = '';
    channel.on('data', (bytes: Buffer) => {
      seen += bytes;
    });
    await new Promise((resolve) => channel.once('close', resolve));
    assert.equal(seen, '[]\n');
  });

  test('A19: a hundred thousand channels are refused, and nobody else waits', async () => {
    const { client, ended } = await enter();
    const slowest_ms = await neighbourDuring(async () => {
      for (let id = 1_000; id < 1_000 + FLOOD; id++) {
        inside(client).session(id, 2 ** 20, 32_768);
        if (id % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const last = await Promise.race([
        ended.then(() => 'ended'),
        exec(client, 'echo on').then(
          () => 'on',
          (error: Error) => error.message,
        ),
      ]);
      assert.match(last, /ended|on|channels open/);
    });
    assert.ok(slowest_ms < 5_000, `a neighbour waited ${Math.round(slowest_ms)} ms`);
  });

  test('A19: storms of window changes and variables hurt nobody else', async () => {
    const { client, ended } = await enter();
    void ended;
    const slowest_ms = await neighbourDuring(async () => {
      await exec(client, 'cat');
      for (let count = 0; count < FLOOD; count++) {
        inside(client).windowChange(0, 24, 80, 0, 0);
        if (count % 10 === 0) inside(client).env(0, 'LANG', 'C', false);
        if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    assert.ok(slowest_ms < 5_000, `a neighbour waited ${Math.round(slowest_ms)} ms`);
  });

  test('A19: a packet that claims to be huge ends its connection, and no other', async () => {
    const neighbour = await ssh2.open(place(await lab.access()));
    const closed = new Promise<void>((resolve) => {
      const socket = net.connect(access.port, access.host, () =>
        socket.write(Buffer.concat([Buffer.from('SSH-2.0-Big\r\n'), Buffer.alloc(64, 0xff)])),
      );
      socket.on('data', () => undefined);
      socket.once('close', () => resolve());
      socket.once('error', () => undefined);
    });
    await within('the connection is closed', closed);
    assert.deepEqual(await neighbour.ask('echo here'), { rows: ['here'] });
    await neighbour.leave();
  });

  test('A20, A21: what a client calls files cannot speak to a terminal that shows the record, nor hide where they are', async () => {
    const own = await lab.access();
    const { client } = await openSsh2(place(own));
    clients.push(client);
    const channel = await new Promise<Ssh2Channel>((resolve) => client.subsys('sftp', (_error, opened) => resolve(opened)));
    channel.resume();
    channel.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]));
    for (const [id, path] of ['/tmp/../etc/\x1b]0;title\x07', '/tmp/a\nremove /tmp/b', '/tmp/\u202etxt.exe'].entries()) {
      const name = Buffer.from(path);
      const head = Buffer.alloc(13);
      head.writeUInt32BE(9 + name.length);
      head[4] = 13;
      head.writeUInt32BE(id, 5);
      head.writeUInt32BE(name.length, 9);
      channel.write(Buffer.concat([head, name]));
    }
    const actions = await until('every removal is recorded', async () => {
      const session = (await lab.system.office.sessions(own.connection)).at(-1);
      const all = session ? await lab.system.office.actions(session.id) : [];
      return all.length === 4 && all;
    });
    assert.deepEqual(
      actions.slice(1).map(({ text }) => text),
      ['remove /tmp/../etc/\\u{1b}]0;title\\u{7}', 'remove /tmp/a\\u{a}remove /tmp/b', 'remove /tmp/\\u{202e}txt.exe'],
    );
  });

  test('A39: an endless answer that nobody reads holds back its own source, and no other channel of its session', async () => {
    const { client } = await enter();
    const endless = await exec(client, 'echo $$; exec yes');
    const first = await new Promise<Buffer>((resolve) => endless.once('readable', () => resolve(endless.read() as Buffer)));
    const pid = Number.parseInt(first.toString(), 10);
    // From here on nobody reads it.
    const began = performance.now();
    for (let time = 0; time < 20; time++) {
      const channel = await exec(client, 'echo on');
      channel.resume();
      await new Promise((resolve) => channel.once('close', resolve));
    }
    assert.ok(performance.now() - began < 15_000);
    const written = (): number => Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
    const bytes = await until('it stands still', async () => {
      const before = written();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return written() === before && before;
    });
    assert.ok(bytes < 32 * 2 ** 20, `${bytes} bytes are on their way`);
  });
});
