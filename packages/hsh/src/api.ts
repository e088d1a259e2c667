import { type ApiError, type Client, createClient } from '@hoop/contract/client';
import { VERSION } from '@hoop/core/version';
import { type Context, debug } from './context.ts';
import { EXIT, Failure } from './failure.ts';

const CALL_MS_MAX = 10_000;

/** A client of the gateway, with or without a login. */
export function clientOf(apiUrl: string, token?: string): Client {
  const userAgent = `hsh/${VERSION}`;
  return createClient({ baseUrl: apiUrl, timeout_ms: CALL_MS_MAX, userAgent, ...(token === undefined ? {} : { token }) });
}

/** What the API said, with what to do next. */
export function failureOf(context: Context, error: ApiError): Failure {
  debug(context, `api: call failed code=${error.code} status=${error.status}`);
  if (error.status === 401) return new Failure('logged_out', `${error.message}. Run \`hsh login\``, EXIT.loggedOut, { cause: error });
  if (error.status === 0)
    return new Failure(error.code, `${error.message}. Check the address with \`hsh config list\``, EXIT.failed, { cause: error });
  return new Failure(error.code, error.message, EXIT.failed, { cause: error });
}
