/**
 * Native listeners, a line a protocol: the variables that say where clients come in, and what credentials tell them to dial.
 * The usual port is the protocol's own.
 */
export const NATIVE_VARIABLES = {
  postgres: { listen: 'POSTGRES_LISTEN', public: 'POSTGRES_PUBLIC_ADDRESS' },
  mysql: { listen: 'MYSQL_LISTEN', public: 'MYSQL_PUBLIC_ADDRESS' },
  ssh: { listen: 'SSH_LISTEN', public: 'SSH_PUBLIC_ADDRESS' },
  http: { listen: 'HTTP_LISTEN', public: 'HTTP_PUBLIC_ADDRESS' },
} as const;

/** Every variable that the gateway reads. */
export const VARIABLES = [
  'HOOP_HOME',
  'HOOP_ENCRYPTION_KEY',
  'HOOP_TLSCA',
  'POSTGRES_DB_URI',
  'API_URL',
  'API_LISTEN',
  'PORT',
  'GRPC_URL',
  'GRPC_LISTEN',
  'GATEWAY_ALLOW_PLAINTEXT',
  ...Object.values(NATIVE_VARIABLES).flatMap(({ listen, public: dialled }) => [listen, dialled]),
  'SSH_TRUSTED_USER_CA',
  'TLS_CERT',
  'TLS_KEY',
  'USE_TLS',
  'TRUSTED_PROXIES',
  'METRICS_TOKEN',
  'ADMIN_USERNAME',
  'AUDITOR_USERNAME',
  'AUDIT_SYNC',
  'LOG_LEVEL',
  'LOG_ENCODING',
  'AUTH_METHOD',
  'DLP_MODE',
  'DLP_PROVIDER',
  'MSPRESIDIO_ANALYZER_URL',
  'ORG_MULTI_TENANT',
] as const;

export type Variable = (typeof VARIABLES)[number];

/** The environment as the gateway sees it: known variables with a value, and the names of the others that seem meant for it. */
export interface GatewayEnv {
  readonly values: Readonly<Partial<Record<Variable, string>>>;
  /** Names that begin with `HOOP_` or belong to the product and are not in `VARIABLES`. */
  readonly others: readonly string[];
  /** Whether a person watches the log. */
  readonly isTerminal: boolean;
}

/** Names of the product's other variables; what they would do is said in `config.ts`. */
const OURS =
  /^(HOOP_|IDP_|MSPRESIDIO_|RDP_|WEBHOOK_APP|DEFAULT_AGENT_|(API_KEY|JWT_SECRET_KEY|URL_TOKEN_EXCHANGE|GOOGLE_APPLICATION_CREDENTIALS_JSON|ASK_AI_CREDENTIALS|PLUGIN_AUDIT_PATH|STATIC_UI_PATH|MIGRATION_PATH_FILES|DISABLE_SESSIONS_DOWNLOAD|DISABLE_CLIPBOARD_COPY_CUT|WEBAPP_USERS_MANAGEMENT|SSH_CLIENT_HOST_KEY)$)/;

/** Reads the environment of a process, once. An empty value counts as not set. */
export function readEnv(source: NodeJS.ProcessEnv = process.env, isTerminal = process.stderr.isTTY === true): GatewayEnv {
  const values: Partial<Record<Variable, string>> = {};
  for (const name of VARIABLES) {
    const value = source[name]?.trim();
    if (value) values[name] = value;
  }
  const known = new Set<string>(VARIABLES);
  const others = Object.keys(source).filter((name) => OURS.test(name) && !known.has(name) && source[name]?.trim());
  return { values, others: others.sort(), isTerminal };
}
