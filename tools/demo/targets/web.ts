import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Customer, customers, orders } from '../people.ts';
import type { Running, Target } from './target.ts';

export const WEB = 'demo-http';

const CONNECTIONS_MAX = 200;
const LIMIT_MAX = 1_000;
const EVENT_MS = 1_000;

/** A small web service with the demo's customers: JSON, and a stream of events. It runs in this process and ends with it. */
export async function startWeb(port: number): Promise<Target> {
  const server = createServer(new Shop().answer);
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const wish = {
    name: WEB,
    type: 'application',
    subtype: 'httpproxy',
    settings: { REMOTE_URL: `http://127.0.0.1:${port}` },
  } as const;
  return { wish, what: 'a web service', running: runningOf(server) };
}

function runningOf(server: Server): Running {
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { stop: async () => close(), hurry: close, ended: () => new Promise(() => undefined), again: async () => undefined };
}

/** What the service knows, and how it answers. What is deleted here is back after the next start. */
class Shop {
  readonly #customers = new Map<number, Customer>(customers().map((customer) => [customer.id, customer]));

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://demo');
    const [, place, id] = /^\/(customers|events)?(?:\/(\d{1,9}))?$/.exec(url.pathname) ?? [];
    const customer = id === undefined ? undefined : this.#customers.get(Number(id));
    if (place === 'events' && id === undefined) this.#tellEvents(response).catch(() => response.destroy());
    else if (place === 'customers' && id === undefined) this.#tellCustomers(url, response);
    else if (customer && request.method === 'DELETE') json(response, 200, { deleted: this.#customers.delete(customer.id) });
    else if (customer) json(response, 200, customer);
    else json(response, url.pathname === '/' ? 200 : 404, { places: ['/customers?limit=5', '/customers/1', '/events'] });
  };

  #tellCustomers(url: URL, response: ServerResponse): void {
    const limit = Math.min(Number(url.searchParams.get('limit')) || 5, LIMIT_MAX);
    const found = [...this.#customers.values()].slice(0, limit).map(({ id, name, email, city }) => ({ id, name, email, city }));
    json(response, 200, found);
  }

  /** Orders as they come in, one a second, for as long as somebody listens. */
  async #tellEvents(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (const { id, customer_id, product, total } of orders()) {
      const email = this.#customers.get(customer_id)?.email;
      response.write(`event: order\nid: ${id}\ndata: ${JSON.stringify({ product, total, email })}\n\n`);
      await pause(EVENT_MS, undefined, { ref: false });
      if (response.writableNeedDrain) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      if (response.destroyed) return;
    }
    response.end();
  }
}

/** A row a line, so that it can be read without another program. */
function json(response: ServerResponse, status: number, value: object): void {
  const text = Array.isArray(value) ? `[\n${value.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]` : JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${text}\n`);
}
