import { ApiError, type Client, createClient } from '@hoop/contract/client';
import { VERSION } from '@hoop/core/version';
import { type Config, isExposed, loadStored, resolveConfig } from './config.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { fetchWith } from './http.ts';
import { note } from './output/terminal.ts';

/** The gateway that the configuration names, as a logged-in user. */
export interface Gateway {
  readonly config: Config;
  readonly client: Client;
}

/**
 * Opens the gateway for a command that needs a login.
 * @throws Failure `not_logged_in` (exit code 77) when there is no token for it.
 */
export function openGateway(context: Context): Gateway {
  const { env, terminal } = context;
  const config = resolveConfig(env, loadStored(env.home));
  if (config.token === undefined) {
    throw new Failure('not_logged_in', `You are not logged in to ${config.apiUrl}. Run \`hoop login\`, or set HOOP_TOKEN`, {
      exitCode: EXIT.unauthenticated,
    });
  }
  if (config.tokenIsStored && isExposed(env.home)) {
    note(
      terminal,
      `${terminal.errStyle.yellow('Warning:')} others can read ${env.home}/config.toml, which holds your token. Run \`chmod 600\` on it`,
    );
  }
  return { config, client: clientOf(config, config.token.reveal()) };
}

/** A client without a login, for the routes that need none. */
export function anonymousClient(config: Config): Client {
  return clientOf(config, undefined);
}

function clientOf(config: Config, token: string | undefined): Client {
  return createClient({
    baseUrl: config.apiUrl,
    fetch: fetchWith({ ca: config.tlsCa, skipVerify: config.skipTlsVerify }),
    userAgent: `hoop-cli/${VERSION}`,
    ...(token === undefined ? {} : { token }),
  });
}

const CERTIFICATE_CODES = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

/** What the API said, as a reason to end the command, with what to do next. */
export function failureOf(error: ApiError): Failure {
  const cause = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined;
  if (CERTIFICATE_CODES.test(cause?.code ?? '')) {
    const fix = 'Give its authority with `hoop login --tls-ca FILE` or in HOOP_TLSCA';
    return new Failure('gateway_certificate', `The gateway's certificate is not trusted (${cause?.message}). ${fix}`, { cause: error });
  }
  if (error.status === 0 && (error.code === 'unreachable' || error.code === 'timeout')) {
    const fix = 'Check that it runs and that the address is right (`hoop config view`)';
    return new Failure('gateway_unreachable', `${error.message}. ${fix}`, { exitCode: EXIT.unavailable, cause: error });
  }
  if (error.status === 401) {
    return new Failure('unauthenticated', `${error.message}. Run \`hoop login\``, { exitCode: EXIT.unauthenticated, cause: error });
  }
  const where = error.field === undefined ? '' : ` (${error.field})`;
  return new Failure(error.code, `${error.message}${where}`, { exitCode: exitCodeOfStatus(error), cause: error });
}

function exitCodeOfStatus(error: ApiError): number {
  if (error.status === 403) return EXIT.refused;
  if (error.status === 503 || error.code === 'agent_offline') return EXIT.unavailable;
  return EXIT.failed;
}

/** True where the API says that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
