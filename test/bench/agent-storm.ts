import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { Office } from '../support/office.ts';
import { Program } from '../support/program.ts';
import { nativeListen } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { residentMiB, table } from './stack.ts';

/** What do many agents cost a gateway, and how long does it take until all are back after it was killed? */
export interface AgentStormOptions {
  readonly agents: number;
}

export interface StormResult {
  /** From the first dial to the last welcome. */
  readonly linked_s: number;
  readonly memory_MiB: number;
  /** From the moment when the gateway takes links again to the last welcome. */
  readonly healed_s: number;
}

const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));
const CROWD = fileURLToPath(new URL('./agent-crowd.ts', import.meta.url));
const PATIENCE_MS = 120_000;

export async function agentStorm({ agents }: AgentStormOptions, say: (line: string) => void): Promise<StormResult> {
  const running: Program[] = [];
  const run = (command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program => {
    const program = new Program(command, args, { env });
    running.push(program);
    return program;
  };
  try {
    const { env, url } = await place();
    let gateway = run(HOOP, ['start', 'gateway'], env);
    await ready(url);
    const keys = await makeKeys(await Office.enter(url), agents);
    const before_MiB = residentMiB(gateway.child.pid ?? 0);
    const crowd = run(process.execPath, ['--conditions=hoop:source', CROWD]);
    const began_ms = performance.now();
    crowd.say(`${keys.join('\n')}\n`);
    crowd.endInput();
    await until('all are linked', () => linkedIn(crowd) === agents, PATIENCE_MS);
    const linked_s = (performance.now() - began_ms) / 1000;
    const memory_MiB = residentMiB(gateway.child.pid ?? 0);
    gateway.child.kill('SIGKILL');
    await gateway.done;
    await until('all have noticed', () => linkedIn(crowd) === 0, PATIENCE_MS);
    gateway = run(HOOP, ['start', 'gateway'], env);
    await ready(url);
    const back_ms = performance.now();
    await until('all are back', () => linkedIn(crowd) === agents, PATIENCE_MS);
    const healed_s = (performance.now() - back_ms) / 1000;
    const result = { linked_s, memory_MiB, healed_s };
    report(say, agents, before_MiB, result);
    return result;
  } finally {
    for (const program of running.reverse()) {
      program.child.kill('SIGKILL');
      await program.done;
    }
  }
}

function report(say: (line: string) => void, agents: number, before_MiB: number, { linked_s, memory_MiB, healed_s }: StormResult): void {
  say(`\n${agents} agents on one gateway, each with a TLS link of its own\n`);
  const row = [agents, before_MiB, memory_MiB, linked_s.toFixed(1), healed_s.toFixed(1)];
  say(table(['agents', 'MiB without', 'MiB with', 's until all are linked', 's until all are back after kill -9'], [row]));
}

function linkedIn(crowd: Program): number {
  return Number(crowd.stdout.trimEnd().split('\n').at(-1));
}

async function place(): Promise<{ env: Record<string, string>; url: string }> {
  const ports = await choosePorts({ api: [], tunnel: [] });
  const on = (name: 'api' | 'tunnel'): string => `127.0.0.1:${ports[name].port}`;
  const env = {
    HOOP_HOME: join(temporaryDirectory('storm'), 'home'),
    API_LISTEN: on('api'),
    GRPC_LISTEN: on('tunnel'),
    GRPC_URL: `grpcs://${on('tunnel')}`,
    ...nativeListen('127.0.0.1:0'),
    LOG_LEVEL: 'warn',
  };
  return { env, url: `http://${on('api')}` };
}

async function ready(url: string): Promise<void> {
  await until('the gateway is ready', () =>
    fetch(`${url}/api/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function makeKeys(office: Office, count: number): Promise<string[]> {
  const keys: string[] = [];
  for (let at = 0; at < count; at++) keys.push((await office.api.call(routes.createAgent, { body: { name: `agent-${at}` } })).token);
  return keys;
}
