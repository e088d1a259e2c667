import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { choosePorts } from '../../../tools/demo/ports.ts';
import { apiserverProgram } from '../../../tools/kube-apiserver/kube-apiserver.ts';
import { atExit } from '../at-exit.ts';
import { endProcess } from '../end-process.ts';
import { plainEnv } from '../env.ts';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { ownCertificate } from './certificate.ts';
import { Kubelet } from './kubelet.ts';
import { Pods } from './pods.ts';
import type { TestCluster } from './test-cluster.ts';

const TOKEN = 'cluster-token';

/** Who the token is: whoever says to be somebody else would be found out. */
export const USER = 'gateway';

const NODE = 'node-1';

const START_MS_MAX = 60_000;
const ANSWER_MS_MAX = 10_000;

interface NewObject {
  readonly metadata: { readonly name: string };
  readonly spec?: object;
}

/** Kubernetes' own API server with its etcd; the one node that it has is ours. */
export class KubeApiserver implements TestCluster {
  readonly pods: Pods;
  readonly #url: string;
  readonly #ca: string;
  readonly #server: ChildProcess;
  readonly #kubelet: Kubelet;
  readonly #log: () => string;
  /** Those that the server has itself. */
  #ownWatchers = 0;

  private constructor(server: ChildProcess, kubelet: Kubelet, parts: { url: string; ca: string; pods: Pods; log: () => string }) {
    this.#server = server;
    this.#kubelet = kubelet;
    this.#url = parts.url;
    this.#ca = parts.ca;
    this.#log = parts.log;
    this.pods = parts.pods;
    atExit(() => server.kill('SIGKILL'));
  }

  static async start(): Promise<KubeApiserver> {
    const pods = new Pods();
    const kubelet = await Kubelet.start(pods);
    const directory = temporaryDirectory('kube-apiserver');
    const { api, etcd } = await choosePorts({ api: [], etcd: [] });
    const { key, cert } = await ownCertificate('cluster');
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    };
    const [keyFile, certFile] = [file('key.pem', key), file('cert.pem', cert)];
    const options = {
      'etcd-servers': `http://127.0.0.1:${etcd.port}`,
      'bind-address': '127.0.0.1',
      'advertise-address': '127.0.0.1',
      'secure-port': api.port,
      'endpoint-reconciler-type': 'none',
      'tls-cert-file': certFile,
      'tls-private-key-file': keyFile,
      'token-auth-file': file('tokens.csv', `${TOKEN},${USER},1,system:masters\n`),
      'authorization-mode': 'RBAC',
      // It gives pods a token each, which nobody makes here.
      'disable-admission-plugins': 'ServiceAccount',
      'service-account-issuer': 'https://cluster.test',
      'service-account-key-file': file('public.pem', createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()),
      'service-account-signing-key-file': keyFile,
      'service-cluster-ip-range': '10.0.0.0/24',
    };
    const server = spawn(
      apiserverProgram(),
      Object.entries(options).map(([name, value]) => `--${name}=${value}`),
      {
        cwd: directory,
        env: { ...plainEnv(), ETCD_DIRECTORY: join(directory, 'etcd'), ETCD_URL: `http://127.0.0.1:${etcd.port}` },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const cluster = new KubeApiserver(server, kubelet, { url: `https://127.0.0.1:${api.port}`, ca: cert, pods, log: () => said });
    try {
      await cluster.#begin();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  settings(): Record<string, string> {
    return { KUBERNETES_CLUSTER_URL: this.#url, KUBERNETES_BEARER_TOKEN: TOKEN, KUBERNETES_CA: this.#ca };
  }

  async addPod(name: string, more: object = {}): Promise<void> {
    const containers = [{ name: 'main', image: 'registry.example/web:1' }];
    // Nobody ends a pod's containers here, so its end must wait for none.
    const spec = { containers, nodeName: NODE, terminationGracePeriodSeconds: 0 };
    const state = { ready: true, restartCount: 0, image: 'registry.example/web:1', imageID: '' };
    const containerStatuses = [{ name: 'main', ...state, state: { running: {} } }];
    await this.#put('/api/v1/namespaces/default/pods', { metadata: { name, ...more }, spec }, { phase: 'Running', containerStatuses });
  }

  async watchers(): Promise<number> {
    return (await this.#allWatchers()) - this.#ownWatchers;
  }

  async close(): Promise<void> {
    await endProcess(this.#server, 'SIGKILL');
    this.#kubelet.close();
  }

  /** Waits until it serves; then it learns of its node. */
  async #begin(): Promise<void> {
    const ready = async (): Promise<boolean> => {
      if (this.#server.exitCode !== null) throw new Error(`kube-apiserver has ended by itself: ${this.#log().slice(-2000)}`);
      const answers = await Promise.all([this.#ask('GET', '/readyz'), this.#ask('GET', '/api/v1/namespaces/default')].map(settled));
      return answers.every(Boolean);
    };
    await until('kube-apiserver serves', ready, START_MS_MAX);
    const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
    const daemonEndpoints = { kubeletEndpoint: { Port: this.#kubelet.port } };
    await this.#put('/api/v1/nodes', { metadata: { name: NODE } }, { addresses, daemonEndpoints });
    this.#ownWatchers = await this.#allWatchers();
  }

  async #allWatchers(): Promise<number> {
    const metrics = await this.#ask('GET', '/metrics');
    const lines = metrics.split('\n').filter((line) => /^apiserver_longrunning_requests\{/.test(line));
    const ours = lines.filter((line) => /resource="pods"/.test(line) && /scope="namespace"/.test(line) && /verb="WATCH"/.test(line));
    return ours.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Makes an object, and then its status, which is a resource of its own. */
  async #put(path: string, object: NewObject, status: object): Promise<void> {
    await this.#ask('POST', path, object);
    await this.#ask('PATCH', `${path}/${object.metadata.name}/status`, { status });
  }

  #ask(method: string, path: string, body?: object): Promise<string> {
    const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': type };
    return new Promise((resolve, reject) => {
      const request = https.request(`${this.#url}${path}`, { method, headers, ca: this.#ca, timeout: ANSWER_MS_MAX, agent: false });
      request.once('error', reject).once('timeout', () => request.destroy(new Error(`${method} ${path} had no answer`)));
      request.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.once('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 500)}`));
        });
      });
      request.end(body && JSON.stringify(body));
    });
  }
}

function settled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
