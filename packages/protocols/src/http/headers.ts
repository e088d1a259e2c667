import type { HeaderList } from './message.ts';

/** Headers of one connection and not of the request (RFC 9110, section 7.6.1), and those that frame a message: each side writes its own. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // Ours to keep: the client is told to go on as soon as it asks.
  'expect',
  'http2-settings',
]);

/**
 * What only a proxy may say of a client, and whom it acts for: nobody upstream may believe the client's own.
 * (A cluster lets the token that is injected here be anybody.)
 */
const SAID_BY_PROXIES =
  /^(x-forwarded-.*|forwarded|x-original-(url|uri|host|method)|x-rewrite-url|x-real-ip|x-hoop-(?!upstream-authorization$).*|via|impersonate-.*|x-remote-.*)$/;

/** Where a client says that the target should take the request for one with another method: one of the two would not be judged. */
const OTHER_METHOD = /^x-(http-)?method(-override)?$/;

export function namesOtherMethod(headers: HeaderList): boolean {
  return headers.some(([name]) => OTHER_METHOD.test(name));
}

/** An `Authorization` that the client means for the target, where the connection allows it. */
export const UPSTREAM_AUTHORIZATION = 'x-hoop-upstream-authorization';

/** Node's list of names and values in turn, as pairs with names in lower case. */
export function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '']);
  return pairs;
}

/** The value of a header that there must be one of; undefined where there is none, or more than one. */
export function only(headers: HeaderList, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

/** Without what belongs to one connection, and without what the message named as such in `Connection`. */
export function endToEnd(headers: HeaderList): [string, string][] {
  const named = new Set(
    headers
      .filter(([name]) => name === 'connection')
      .flatMap(([, value]) => value.toLowerCase().split(','))
      .map((name) => name.trim()),
  );
  return headers
    .filter(([name]) => !name.startsWith(':') && !HOP_BY_HOP.has(name) && !named.has(name))
    .map(([name, value]) => [name, value]);
}

/** What of a client's headers the target gets. */
export function fromClient(headers: HeaderList): [string, string][] {
  return endToEnd(headers).filter(([name]) => name !== 'host' && !SAID_BY_PROXIES.test(name));
}

/** As Node's writers take them: one value, or a list where a name came more than once. */
export function toRecord(headers: HeaderList): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of headers) {
    const before = record[name];
    if (before === undefined) record[name] = value;
    else record[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return record;
}

/** A cookie's value in a request's `Cookie` headers. */
export function cookieOf(headers: HeaderList, name: string): string | undefined {
  for (const pair of cookiePairs(headers)) if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1);
  return undefined;
}

/** The same headers without one cookie. */
export function withoutCookie(headers: HeaderList, name: string): [string, string][] {
  const rest = headers.filter(([header]) => header !== 'cookie').map(([header, value]): [string, string] => [header, value]);
  const cookies = cookiePairs(headers).filter((pair) => !pair.startsWith(`${name}=`));
  return cookies.length > 0 ? [...rest, ['cookie', cookies.join('; ')]] : rest;
}

function cookiePairs(headers: HeaderList): string[] {
  return headers
    .filter(([header]) => header === 'cookie')
    .flatMap(([, value]) => value.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
}
