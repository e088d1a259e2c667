import { homedir } from 'node:os';
import { join } from 'node:path';

/** The environment of an agent. Nothing else in this package reads it. */
export interface AgentEnv {
  readonly key: string | undefined;
  readonly tlsCa: string | undefined;
  readonly tlsSkipVerify: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
  readonly noProxy: string | undefined;
  readonly logLevel: string | undefined;
  readonly logEncoding: string | undefined;
}

export function readAgentEnv(env: NodeJS.ProcessEnv = process.env): AgentEnv {
  return {
    key: env.HOOP_KEY ?? env.HOOP_DSN,
    tlsCa: env.HOOP_TLSCA,
    tlsSkipVerify: env.HOOP_TLS_SKIP_VERIFY,
    tlsServerName: env.HOOP_TLSSERVERNAME,
    httpsProxy: env.https_proxy ?? env.HTTPS_PROXY,
    httpProxy: env.http_proxy ?? env.HTTP_PROXY,
    noProxy: env.no_proxy ?? env.NO_PROXY,
    logLevel: env.LOG_LEVEL,
    logEncoding: env.LOG_ENCODING,
  };
}

/** What the environment says of detectors. */
export interface DetectionEnv {
  readonly presidioUrl: string | undefined;
  readonly mode: string | undefined;
}

export function readDetectionEnv(env: NodeJS.ProcessEnv = process.env): DetectionEnv {
  return { presidioUrl: env.MSPRESIDIO_ANALYZER_URL?.trim() || undefined, mode: env.DLP_MODE?.trim() || undefined };
}

/** Where an agent keeps what it remembers. */
export function readHome(env: NodeJS.ProcessEnv = process.env): string {
  return env.HOOP_HOME?.trim() || join(homedir(), '.hoop');
}

/** What the service gets of the environment in which it is started; see `variablesFrom`. */
export const SERVICE_VARIABLES = [
  'HOOP_KEY',
  'HOOP_TLSCA',
  'HOOP_TLS_SKIP_VERIFY',
  'HOOP_TLSSERVERNAME',
  'HOOP_AGENT_ENVS',
  'HOOP_SECRETS_DIR',
  'MSPRESIDIO_ANALYZER_URL',
  'DLP_MODE',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'LOG_LEVEL',
  'LOG_ENCODING',
  'PATH',
] as const;

/** Where a service manager listens, and an environment of its own making. */
export interface ServiceEnv {
  /** A file with more variables, for a service manager that cannot read one itself. */
  readonly envFile: string | undefined;
  readonly notifySocket: string | undefined;
  readonly watchdog_usec: number | undefined;
  readonly path: string;
}

/** Reads what a service manager set, and takes it away: what a session runs must not speak to the manager in our name. */
export function takeServiceEnv(env: NodeJS.ProcessEnv = process.env): ServiceEnv {
  const { HOOP_ENV_FILE: envFile, NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC, WATCHDOG_PID, PATH } = env;
  for (const name of ['HOOP_ENV_FILE', 'NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  return { envFile, notifySocket, watchdog_usec: isOurs && WATCHDOG_USEC ? Number(WATCHDOG_USEC) : undefined, path: PATH ?? '' };
}

/** Puts variables into this process's environment, over what is there. */
export function addToEnv(variables: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = process.env): void {
  Object.assign(env, variables);
}

/** The environment as the service's own programs and its installation see it. */
export function machineEnv(): NodeJS.ProcessEnv {
  return process.env;
}

/** What `hoop run` takes from the environment. */
export interface RunEnv {
  /** `HOOP_DB_URI`: the database to offer. */
  readonly databaseUri: string | undefined;
  /** `HOOP_LOG_FILE`: where the agent logs; `off` for nowhere. */
  readonly logFile: string | undefined;
  /** `XDG_STATE_HOME`: where programs keep what they write by themselves. */
  readonly stateHome: string | undefined;
  /** Everything but the agent's key: what the application gets, and what its sessions get. */
  readonly environment: Readonly<Record<string, string>>;
}

export function readRunEnv(env: NodeJS.ProcessEnv = process.env): RunEnv {
  const { HOOP_KEY: _key, HOOP_DSN: _dsn, ...others } = env;
  const environment = Object.fromEntries(Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  return {
    databaseUri: env.HOOP_DB_URI || undefined,
    logFile: env.HOOP_LOG_FILE || undefined,
    stateHome: env.XDG_STATE_HOME || undefined,
    environment,
  };
}
