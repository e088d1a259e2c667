import { maskableEntities, UNCHECKED, UNREAD } from '@hoop/policy/masks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineMetrics } from './engine.ts';

/** What is measured at the moment of a scrape. */
export interface Gauges {
  sessions(): number;
  agents(): number;
  isReady(): boolean;
}

/** Codes are short words of ours; anything else would let a peer make labels without end. */
const LABEL = /^[a-z][a-z0-9_-]{0,40}$/;

/**
 * The process in figures, for Prometheus. Labels are names of protocols, routes and codes:
 * never a user, a connection or anything that came in from outside.
 */
export class GatewayMetrics implements EngineMetrics {
  readonly #registry = new Registry();
  readonly #opened: Counter<'protocol'>;
  readonly #closed: Counter<'protocol' | 'reason'>;
  readonly #lasted: Histogram<'protocol'>;
  readonly #actions: Counter<'protocol' | 'verdict'>;
  readonly #bytes: Counter<'protocol' | 'direction'>;
  readonly #masked: Counter<'protocol' | 'entity'>;
  readonly #unchecked: Counter<'protocol'>;
  readonly #http: Histogram<'method' | 'route' | 'status'>;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: 'hoop_' });
    this.#opened = new Counter({ registers, name: 'hoop_sessions_opened_total', help: 'Sessions begun', labelNames: ['protocol'] });
    this.#closed = new Counter({
      registers,
      name: 'hoop_sessions_closed_total',
      help: 'Sessions ended, by why',
      labelNames: ['protocol', 'reason'],
    });
    this.#lasted = new Histogram({
      registers,
      name: 'hoop_session_duration_seconds',
      help: 'How long sessions last',
      labelNames: ['protocol'],
      buckets: [0.01, 0.1, 1, 10, 60, 600, 3_600, 36_000],
    });
    this.#actions = new Counter({ registers, name: 'hoop_actions_total', help: 'Judged actions', labelNames: ['protocol', 'verdict'] });
    this.#bytes = new Counter({
      registers,
      name: 'hoop_session_bytes_total',
      help: 'Bytes of ended sessions',
      labelNames: ['protocol', 'direction'],
    });
    this.#masked = new Counter({
      registers,
      name: 'hoop_masked_values_total',
      help: 'Values that were hidden from clients, by entity; UNREAD where a detector failed and all of it was hidden',
      labelNames: ['protocol', 'entity'],
    });
    this.#unchecked = new Counter({
      registers,
      name: 'hoop_unchecked_values_total',
      help: 'Values that a detector failed on and that were shown all the same, in best-effort mode',
      labelNames: ['protocol'],
    });
    this.#http = new Histogram({
      registers,
      name: 'hoop_http_request_duration_seconds',
      help: 'Requests to the API',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    });
  }

  /** Adds what is asked at scrape time. Called once. */
  watch(gauges: Gauges): void {
    const registers = [this.#registry];
    gauge({ registers, name: 'hoop_sessions_open', help: 'Sessions that are open now' }, gauges.sessions);
    gauge({ registers, name: 'hoop_agents_online', help: 'Agents that are linked now' }, gauges.agents);
    gauge({ registers, name: 'hoop_ready', help: '1 while new work is welcome' }, () => (gauges.isReady() ? 1 : 0));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  sessionOpened(protocol: string): void {
    this.#opened.inc({ protocol: label(protocol) });
  }

  sessionClosed(protocol: string, reason: string, duration_s: number): void {
    this.#closed.inc({ protocol: label(protocol), reason: label(reason) });
    this.#lasted.observe({ protocol: label(protocol) }, duration_s);
  }

  action(protocol: string, verdict: 'allow' | 'deny' | 'hold'): void {
    this.#actions.inc({ protocol: label(protocol), verdict });
  }

  bytes(protocol: string, direction: 'in' | 'out', count: number): void {
    this.#bytes.inc({ protocol: label(protocol), direction }, count);
  }

  masked(protocol: string, counts: Readonly<Record<string, number>>): void {
    for (const [entity, count] of Object.entries(counts)) {
      if (!(count > 0)) continue;
      if (entity === UNCHECKED) this.#unchecked.inc({ protocol: label(protocol) }, count);
      else this.#masked.inc({ protocol: label(protocol), entity: entityLabel(entity) }, count);
    }
  }

  httpRequest(method: string, route: string, status: number, duration_s: number): void {
    this.#http.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, duration_s);
  }
}

/** What the product finds, and what models usually know, by name; an administrator's own entities are one. */
const ENTITY_LABELS: ReadonlySet<string> = new Set([...maskableEntities(), UNREAD, 'ORGANIZATION', 'AGE', 'ID', 'COLUMN']);

function entityLabel(entity: string): string {
  return ENTITY_LABELS.has(entity) ? entity : 'CUSTOM';
}

function label(word: string): string {
  return LABEL.test(word) ? word : 'other';
}

function gauge(configuration: { registers: Registry[]; name: string; help: string }, read: () => number): void {
  new Gauge({
    ...configuration,
    collect() {
      this.set(read());
    },
  });
}
