import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { until } from '../../support/until.ts';
import { ssh2 } from './drivers/ssh2.ts';
import { Lab, SSH_KIND } from './lab.ts';

const MEBIBYTE = 2 ** 20;

/** What is used of the library as a host that asks for passwords, which a real one takes of root's users only. */
interface PasswordHost {
  listen(port: number, host: string, done: () => void): void;
  address(): AddressInfo;
  close(): void;
}
interface Attempt {
  readonly method: string;
  readonly password?: string;
  accept(): void;
  reject(left?: readonly string[]): void;
  prompt?(prompts: readonly object[], done: (answers: readonly string[]) => void): void;
}
const { Server } = createRequire(import.meta.url)('ssh2') as {
  Server: new (options: object, onClient: (client: NodeJS.EventEmitter) => void) => PasswordHost;
};

describe('hosts behind an SSH connection', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.start();
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  const place = ({ host, port, connection, secret }: Awaited<ReturnType<Lab['access']>>) => ({ host, port, user: connection, secret });

  async function passwordHost(methods: readonly string[]): Promise<PasswordHost> {
    const host = new Server({ hostKeys: [lab.sshd.key('host')] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (attempt: Attempt) => {
        if (!methods.includes(attempt.method)) attempt.reject(methods);
        else if (attempt.method === 'password') attempt.password === 'open sesame' ? attempt.accept() : attempt.reject(methods);
        else
          attempt.prompt?.([{ prompt: 'Password: ', echo: false }], ([answer]) =>
            answer === 'open sesame' ? attempt.accept() : attempt.reject(methods),
          );
      });
      client.on('session', (accept: () => NodeJS.EventEmitter) => {
        accept().on('exec', (take: () => { write(text: string): void; exit(code: number): void; end(): void }) => {
          const channel = take();
          channel.write('in\n');
          channel.exit(0);
          channel.end();
        });
      });
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    return host;
  }

  for (const method of ['password', 'keyboard-interactive']) {
    test(`a host that asks for a password by ${method} gets the connection’s own`, async () => {
      const host = await passwordHost([method]);
      const settings = { HOST: '127.0.0.1', PORT: String(host.address().port), USER: 'somebody', PASS: 'open sesame' };
      const { stdout, stderr } = await lab.run(await lab.system.access(settings, undefined, SSH_KIND), 'anything');
      assert.equal(stdout, 'in\n', stderr);
      const wrong = await lab.run(await lab.system.access({ ...settings, PASS: 'not it' }, undefined, SSH_KIND), 'anything');
      assert.match(wrong.stderr, /refuses the connection's own user, password or key/);
      assert.equal(wrong.stderr.includes('not it'), false);
      host.close();
    });
  }

  test('a key that the host does not know is told, and so is one that cannot be read', async () => {
    const stranger = await lab.run(await lab.access(undefined, { AUTHORIZED_SERVER_KEYS: lab.sshd.key('stranger') }), 'true');
    assert.match(stranger.stderr, /refuses the connection's own user, password or key/);
    const damaged = await lab.run(await lab.access(undefined, { AUTHORIZED_SERVER_KEYS: 'no key' }), 'true');
    assert.match(damaged.stderr, /AUTHORIZED_SERVER_KEYS holds no private key that can be read/);
  });

  test('a port that is not SSH’s is told, and one that says nothing is given up', async () => {
    const other = net.createServer((socket) => socket.end('220 mail here\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const PORT = String((other.address() as AddressInfo).port);
    const { stderr } = await lab.run(await lab.access(undefined, { PORT }), 'true');
    assert.match(stderr, /see that an SSH server listens there|closed the connection during the login/);
    other.close();
  });

  test('a host whose key changed is refused with what to do, until its new key is named (A17)', async () => {
    const access = await lab.access();
    assert.equal((await lab.run(access, 'echo in')).stdout, 'in\n');
    await lab.sshd.changeHostKey();
    const refused = await lab.run(access, 'echo in');
    assert.match(refused.stderr, /shows another key .* HOST_KEY/);
    assert.equal(refused.stdout, '');
    const named = await lab.access(undefined, { HOST_KEY: lab.sshd.publicKey('host') });
    assert.equal((await lab.run(named, 'echo in')).stdout, 'in\n');
    const other = await lab.access(undefined, { HOST_KEY: lab.sshd.publicKey('stranger') });
    assert.match((await lab.run(other, 'echo in')).stderr, /is not in HOST_KEY/);
  });

  test('a host that goes away in the middle is told', async () => {
    const access = await lab.access(undefined, { HOST_KEY: lab.sshd.publicKey('host') });
    const client = await ssh2.open(place(access));
    const running = client.ask('echo $PPID; exec sleep 600');
    const session = await lab.system.office.openSession(access.connection);
    await until('the command runs', async () => (await lab.system.office.actions(session.id)).length === 1);
    await client.ask('kill -9 $PPID');
    const { error = '' } = await running;
    assert.match(error, /The target closed the connection|connection to the host broke/);
    assert.equal((await lab.system.office.endedSession(access.connection)).end_reason, 'target_closed');
  });

  test('a file of 256 MiB passes whole, both ways, and nothing of it stays', async () => {
    const files = sharedDirectory('large');
    const access = await lab.access(undefined, { HOST_KEY: lab.sshd.publicKey('host') });
    const source = join(files, 'source');
    const file = openSync(source, 'w');
    for (let part = 0; part < 256; part++) writeSync(file, Buffer.alloc(MEBIBYTE, createHash('sha256').update(String(part)).digest()));
    closeSync(file);
    let highest = 0;
    const before = process.memoryUsage();
    const watch = setInterval(() => {
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      highest = Math.max(highest, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed);
    }, 20);
    const there = `${access.connection}@gateway:${join(files, 'there')}`;
    for (const [from, to] of [
      [source, there],
      [there, join(files, 'back')],
    ]) {
      const { exitCode, stderr } = await lab.program('scp', [...lab.options(access), from ?? '', to ?? ''], access, { input: '' }).done;
      assert.equal(exitCode, 0, stderr);
    }
    clearInterval(watch);
    assert.equal(await hashOf(join(files, 'back')), await hashOf(source));
    assert.ok(highest < 150 * MEBIBYTE, `gateway and agent held ${Math.round(highest / MEBIBYTE)} MiB`);
  });
});

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
