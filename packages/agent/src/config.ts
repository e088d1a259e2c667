import fs from 'node:fs';
import { DsnError, isSecureScheme, parseDsn } from '@hoop/contract/agent-key';
import { Misconfigured } from '@hoop/core/errors';
import type { LogOptions } from '@hoop/core/log';
import type { DialOptions } from '@hoop/tunnel/client';
import { proxyFor } from '@hoop/tunnel/proxy';
import { WEBSOCKET_PATH } from '@hoop/tunnel/websocket';
import type { AgentEnv } from './env.ts';

export interface AgentConfig {
  /** The whole key; the gateway checks it. */
  readonly key: string;
  readonly name: string;
  readonly dial: DialOptions;
  readonly log: LogOptions;
}

/** @throws Misconfigured `agent_config`, `proxy_url` with what to set */
export function loadAgentConfig(env: AgentEnv): AgentConfig {
  if (!env.key) {
    throw new Misconfigured(
      'agent_config',
      'HOOP_KEY is not set; make a key with `hoop admin create agent NAME` and export it as HOOP_KEY',
    );
  }
  const dsn = parseKey(env.key);
  const skipVerify = ['1', 'true', 'yes', 'on'].includes((env.tlsSkipVerify ?? '').toLowerCase());
  const ca = env.tlsCa ? readPem(env.tlsCa) : undefined;
  const tls = {
    skipVerify,
    ...(ca ? { ca } : {}),
    ...(dsn.pin && !ca ? { pin: dsn.pin } : {}),
    ...(env.tlsServerName ? { serverName: env.tlsServerName } : {}),
  };
  const secure = isSecureScheme(dsn.scheme);
  const proxy = proxyFor({ host: dsn.host, port: dsn.port, secure }, env);
  return {
    key: env.key,
    name: dsn.name,
    dial: {
      ...{ host: dsn.host, port: dsn.port, tls: secure ? tls : undefined },
      ...(dsn.scheme.startsWith('grpc') ? {} : { websocket: { path: WEBSOCKET_PATH } }),
      ...(proxy ? { proxy } : {}),
    },
    log: { level: env.logLevel ?? 'info', encoding: env.logEncoding === 'json' ? 'json' : 'human' },
  };
}

function parseKey(key: string): ReturnType<typeof parseDsn> {
  try {
    return parseDsn(key);
  } catch (error) {
    throw new Misconfigured('agent_config', `HOOP_KEY cannot be used: ${error instanceof DsnError ? error.message : 'it is not a key'}`);
  }
}

/** PEM as it is, `base64://…`, `file://…`, or bare base64. */
function readPem(text: string): string {
  if (text.includes('-----BEGIN')) return text;
  if (text.startsWith('file://')) {
    try {
      return fs.readFileSync(text.slice('file://'.length), 'utf8');
    } catch (cause) {
      throw new Misconfigured('agent_config', `HOOP_TLSCA names a file that cannot be read: ${text}`, { cause });
    }
  }
  const decoded = Buffer.from(text.replace(/^base64:\/\//, ''), 'base64').toString('utf8');
  if (!decoded.includes('-----BEGIN')) throw new Misconfigured('agent_config', 'HOOP_TLSCA is no PEM, no base64:// and no file://');
  return decoded;
}
