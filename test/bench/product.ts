import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { atExit } from '../support/at-exit.ts';
import { Office } from '../support/office.ts';
import { Program } from '../support/program.ts';
import { nativeListen } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
export const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

/** How the product stands between a client and a target. */
export const SHAPES = ['standalone', 'gateway + agent'] as const;
export type Shape = (typeof SHAPES)[number];

/** The product as real processes, audit on: gateway and agent with TLS between them, or both in one. */
export class Product implements AsyncDisposable {
  readonly shape: Shape;
  readonly office: Office;
  readonly agentId: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  readonly #programs: readonly Program[];

  private constructor(shape: Shape, office: Office, agentId: string, programs: readonly (readonly [string, Program])[]) {
    this.shape = shape;
    this.office = office;
    this.agentId = agentId;
    this.#programs = programs.map(([, program]) => program);
    this.processes = programs.map(([name, program]) => ({ name, pid: program.child.pid ?? 0 }));
    atExit(() => {
      for (const program of this.#programs) program.child.kill('SIGKILL');
    });
  }

  static async start(shape: Shape): Promise<Product> {
    const ports = await choosePorts({ api: [], tunnel: [] });
    const on = (name: 'api' | 'tunnel'): string => `127.0.0.1:${ports[name].port}`;
    const env = {
      HOOP_HOME: join(temporaryDirectory('bench'), 'home'),
      API_LISTEN: on('api'),
      GRPC_LISTEN: on('tunnel'),
      GRPC_URL: `grpcs://${on('tunnel')}`,
      ...nativeListen('127.0.0.1:0'),
      LOG_LEVEL: 'warn',
    };
    const part = shape === 'standalone' ? 'standalone' : 'gateway';
    const gateway = new Program(HOOP, ['start', part], { env });
    const url = `http://${on('api')}`;
    const ready = (): Promise<boolean> =>
      fetch(`${url}/api/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until('the gateway is ready', ready, 30_000);
    const office = await Office.enter(url);
    if (shape === 'standalone') return new Product(shape, office, await agentCalled(office, 'local'), [['standalone', gateway]]);
    const { token } = await office.api.call(routes.createAgent, { body: { name: 'bench' } });
    const agent = new Program(HOOP, ['start', 'agent'], { env: { HOOP_KEY: token, LOG_LEVEL: 'warn' } });
    const programs = [['gateway', gateway] as const, ['agent', agent] as const];
    return new Product(shape, office, await agentCalled(office, 'bench'), programs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of [...this.#programs].reverse()) {
      program.child.kill('SIGKILL');
      await program.done;
    }
  }
}

/** Its id, once it is linked. */
function agentCalled(office: Office, name: string): Promise<string> {
  return until('the agent is linked', async () => {
    const agent = await office.api.call(routes.getAgent, { params: { nameOrID: name } });
    return agent.status === 'CONNECTED' && agent.id;
  });
}
