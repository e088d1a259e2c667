import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Seat } from '../../e2e/seat.ts';
import type { TestCluster } from '../../support/kubernetes/test-cluster.ts';
import { until } from '../../support/until.ts';
import { Lab, WAYS, type Way, type WayKind } from './lab.ts';

/** A way to speak with a pod that kubectl has more than one of. */
export interface Speech<C extends TestCluster> {
  readonly name: string;
  /** Makes kubectl, or the cluster, speak so. Returns how to undo it. */
  use(cluster: C, way: Way): () => void;
}

/** A kind of cluster, and what is true of it alone. */
export interface Column<C extends TestCluster> {
  start(): Promise<C>;
  readonly speeches: readonly Speech<C>[];
  /** More tests. */
  also(at: At<C>, kind: WayKind): void;
}

/** Where a test is: known only when it runs. */
export type At<C extends TestCluster> = () => { readonly lab: Lab<C>; readonly way: Way };

const CONFIG_MAP = (value: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' }, data: { colour: value } });

/** Whatever kubectl does works through the gateway, is judged, masked and recorded, on every way to it. */
export function proveKubectl<C extends TestCluster>(column: Column<C>): void {
  let lab: Lab<C>;
  before(async () => {
    lab = await Lab.open(await column.start());
    await lab.cluster.addPod('web', { annotations: { owner: 'ada@example.org' } });
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  for (const kind of WAYS) {
    describe(`kubectl through ${kind === 'port' ? 'the gateway’s own port' : 'hoop connect'}`, () => {
      let way: Way;
      const at = (): { lab: Lab<C>; way: Way } => ({ lab, way });
      before(async () => {
        way = await lab.way(kind);
      });
      proveObjects(at, kind);
      for (const { name, use } of column.speeches) {
        describe(name, () => {
          let undo: () => void;
          before(() => {
            undo = use(lab.cluster, way);
          });
          after(() => undo());
          provePods(at);
        });
      }
      provePolicy(at, kind);
      column.also(at, kind);
    });
  }
}

function proveObjects<C extends TestCluster>(at: At<C>, kind: WayKind): void {
  test('gets and describes what there is', async () => {
    const { lab, way } = at();
    assert.match((await lab.kubectl(way, ['get', 'pods'])).stdout, /NAME .*STATUS.*\nweb .*Running/);
    assert.match((await lab.kubectl(way, ['describe', 'pod', 'web'])).stdout, /Name: +web\n(.|\n)*Image: +registry.example\/web:1/);
    const none = await lab.kubectl(way, ['get', 'pod', 'nobody']);
    assert.deepEqual([none.exitCode, none.stderr], [1, 'Error from server (NotFound): pods "nobody" not found\n']);
  });

  test('watches pods come and go, each as it happens', async () => {
    const { lab, way } = at();
    const watch = lab.start(way, ['get', 'pods', '--watch', '--output=name']);
    for (const name of ['first', 'second']) {
      await until('kubectl watches', async () => watch.stdout.includes('pod/web') && (await lab.cluster.watchers()) > 0);
      await lab.cluster.addPod(name);
      await until(`it is told of ${name}`, () => watch.stdout.includes(`pod/${name}\n`));
    }
    for (const name of ['first', 'second']) await lab.kubectl(way, ['delete', 'pod', name]);
    watch.child.kill('SIGINT');
    await watch.done;
    await until('the cluster is told that nobody watches', async () => (await lab.cluster.watchers()) === 0);
  });

  test('follows a log line by line', async () => {
    const { lab, way } = at();
    const logs = lab.start(way, ['logs', '--follow', 'web']);
    await until('kubectl follows', () => lab.cluster.pods.followers('web') === 1);
    for (const line of ['one', 'two']) {
      lab.cluster.pods.log('web', `${line} by ${kind}\n`);
      await until(`it shows ${line}`, () => logs.stdout.endsWith(`${line} by ${kind}\n`));
    }
    logs.child.kill('SIGINT');
    await until('the cluster is told that nobody follows', () => lab.cluster.pods.followers('web') === 0);
  });

  test('applies, changes and deletes', async () => {
    const { lab, way } = at();
    const apply = async (value: string): Promise<string> => (await lab.kubectl(way, ['apply', '-f', '-'], CONFIG_MAP(value))).stdout;
    assert.equal(await apply('red'), 'configmap/settings created\n');
    assert.match(await apply('blue'), /configmap\/settings (configured|unchanged)\n/);
    const deleted = await lab.kubectl(way, ['delete', 'configmap', 'settings']);
    assert.match(deleted.stdout, /^configmap "settings" deleted/);
    assert.equal((await lab.kubectl(way, ['get', 'configmap', 'settings'])).exitCode, 1);
  });
}

function provePods<C extends TestCluster>(at: At<C>): void {
  test('runs a command with stdin, stdout, stderr and exit code', async () => {
    const { lab, way } = at();
    const command = ['exec', '--stdin', 'web', '--', 'sh', '-c', 'cat; echo wrong >&2; exit 3'];
    const { stdout, stderr, exitCode } = await lab.kubectl(way, command, 'said\n');
    assert.deepEqual([stdout, exitCode], ['said\n', 3]);
    assert.match(stderr, /^wrong\ncommand terminated with exit code 3\n$/);
    const passed = await lab.kubectl(way, ['exec', 'web', '--', 'true']);
    assert.deepEqual([passed.stdout, passed.exitCode], ['', 0]);
  });

  test('gives a terminal of the right size', async () => {
    const { way } = at();
    using seat = new Seat(['kubectl', 'exec', '--stdin', '--tty', 'web', '--', 'sh'], { env: way.env, columns: 91, rows: 19 });
    // kubectl tells the size beside what is typed: either may come first.
    const shows = async (size: RegExp): Promise<void> => {
      for (let time = 0; time < 100 && !size.test(seat.output); time++) {
        seat.type('stty size; tty\r');
        await pause(100);
      }
      assert.match(seat.output, size);
    };
    await shows(/19 91\s+\/dev\/pts\//);
    seat.resize(77, 33);
    await shows(/33 77\s+\/dev\/pts\//);
    seat.type('exit 5\r');
    assert.equal((await seat.ended).exitCode, 5);
  });

  test('attaches to what runs', async () => {
    const { lab, way } = at();
    const attached = await lab.kubectl(way, ['attach', '--stdin', 'web'], 'echoed\n');
    assert.match(attached.stdout, /echoed\n/);
  });

  test('forwards a port, every byte both ways', async () => {
    const { lab, way } = at();
    const echo = net.createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    const { port } = echo.address() as AddressInfo;
    const forward = lab.start(way, ['port-forward', 'pod/web', `:${port}`]);
    const local = await until('kubectl listens', () => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout)?.[1]);
    for (let time = 0; time < 2; time++) {
      const sent = randomBytes(3_000_001);
      const socket = net.connect(Number(local), '127.0.0.1');
      socket.write(sent);
      const came: Buffer[] = [];
      let length = 0;
      for await (const chunk of socket) {
        came.push(chunk as Buffer);
        length += (chunk as Buffer).length;
        if (length === sent.length) break;
      }
      assert.ok(Buffer.concat(came).equals(sent));
    }
    echo.close();
  });

  test('copies files to a pod and back', async () => {
    const { lab, way } = at();
    const [there, back] = [join(way.env.HOME ?? '', 'there'), join(way.env.HOME ?? '', 'back')];
    writeFileSync(there, randomBytes(700_001));
    mkdirSync(join(lab.cluster.pods.directoryOf('web'), 'inbox'), { recursive: true });
    assert.equal((await lab.kubectl(way, ['cp', there, 'web:inbox/file'])).exitCode, 0);
    assert.equal((await lab.kubectl(way, ['cp', 'web:inbox/file', back])).exitCode, 0);
    assert.ok(readFileSync(there).equals(readFileSync(back)));
  });
}

function provePolicy<C extends TestCluster>(at: At<C>, kind: WayKind): void {
  test('each request is an action in the audit, with verb and path', async () => {
    const { lab } = at();
    const own = await lab.way(kind);
    await lab.kubectl(own, ['get', 'pods']);
    await lab.kubectl(own, ['exec', 'web', '--', 'echo', 'hello']);
    const actions = await until('both are recorded', async () => {
      const all = await lab.actions(own);
      return all.some((text) => text.includes('/exec?')) && all;
    });
    assert.ok(actions.includes('GET /api/v1/namespaces/default/pods?limit=500'), actions.join('\n'));
    assert.match(
      actions.join('\n'),
      /(GET|POST) \/api\/v1\/namespaces\/default\/pods\/web\/exec\?command=echo&command=hello.* \((websocket|SPDY\/3.1)\)/,
    );
    assert.deepEqual(
      actions.filter((text) => !/^(GET|POST) \//.test(text)),
      [],
    );
  });

  test('a denied request is told in the rule’s words, and nothing comes of it', async () => {
    const { lab } = at();
    const denied = await lab.way(kind, { deny: ['DELETE', '/secrets', '/exec'] });
    for (const args of [
      ['delete', 'pod', 'web'],
      ['get', 'secrets'],
      ['exec', 'web', '--', 'true'],
    ]) {
      const { exitCode, stderr } = await lab.kubectl(denied, args);
      assert.equal(exitCode, 1);
      assert.match(stderr, /Blocked by the following Guardrails rule: Not here/, args.join(' '));
    }
    assert.match((await lab.kubectl(denied, ['get', 'pods'])).stdout, /web/);
  });

  test('hides what a mask finds, whatever kubectl shows it as', async () => {
    const { lab } = at();
    const masked = await lab.way(kind, { mask: ['EMAIL_ADDRESS'] });
    for (const args of [
      ['get', 'pod', 'web', '--output=json'],
      ['get', 'pods', '--output=yaml'],
      ['describe', 'pod', 'web'],
    ]) {
      const { stdout } = await lab.kubectl(masked, args);
      assert.match(stdout, /owner"?: '?"?#{5,}/, args.join(' '));
      assert.equal(stdout.includes('@'), false);
    }
  });

  test('a watch ends when the session is killed', async () => {
    const { lab } = at();
    const own = await lab.way(kind);
    const watch = lab.start(own, ['get', 'pods', '--watch']);
    await until('kubectl watches', async () => watch.stdout.includes('web') && (await lab.cluster.watchers()) > 0);
    for (const { id, status } of await lab.system.office.sessions(own.connection)) if (status === 'open') await lab.system.office.kill(id);
    await until('nobody watches', async () => (await lab.cluster.watchers()) === 0);
    await watch.done;
  });
}
