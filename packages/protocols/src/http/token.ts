import { cookieOf, only, withoutCookie } from './headers.ts';
import type { HeaderList } from './message.ts';

/** The cookie of browsers that came in by `/<token>/`. */
export const TOKEN_COOKIE = 'hoop_proxy_token';

/** What credentials for http begin with: only a first path segment that looks like one is taken for one. */
const IN_PATH = /^\/(httpproxy-[A-Za-z0-9_-]{20,})(\/[^?]*)?(\?.*)?$/;

export interface Presented {
  readonly token: string;
  /** The request without it. */
  readonly headers: [string, string][];
  /** Where a browser that showed it in its path is sent to, now with a cookie. */
  readonly redirect?: string;
  readonly byCookie: boolean;
}

/**
 * Finds the credential's secret in a request: first segment of the path, cookie, `Authorization` with or without `Bearer`, `X-Api-Key`.
 * Undefined where there is none.
 */
export function presentedToken(path: string, headers: HeaderList): Presented | undefined {
  const match = IN_PATH.exec(path);
  if (match?.[1]) {
    // Two slashes would lead the browser to another host.
    const rest = (match[2] ?? '/').replace(/^\/+/, '/');
    return { token: match[1], headers: [...headers] as [string, string][], redirect: `${rest}${match[3] ?? ''}`, byCookie: false };
  }
  const cookie = cookieOf(headers, TOKEN_COOKIE);
  if (cookie) return { token: cookie, headers: withoutCookie(headers, TOKEN_COOKIE), byCookie: true };
  const authorization = only(headers, 'authorization');
  if (authorization)
    return { token: authorization.replace(/^Bearer\s+/i, ''), headers: without(headers, 'authorization'), byCookie: false };
  const key = only(headers, 'x-api-key');
  return key ? { token: key, headers: without(headers, 'x-api-key'), byCookie: false } : undefined;
}

function without(headers: HeaderList, name: string): [string, string][] {
  return headers.filter(([each]) => each !== name).map(([each, value]) => [each, value]);
}

/**
 * Whether a page of somebody else's made the browser send this: a cookie goes along with what any page asks for.
 * Browsers say `Sec-Fetch-Site`; older ones at least an `Origin` with a WebSocket or a form.
 */
export function isCrossSite(headers: HeaderList, method: string, upgrade: boolean): boolean {
  const site = only(headers, 'sec-fetch-site');
  const navigation = method === 'GET' && !upgrade && only(headers, 'sec-fetch-mode') === 'navigate';
  if (site !== undefined) return site === 'cross-site' && !navigation;
  const origin = only(headers, 'origin');
  const host = only(headers, 'host') ?? only(headers, ':authority');
  return origin !== undefined && host !== undefined && !origin.endsWith(`://${host}`) && (upgrade || method !== 'GET');
}
