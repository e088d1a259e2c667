import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endLeftover, Supervised } from '../process/supervised.ts';
import { tail } from '../process/tail.ts';
import type { Listener, Listeners } from './listen.ts';
import type { Paths } from './paths.ts';

const READY_MS_MAX = 60_000;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** Variables that would change what the demo says about itself: it listens where it chose to, in plain HTTP, on its own store. */
const NOT_PASSED_ON = /^(npm_.*|PORT|API_URL|GRPC_URL|TLS_CERT|TLS_KEY|USE_TLS|HOOP_TLSCA|POSTGRES_DB_URI|HOOP_KEY|PG.*)$/;

export function baseUrl(listeners: Listeners): string {
  return `http://127.0.0.1:${listeners.api.port}`;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Starts gateway and agent in one process, as `hoop start standalone`, and waits until it takes work. `more` goes under what the
 * environment says. `started` is told first, so that it can be stopped meanwhile.
 */
export async function startGateway(
  paths: Paths,
  listeners: Listeners,
  env: Env,
  more: Readonly<Record<string, string>>,
  started: (gateway: Supervised) => void,
): Promise<Supervised> {
  keepLogSmall(paths.gatewayLog);
  const gateway = new Supervised({
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', commandLine(paths), 'start', 'standalone'],
    env: gatewayEnv(paths, listeners, { ...more, ...env }),
    log: paths.gatewayLog,
    pidFile: paths.gatewayPid,
  });
  gateway.start();
  started(gateway);
  await ready(gateway, baseUrl(listeners), paths.gatewayLog);
  return gateway;
}

/** Ends the gateway that a killed start left running. */
export function endLeftoverGateway(paths: Paths): Promise<void> {
  return endLeftover(paths.gatewayPid, `${commandLine(paths)} start standalone`);
}

function commandLine(paths: Paths): string {
  return join(paths.root, 'packages', 'cli', 'dist', 'main.js');
}

function gatewayEnv(paths: Paths, listeners: Listeners, env: Env): Record<string, string> {
  const passed = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !NOT_PASSED_ON.test(entry[0]));
  const address = ({ host, port }: Listener): string => `${host}:${port}`;
  return {
    LOG_ENCODING: 'human',
    ...Object.fromEntries(passed),
    HOOP_HOME: paths.home,
    API_LISTEN: address(listeners.api),
    GRPC_LISTEN: address(listeners.agents),
    POSTGRES_LISTEN: address(listeners.native),
    MYSQL_LISTEN: address(listeners.mysql),
    SSH_LISTEN: address(listeners.ssh),
    HTTP_LISTEN: address(listeners.http),
  };
}

/** Waits until the gateway says that it takes work. */
export async function ready(gateway: Supervised, url: string, log: string): Promise<void> {
  const until = Date.now() + READY_MS_MAX;
  while (gateway.running) {
    if (await isReady(url)) return;
    if (Date.now() > until) throw new Error(`The gateway was not ready after ${READY_MS_MAX / 1000} s\n\n${tail(log)}`);
    await pause(50);
  }
  throw new Error(`The gateway did not start: ${await gateway.ended()}\n\n${tail(log)}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false; // Not listening yet.
  }
}

function keepLogSmall(log: string): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LOG_BYTES_MAX) return;
  rmSync(`${log}.1`, { force: true });
  renameSync(log, `${log}.1`);
}
