/** The environment of an agent. Nothing else in this package reads it. */
export interface AgentEnv {
  readonly key: string | undefined;
  readonly tlsCa: string | undefined;
  readonly tlsSkipVerify: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly logLevel: string | undefined;
  readonly logEncoding: string | undefined;
}

export function readAgentEnv(env: NodeJS.ProcessEnv = process.env): AgentEnv {
  return {
    key: env.HOOP_KEY ?? env.HOOP_DSN,
    tlsCa: env.HOOP_TLSCA,
    tlsSkipVerify: env.HOOP_TLS_SKIP_VERIFY,
    tlsServerName: env.HOOP_TLSSERVERNAME,
    logLevel: env.LOG_LEVEL,
    logEncoding: env.LOG_ENCODING,
  };
}
