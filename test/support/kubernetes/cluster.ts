import { randomUUID } from 'node:crypto';
import { KINDS, type Kind } from './discovery.ts';

/** An object as the API has it. */
export interface Thing {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly plural: string;
  readonly thing: Thing;
}

/** What a path below `/api/v1` is about. */
export interface Place {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Such as `log` or `exec`. */
  readonly part: string | undefined;
}

/** `/api/v1/namespaces/default/pods/web/log` and the like; undefined for what is no such path. */
export function placeOf(path: string): Place | undefined {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  if (parts[0] !== 'api' || parts[1] !== 'v1') return undefined;
  const inside = parts[2] === 'namespaces' && parts.length > 4;
  const [plural, name, part] = inside ? parts.slice(4) : parts.slice(2);
  const kind = KINDS.find((each) => each.plural === plural);
  return kind && { kind, namespace: inside ? parts[3] : undefined, name, part };
}

/** The objects of a cluster, and whoever watches them. */
export class Cluster {
  readonly #things = new Map<string, Thing>();
  readonly #changes: { version: number; change: Change }[] = [];
  readonly #watchers = new Set<(change: Change) => void>();
  #version = 1;

  get version(): string {
    return String(this.#version);
  }

  list({ kind, namespace }: Place, fields = ''): Thing[] {
    const name = /metadata\.name=([^,]+)/.exec(fields)?.[1];
    return [...this.#things.entries()]
      .filter(([key]) => key.startsWith(`${kind.plural}/`))
      .map(([, thing]) => thing)
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
      .filter(({ metadata }) => name === undefined || metadata.name === name);
  }

  find({ kind, namespace, name }: Place): Thing | undefined {
    return this.#things.get(keyOf(kind.plural, namespace, name));
  }

  /** Makes an object, or puts another state of it in its place. */
  put({ kind, namespace }: Place, fields: object): Thing {
    const given = (fields as { metadata?: { name?: string } }).metadata ?? {};
    const name = given.name ?? `unnamed-${randomUUID()}`;
    const key = keyOf(kind.plural, namespace, name);
    const before = this.#things.get(key);
    const own = { uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+/, ''), ...before?.metadata };
    const metadata = { ...own, ...given, name, ...(namespace ? { namespace } : {}), resourceVersion: String(++this.#version) };
    const thing = { ...fields, kind: kind.kind, apiVersion: 'v1', metadata };
    this.#things.set(key, thing);
    this.#tell({ type: before ? 'MODIFIED' : 'ADDED', plural: kind.plural, thing });
    return thing;
  }

  remove(place: Place): Thing | undefined {
    const thing = this.find(place);
    if (!thing) return undefined;
    this.#things.delete(keyOf(place.kind.plural, place.namespace, place.name));
    this.#version++;
    this.#tell({ type: 'DELETED', plural: place.kind.plural, thing });
    return thing;
  }

  /** Every change since a version, and from now on. Returns how to stop. */
  watch({ kind, namespace }: Place, since: number, onChange: (change: Change) => void): () => void {
    const tell = (change: Change): void => {
      if (change.plural === kind.plural && (namespace === undefined || change.thing.metadata.namespace === namespace)) onChange(change);
    };
    for (const { version, change } of this.#changes) if (version > since) tell(change);
    this.#watchers.add(tell);
    return () => void this.#watchers.delete(tell);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  #tell(change: Change): void {
    this.#changes.push({ version: this.#version, change });
    for (const watcher of this.#watchers) watcher(change);
  }
}

function keyOf(plural: string, namespace = '', name = ''): string {
  return `${plural}/${namespace}/${name}`;
}

/** A merge of a change into an object (RFC 7386); null takes away. Lists are replaced, which is what is patched here. */
export function merged(into: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const result: Record<string, unknown> = typeof into === 'object' && into !== null && !Array.isArray(into) ? { ...into } : {};
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete result[name];
    else if (!name.startsWith('$')) result[name] = merged(result[name], value);
  }
  return result;
}

/** Objects as the table that `kubectl get` shows. */
export function tableOf(kind: Kind, things: readonly Thing[], version: string): object {
  const name = { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 };
  const status = { name: 'Status', type: 'string', format: '', description: '', priority: 0 };
  const rows = things.map((thing) => {
    const { phase } = (thing.status ?? {}) as { phase?: string };
    const cells = kind.kind === 'Pod' ? [thing.metadata.name, phase ?? 'Pending'] : [thing.metadata.name];
    return { cells, object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: thing.metadata } };
  });
  const columnDefinitions = kind.kind === 'Pod' ? [name, status] : [name];
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: { resourceVersion: version }, columnDefinitions, rows };
}
