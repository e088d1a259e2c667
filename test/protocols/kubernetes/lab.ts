import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TunnelClient } from '@hoop/tunnel/client';
import type { TestCluster } from '../../support/kubernetes/test-cluster.ts';
import { LocalPort } from '../../support/local-port.ts';
import type { Kind, Policy } from '../../support/office.ts';
import { Program, type ProgramOptions, type ProgramResult } from '../../support/program.ts';
import { System } from '../../support/system.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

export const KUBERNETES: Kind = { type: 'custom', subtype: 'kubernetes' };

/** `port`: the gateway's own, over TLS, with a credential's secret as token. `connect`: a local port, where the identity is known. */
export const WAYS = ['port', 'connect'] as const;
export type WayKind = (typeof WAYS)[number];

/** A connection to the cluster, and what kubectl needs to use it. */
export interface Way {
  readonly connection: string;
  readonly env: Record<string, string>;
  readonly secret: string;
}

/** A cluster, a system in front of it, and kubectl. */
export class Lab<C extends TestCluster> {
  readonly system: System;
  readonly cluster: C;
  readonly #tunnel: TunnelClient;
  readonly #ports: LocalPort[] = [];
  readonly #programs: Program[] = [];

  private constructor(system: System, cluster: C, tunnel: TunnelClient) {
    this.system = system;
    this.cluster = cluster;
    this.#tunnel = tunnel;
  }

  static async open<C extends TestCluster>(cluster: C): Promise<Lab<C>> {
    const system = await System.start({ agent: 'tunnel' });
    const { host, port } = system.gateway.addresses.tunnel;
    return new Lab(system, cluster, await TunnelClient.dial({ host, port, tls: { skipVerify: true } }));
  }

  async way(kind: WayKind, policy?: Policy): Promise<Way> {
    const connection = await this.system.connection(this.cluster.settings(), policy, KUBERNETES);
    const home = temporaryDirectory('kubectl');
    const env = { HOME: home, KUBECONFIG: join(home, 'config') };
    if (kind === 'port') {
      const { host, port, secret } = await this.system.office.credential(connection);
      writeFileSync(env.KUBECONFIG, kubeconfig({ server: `https://${host}:${port}`, 'insecure-skip-tls-verify': true }, { token: secret }));
      return { connection, env, secret };
    }
    const local = await LocalPort.open(this.#tunnel, connection, this.system.office.token);
    this.#ports.push(local);
    writeFileSync(env.KUBECONFIG, kubeconfig({ server: `http://127.0.0.1:${local.port}` }, {}));
    return { connection, env, secret: this.system.office.token };
  }

  /** Starts kubectl; it is ended with the test at the latest. */
  start(way: Way, args: readonly string[], options: ProgramOptions = {}): Program {
    const program = new Program('kubectl', args, { ...options, env: way.env });
    this.#programs.push(program);
    return program;
  }

  kubectl(way: Way, args: readonly string[], input = ''): Promise<ProgramResult> {
    return this.start(way, args, { input }).done;
  }

  /** What the audit has of a connection, in the order of its sessions. */
  async actions(way: Way): Promise<string[]> {
    const sessions = await this.system.office.sessions(way.connection);
    return (await Promise.all(sessions.map(({ id }) => this.system.office.actions(id)))).flat().map(({ text }) => text);
  }

  async tidyUp(): Promise<void> {
    for (const program of this.#programs.splice(0)) {
      program.child.kill('SIGKILL');
      await program.done;
    }
  }

  async close(): Promise<void> {
    for (const port of this.#ports) port.close();
    this.#tunnel.close();
    await this.system.close();
    await this.cluster.close();
  }
}

/** As JSON, which is YAML too. */
function kubeconfig(cluster: object, user: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    'current-context': 'here',
  });
}
