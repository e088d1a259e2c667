/** A kind of object that the cluster keeps. */
export interface Kind {
  readonly plural: string;
  readonly kind: string;
  readonly short: readonly string[];
  readonly namespaced: boolean;
}

export const KINDS: readonly Kind[] = [
  { plural: 'namespaces', kind: 'Namespace', short: ['ns'], namespaced: false },
  { plural: 'pods', kind: 'Pod', short: ['po'], namespaced: true },
  { plural: 'configmaps', kind: 'ConfigMap', short: ['cm'], namespaced: true },
  { plural: 'secrets', kind: 'Secret', short: [], namespaced: true },
  { plural: 'events', kind: 'Event', short: ['ev'], namespaced: true },
];

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export interface Described {
  readonly type: string;
  readonly body: unknown;
}

/** What `/version`, `/api`, `/apis` and `/api/v1` answer; all at once for clients that know how to ask so. */
export function discover(path: string, accept: string): Described | undefined {
  if (path === '/version') return json({ major: '1', minor: '32', gitVersion: 'v1.32.0', platform: 'linux/amd64' });
  const all = accept.includes('as=APIGroupDiscoveryList') && accept.includes('v=v2;');
  if (path === '/api' && all) return { type: AGGREGATED, body: list([{ metadata: { name: '' }, versions: [aggregated()] }]) };
  if (path === '/apis' && all) return { type: AGGREGATED, body: list([]) };
  if (path === '/api') return json({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });
  if (path === '/apis') return json({ kind: 'APIGroupList', apiVersion: 'v1', groups: [] });
  if (path === '/api/v1') return json({ kind: 'APIResourceList', groupVersion: 'v1', resources: KINDS.map(plain) });
  // A client that checks what it sends against a schema finds none, and leaves it to the server.
  if (path === '/openapi/v2') return { type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', body: '' };
  return undefined;
}

function json(body: unknown): Described {
  return { type: 'application/json', body };
}

function list(items: readonly unknown[]): unknown {
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregated(): unknown {
  const resources = KINDS.map(({ plural, kind, short, namespaced }) => ({
    resource: plural,
    responseKind: { group: '', version: 'v1', kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.toLowerCase(),
    verbs: VERBS,
    shortNames: short,
  }));
  return { version: 'v1', freshness: 'Current', resources };
}

function plain({ plural, kind, short, namespaced }: Kind): unknown {
  return { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs: VERBS, shortNames: short };
}
