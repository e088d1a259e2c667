import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { choosePorts } from '../../../tools/demo/ports.ts';
import { plainEnv } from '../../support/env.ts';
import type { Access } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { until, within } from '../../support/until.ts';
import { Lab } from './lab.ts';

const MEBIBYTE = 2 ** 20;

describe('OpenSSH’s clients through gateway and agent', () => {
  let lab: Lab;
  let access: Access;
  const files = sharedDirectory('files');
  before(async () => {
    lab = await Lab.start();
    access = await lab.access();
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  const host = (): string => `${access.connection}@gateway`;

  function newFile(name: string, bytes: number): string {
    const path = join(files, name);
    const block = randomBytes(Math.min(bytes, MEBIBYTE));
    writeFileSync(path, Buffer.concat(Array.from({ length: Math.ceil(bytes / block.length) }, () => block)).subarray(0, bytes));
    return path;
  }

  async function hashOf(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex');
  }

  test('a command’s output, error output and exit status arrive', async () => {
    const { exitCode, stdout, stderr } = await lab.run(access, 'echo out; echo err >&2; exit 7');
    assert.deepEqual([exitCode, stdout, stderr], [7, 'out\n', 'err\n']);
    const [action] = await lab.actions(access, 1);
    assert.equal(action?.text, 'echo out; echo err >&2; exit 7');
    // The two come on streams of their own, in whatever order the host sends them.
    assert.match(action.outcome?.error ?? '', /^exit status 7(: err)?$/);
  });

  test('a command that a signal ends says which', async () => {
    const { exitCode } = await lab.run(access, 'kill -TERM $$');
    assert.equal(exitCode, 255, 'ssh has one exit code for all signals');
    const [action] = await lab.actions(access, 1);
    assert.equal(action?.outcome?.error, 'signal TERM');
  });

  test('input that ends at once is answered whole', async () => {
    for (let time = 0; time < 5; time++) {
      const { stdout } = await lab.run(access, 'sleep 0.05; cat', 'x'.repeat(100_000));
      assert.equal(stdout.length, 100_000);
    }
  });

  test('a shell without a terminal takes its commands from the input', async () => {
    const { stdout, exitCode } = await lab.ssh(access, ['-T', host()], { input: 'echo one; exit 3\n' }).done;
    assert.deepEqual([stdout, exitCode], ['one\n', 3]);
  });

  test('a command may be as long as the client’s machine lets it be', async () => {
    const words = 'x'.repeat(120_000);
    const { stdout, stderr } = await lab.run(access, `echo ${words}`);
    assert.equal(stdout, `${words}\n`, stderr);
    assert.equal((await lab.actions(access, 1)).at(-1)?.text.length, words.length + 5);
  });

  test('a command whose output nobody reads any more hears of it and ends', async () => {
    const { exitCode, stdout } = await lab.program(
      'sh',
      ['-c', '"$@" | head -1', 'sh', 'ssh', ...lab.options(access), '-n', '-T', host(), 'yes | cat'],
      access,
    ).done;
    assert.deepEqual([exitCode, stdout], [0, 'y\n']);
  });

  test('a terminal has the client’s type and modes, and hears of its size and of Ctrl-C', async () => {
    const shell = lab.ssh(
      access,
      ['-tt', host(), 'stty size; echo $TERM; trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done'],
      {
        env: { TERM: 'vt220' },
      },
    );
    await until('the command waits', () => shell.stdout.includes('ready'));
    shell.say('\x03');
    const { stdout, exitCode } = await within('the command ends', shell.done);
    assert.match(stdout, /vt220/);
    assert.match(stdout, /caught/);
    assert.equal(exitCode, 9);
  });

  test('only harmless variables reach the host', async () => {
    const send = ['-o', 'SendEnv=LC_TEST', '-o', 'SendEnv=HARMFUL'];
    const env = { LC_TEST: 'yes', HARMFUL: 'no' };
    const { stdout } = await lab.ssh(access, [...send, '-T', host(), 'echo "$LC_TEST $HARMFUL."'], { env, input: '' }).done;
    // LC_TEST is of the shape that is let through, and the host takes both.
    assert.equal(stdout, 'yes .\n');
  });

  for (const [name, mode] of [
    ['SFTP', []],
    ['its old protocol', ['-O']],
  ] as const) {
    test(`scp over ${name} brings files whole, both ways`, async () => {
      const source = newFile('scp-source', 20 * MEBIBYTE + 17);
      const there = join(files, `scp-there-${mode.length}`);
      const back = join(files, `scp-back-${mode.length}`);
      const up = await lab.program('scp', [...lab.options(access), ...mode, source, `${host()}:${there}`], access, { input: '' }).done;
      assert.equal(up.exitCode, 0, up.stderr);
      const down = await lab.program('scp', [...lab.options(access), ...mode, `${host()}:${there}`, back], access, { input: '' }).done;
      assert.equal(down.exitCode, 0, down.stderr);
      assert.equal(await hashOf(back), await hashOf(source));
    });
  }

  test('sftp’s changes are in the audit, each with how it ended', async () => {
    const own = await lab.access();
    const directory = join(files, 'sftp');
    const source = newFile('sftp-source', 300_000);
    const batch = [
      `mkdir ${directory}`,
      `put ${source} ${directory}/one`,
      `rename ${directory}/one ${directory}/two`,
      `ln -s two ${directory}/link`,
      `chmod 600 ${directory}/two`,
      `get ${directory}/two ${join(files, 'sftp-back')}`,
      `ls ${directory}`,
      `rm ${directory}/link`,
      `-rm ${directory}/missing`,
      `rm ${directory}/two`,
      `rmdir ${directory}`,
    ];
    const { exitCode, stderr } = await lab.program(
      'sftp',
      ['-o', 'BatchMode=no', ...lab.options(own), '-b', '-', `${own.connection}@gateway`],
      own,
      {
        input: `${batch.join('\n')}\n`,
      },
    ).done;
    assert.equal(exitCode, 0, stderr);
    assert.equal(await hashOf(join(files, 'sftp-back')), await hashOf(source));
    const actions = await lab.actions(own, 10);
    const told = (text: string) => actions.find((action) => action.text.startsWith(text));
    assert.equal(told('sftp')?.via, 'subsystem');
    assert.equal(told(`open ${directory}/one (write, create, truncate)`)?.outcome?.bytes, 300_000);
    assert.equal(told(`open ${directory}/two (read)`)?.outcome?.bytes, 300_000);
    for (const text of [`mkdir ${directory}`, `rename ${directory}/one -> ${directory}/two`, `list ${directory}`, `rmdir ${directory}`]) {
      assert.equal(told(text)?.outcome?.error, undefined, text);
      assert.ok(told(text), text);
    }
    assert.ok(told(`symlink to two as ${directory}/link`));
    assert.ok(told(`setstat ${directory}/two mode=0600`));
    assert.equal(told(`remove ${directory}/missing`)?.outcome?.error, 'no such file');
  });

  test('rsync brings a tree', async () => {
    const tree = join(files, 'tree');
    mkdirSync(join(tree, 'deep', 'er'), { recursive: true });
    for (let index = 0; index < 50; index++) writeFileSync(join(tree, 'deep', 'er', `file-${index}`), `content ${index}`);
    const copy = join(files, 'tree-copy');
    const shell = ['ssh', ...lab.options(access)].join(' ');
    const { exitCode, stderr } = await lab.program('rsync', ['-a', '-e', shell, `${tree}/`, `${host()}:${copy}`], access, { input: '' })
      .done;
    assert.equal(exitCode, 0, stderr);
    assert.equal(readFileSync(join(copy, 'deep', 'er', 'file-49'), 'utf8'), 'content 49');
  });

  test('git clones and pushes', async () => {
    const bare = join(files, 'bare.git');
    const clone = join(files, 'clone');
    const git = async (...args: string[]): Promise<void> => {
      const env = {
        ...plainEnv(lab.env(access)),
        GIT_SSH_COMMAND: ['ssh', ...lab.options(access)].join(' '),
        ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.test', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.test' },
      };
      const { exitCode, stderr } = await runProgram('git', ['-c', 'protocol.version=2', ...args], { env });
      assert.equal(exitCode, 0, `git ${args.join(' ')}: ${stderr}`);
    };
    // Of the host's own user, because git serves nobody else's.
    assert.equal((await lab.run(access, `git init -q --bare -b main ${bare}`)).exitCode, 0);
    await git('clone', '-q', `ssh://${host()}${bare}`, clone);
    writeFileSync(join(clone, 'file'), 'content');
    await git('-C', clone, 'add', 'file');
    await git('-C', clone, 'commit', '-q', '-m', 'one');
    await git('-C', clone, 'push', '-q', 'origin', 'HEAD:main');
    await git('clone', '-q', `ssh://${host()}${bare}`, `${clone}-2`);
    assert.equal(readFileSync(join(`${clone}-2`, 'file'), 'utf8'), 'content');
  });

  test('many commands share one connection at the same time', async () => {
    const socket = join(lab.directory, 'control');
    const master = lab.ssh(access, ['-M', '-S', socket, '-N', host()]);
    await until('the shared connection is there', async () => {
      const { exitCode } = await runProgram('ssh', ['-S', socket, '-O', 'check', host()], { env: plainEnv() });
      return exitCode === 0 && true;
    });
    const numbers = Array.from({ length: 8 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((number) => lab.ssh(access, ['-S', socket, host(), `seq 1 2000 | tail -1; echo ${number}`], { input: '' }).done),
    );
    assert.deepEqual(
      answers.map(({ stdout }) => stdout),
      numbers.map((number) => `2000\n${number}\n`),
    );
    // ssh loses a signal now and then; asked in this way it leaves for sure.
    await runProgram('ssh', ['-S', socket, '-O', 'exit', host()], { env: plainEnv() });
    await master.done;
  });

  test('forwards of every kind are refused in SSH’s words where the connection does not allow them', async () => {
    const { local, remote } = await choosePorts({ local: [], remote: [] });
    const through = await lab.ssh(access, ['-W', `127.0.0.1:${lab.sshd.port}`, host()], { input: '' }).done;
    assert.match(through.stderr, /administratively prohibited: Forwarding is switched off for this connection/);
    const back = await lab.ssh(access, ['-o', 'ExitOnForwardFailure=yes', '-R', `${remote.port}:127.0.0.1:1`, '-N', host()], { input: '' })
      .done;
    assert.match(back.stderr, /remote port forwarding failed/);
    const dynamic = lab.ssh(access, ['-L', `${local.port}:/tmp/some.sock`, host(), 'cat']);
    await until('the local side listens', () => canConnect(local.port));
    await until('a socket of the host is refused', () => /prohibited/.test(dynamic.stderr));
    const plain = await lab.ssh(access, ['-A', '-X', '-T', host(), 'echo "[$SSH_AUTH_SOCK][$DISPLAY]"'], { input: '' }).done;
    assert.equal(plain.stdout, '[][]\n');
  });

  test('forwards work where they are allowed, and each is an action', async () => {
    const open = await lab.access(undefined, { ALLOW_LOCAL_FORWARD: 'true', ALLOW_REMOTE_FORWARD: 'true' });
    const echo = net.createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const { port } = echo.address() as AddressInfo;
    const through = lab.ssh(open, ['-W', `127.0.0.1:${port}`, `${open.connection}@gateway`], { input: 'to and fro' });
    assert.equal((await through.done).stdout, 'to and fro');
    const [forward] = await lab.actions(open, 1);
    assert.deepEqual([forward?.via, forward?.text, forward?.outcome?.bytes], ['forward', `127.0.0.1:${port}`, 10]);
    const { remote } = await choosePorts({ remote: [] });
    const back = lab.ssh(open, ['-R', `${remote.port}:127.0.0.1:${port}`, `${open.connection}@gateway`, 'echo up; cat']);
    await until('the host listens', () => back.stdout.includes('up'));
    assert.equal(await said(remote.port, 'back again'), 'back again');
    back.child.kill('SIGKILL');
    await back.done;
    echo.close();
  });

  test('another host is reached by jumping over this one', async () => {
    const open = await lab.access(undefined, { ALLOW_LOCAL_FORWARD: 'true' });
    const proxy = ['ssh', ...lab.options(open), '-W', '%h:%p', `${open.connection}@gateway`]
      .map((word) => word.replaceAll(' ', '\\ '))
      .join(' ');
    const last = [...lab.directOptions(), '-o', `ProxyCommand=${proxy}`, `${lab.sshd.user}@127.0.0.1`, 'echo arrived'];
    const { stdout, stderr } = await lab.program('ssh', last, open, { input: '' }).done;
    assert.equal(stdout, 'arrived\n', stderr);
  });

  test('a client that leaves takes what it ran with it', async () => {
    const own = await lab.access();
    const running = lab.ssh(own, ['-tt', `${own.connection}@gateway`, 'echo $$; exec sleep 600']);
    const pid = await until('the command runs', () => /(\d+)/.exec(running.stdout)?.[1]);
    running.child.kill('SIGKILL');
    await until('the command is gone', async () => (await runProgram('ps', ['-p', pid])).exitCode !== 0);
    assert.equal((await lab.system.office.endedSession(own.connection)).end_reason, 'client_lost');
  });
});

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function said(port: number, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(words));
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(heard));
  });
}
