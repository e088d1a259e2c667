import { Secret } from '@hoop/core/secret';

/** What of the agent's environment decides where connections' secrets come from. Nothing else in this folder reads it. */
export interface SecretsEnv {
  /** Names that connections may read, joined by commas. */
  readonly allowed: string | undefined;
  /** Directory of files that connections may name. */
  readonly directory: string | undefined;
  readonly awsRegion: string | undefined;
  readonly vault: VaultEnv;
  /** Any variable by its name, for connections that ask for one. */
  variable(name: string): string | undefined;
}

export interface VaultEnv {
  readonly address: string | undefined;
  readonly token: Secret | undefined;
  readonly roleId: Secret | undefined;
  readonly roleSecretId: Secret | undefined;
  /** PEM, or the path of a file with it. */
  readonly caCert: string | undefined;
  readonly namespace: string | undefined;
  readonly timeout: string | undefined;
}

export function readSecretsEnv(env: NodeJS.ProcessEnv = process.env): SecretsEnv {
  // What was read from a file brings the file's newline along, which no header takes.
  const secret = (value: string | undefined): Secret | undefined => (value?.trim() ? new Secret(value.trim()) : undefined);
  return {
    allowed: env.HOOP_AGENT_ENVS,
    directory: env.HOOP_SECRETS_DIR || undefined,
    awsRegion: env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined,
    vault: {
      address: env.VAULT_ADDR?.trim(),
      token: secret(env.VAULT_TOKEN),
      roleId: secret(env.VAULT_APP_ROLE_ID),
      roleSecretId: secret(env.VAULT_APP_ROLE_SECRET_ID),
      caCert: env.VAULT_CACERT,
      namespace: env.VAULT_NAMESPACE?.trim(),
      timeout: env.VAULT_HTTP_REQ_TIMEOUT,
    },
    variable: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
  };
}
