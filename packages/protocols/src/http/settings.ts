import { z } from 'zod';

/** The secrets of an http connection, as the adapter works with them. */
export interface HttpSettings {
  readonly url: URL;
  /** Do not check the target's certificate. */
  readonly insecure: boolean;
  /** PEM of the authority of the target's certificate. */
  readonly ca: string;
  /** Headers that every request gets, whatever the client says of them; names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  /** The client's `X-Hoop-Upstream-Authorization` becomes the `Authorization` of its request. */
  readonly clientAuthorization: boolean;
  /** Addresses such as a cloud's metadata service may be the target. */
  readonly linkLocal: boolean;
}

const KNOWN = new Set(['REMOTE_URL', 'INSECURE', 'CA', 'ALLOW_CLIENT_AUTHORIZATION', 'ALLOW_LINK_LOCAL']);
const KUBERNETES = new Set(['KUBERNETES_CLUSTER_URL', 'KUBERNETES_BEARER_TOKEN', 'KUBERNETES_INSECURE_SKIP_VERIFY', 'KUBERNETES_CA']);
const EKS: Readonly<Record<string, RegExp>> = {
  EKS_CLUSTER: /^[0-9A-Za-z][\w-]{0,99}$/,
  EKS_AWS_REGION: /^[a-z]{2}(?:-[a-z]+)+-\d$/,
  EKS_ROLE_ARN: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
  EKS_ROLE_SESSION: /^[\w+=,.@-]{2,64}$/,
};
const HEADER = 'HEADER_';

/** What a target's own parser would take for the end of a header, or for another. */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * `REMOTE_URL`, `INSECURE`, `CA`, `HEADER_<NAME>` (an underscore becomes a dash), `ALLOW_CLIENT_AUTHORIZATION`, `ALLOW_LINK_LOCAL`;
 * for a cluster `KUBERNETES_CLUSTER_URL`, `KUBERNETES_BEARER_TOKEN`, `KUBERNETES_INSECURE_SKIP_VERIFY`, `KUBERNETES_CA`; for one of EKS
 * `EKS_CLUSTER`, `EKS_AWS_REGION`, `EKS_ROLE_ARN`, `EKS_ROLE_SESSION`, of which the agent makes the token.
 */
export const HttpSettings: z.ZodType<HttpSettings> = z.record(z.string(), z.string()).transform((given, context): HttpSettings => {
  const wrong = (name: string, message: string): void => context.addIssue({ code: 'custom', path: [name], message });
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name) && !KUBERNETES.has(name) && EKS[name] === undefined && !name.startsWith(HEADER))
      wrong(name, `${name} is no setting of an http connection`);
  }
  const urlName = given.REMOTE_URL === undefined && given.KUBERNETES_CLUSTER_URL !== undefined ? 'KUBERNETES_CLUSTER_URL' : 'REMOTE_URL';
  const url = urlOf(given[urlName] ?? '');
  if (!url) wrong(urlName, `${urlName} is required: the address of the service, such as https://api.internal:8443/base`);
  checkEks(given, url, wrong);
  const headers = headersOf(given, wrong);
  return {
    url: url ?? new URL('http://unset.invalid'),
    insecure: isOn(given.INSECURE) || isOn(given.KUBERNETES_INSECURE_SKIP_VERIFY),
    ca: given.CA ?? given.KUBERNETES_CA ?? '',
    headers,
    clientAuthorization: isOn(given.ALLOW_CLIENT_AUTHORIZATION),
    linkLocal: isOn(given.ALLOW_LINK_LOCAL),
  };
});

function urlOf(text: string): URL | undefined {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hash !== '' || url.search !== '') return undefined;
  return url;
}

function checkEks(given: Readonly<Record<string, string>>, url: URL | undefined, wrong: (name: string, message: string) => void): void {
  for (const [name, form] of Object.entries(EKS)) {
    const value = given[name];
    if (value === undefined) continue;
    if (!form.test(value)) wrong(name, `${name} is not what AWS calls one`);
    if (given.EKS_CLUSTER === undefined) wrong(name, `${name} says nothing without EKS_CLUSTER, the cluster's name`);
  }
  if (given.EKS_CLUSTER === undefined) return;
  if (given.KUBERNETES_BEARER_TOKEN !== undefined)
    wrong('KUBERNETES_BEARER_TOKEN', 'With EKS_CLUSTER the agent makes the token; leave KUBERNETES_BEARER_TOKEN out');
  if (url?.protocol === 'http:') wrong('EKS_CLUSTER', 'A token of EKS is not sent without TLS; give the address of the cluster with https');
}

function headersOf(given: Readonly<Record<string, string>>, wrong: (name: string, message: string) => void): [string, string][] {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith(HEADER)) continue;
    const header = name.slice(HEADER.length).toLowerCase().replaceAll('_', '-');
    if (!HEADER_NAME.test(header)) wrong(name, `${name} names no header`);
    else if (!HEADER_VALUE.test(value)) wrong(name, `${name} has a line break or a control character in it`);
    else headers.push([header, value]);
  }
  const token = given.KUBERNETES_BEARER_TOKEN;
  if (token !== undefined && HEADER_VALUE.test(token)) headers.push(['authorization', `Bearer ${token}`]);
  else if (token !== undefined) wrong('KUBERNETES_BEARER_TOKEN', 'KUBERNETES_BEARER_TOKEN has a line break in it');
  return headers;
}

function isOn(text: string | undefined): boolean {
  return ['1', 'true', 'yes', 'on'].includes((text ?? '').toLowerCase());
}
