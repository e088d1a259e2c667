import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '@hoop/contract/routes/all';
import { CONNECTION, nativeUrl, type Session } from './api.ts';
import { configFile, isOurs } from './config-file.ts';
import { DATABASE, ROLE } from './database.ts';
import { envFile, type Variables } from './env-file.ts';
import type { Places } from './listen.ts';
import type { Paths } from './paths.ts';
import { writeClientConfig } from './ssh-keys.ts';
import { type State, writePrivate } from './state.ts';
import { MARIADB } from './targets/mariadb.ts';
import { SSH } from './targets/sshd.ts';
import type { Target } from './targets/target.ts';
import { WEB } from './targets/web.ts';

export interface Outcome {
  readonly paths: Paths;
  readonly state: State;
  /** Of the API. */
  readonly url: string;
  readonly places: Places;
  readonly session: Session;
  readonly targets: readonly Target[];
}

/** Writes what people, their clients and the command line read. Returns remarks. */
export async function writeFiles(outcome: Outcome): Promise<string[]> {
  const { paths, url, session } = outcome;
  const { root, bin, config } = paths;
  const { grpc_url, tls_ca, ssh_host_key } = await session.client.call(routes.getServerInfo);
  for (const program of ['hoop', 'hsh'])
    link(join(root, 'packages', program === 'hoop' ? 'cli' : program, 'bin', program), join(bin, program));
  const variables = { ...base(outcome), ...mysql(outcome), ...http(outcome), ...(await ssh(outcome, ssh_host_key)) };
  writePrivate(paths.envFile, envFile(variables, bin));
  if (!isOurs(config)) return [`${config} is yours and was left alone; \`hoop login\` uses this gateway once ${paths.envFile} is read`];
  writePrivate(config, configFile({ api_url: url, grpc_url, token: session.token, tls_ca }));
  return [];
}

function base({ paths, state, url, places }: Outcome): Variables {
  const { email, password, databasePassword, credentials } = state;
  const credential = credentials[CONNECTION];
  if (!credential) throw new Error('No credential was minted');
  return {
    HOOP_HOME: paths.home,
    HOOP_API_URL: url,
    HOOP_EMAIL: email,
    HOOP_PASSWORD: password,
    HOOP_CONNECTION: CONNECTION,
    PGURL: nativeUrl('postgres', CONNECTION, places.listeners.native.port, credential),
    PGURL_DIRECT: `postgres://${ROLE}:${databasePassword}@127.0.0.1:${places.targets.postgres}/${DATABASE}?sslmode=disable`,
  };
}

function mysql({ paths, state, places, targets }: Outcome): Variables {
  const credential = state.credentials[MARIADB];
  if (!credential || !has(targets, MARIADB)) return {};
  const { port } = places.listeners.mysql;
  const lines = [
    '[client]',
    'host=127.0.0.1',
    `port=${port}`,
    `user=${MARIADB}`,
    `password=${credential.secret}`,
    '[mysql]',
    `database=${DATABASE}`,
  ];
  writePrivate(paths.mysqlConfig, `${lines.join('\n')}\n`);
  return {
    MYSQL_URL: nativeUrl('mysql', MARIADB, port, credential),
    MYSQL_URL_DIRECT: `mysql://${ROLE}:${state.mariadbPassword}@127.0.0.1:${places.targets.mariadb}/${DATABASE}`,
    MYSQL_CNF: paths.mysqlConfig,
  };
}

function http({ state, places, targets }: Outcome): Variables {
  const credential = state.credentials[WEB];
  if (!credential || !has(targets, WEB)) return {};
  return {
    HTTP_URL: `http://127.0.0.1:${places.listeners.http.port}`,
    HTTP_TOKEN: credential.secret,
    HTTP_URL_DIRECT: `http://127.0.0.1:${places.targets.web}`,
  };
}

async function ssh({ paths, state, places, targets }: Outcome, hostKey: string | undefined): Promise<Variables> {
  if (hostKey === undefined || !has(targets, SSH)) return {};
  const { port } = places.listeners.ssh;
  const config = await writeClientConfig(paths.ssh, { connection: SSH, port, hostKey, email: state.email });
  return { SSH_URL: `ssh://${SSH}@127.0.0.1:${port}`, SSH_CONFIG: config };
}

function has(targets: readonly Target[], name: string): boolean {
  return targets.some(({ wish }) => wish.name === name);
}

/** Links a program into a directory that a person may put into PATH. A clone that moved takes its link along. */
function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
