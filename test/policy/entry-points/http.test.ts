import type { ClientKind } from '../../protocols/column.ts';
import { httpColumn } from '../../protocols/http/column.ts';
import { type Channel, enter, said } from '../../protocols/http/drivers/driver.ts';
import { REQUEST_CASE } from './cases.ts';
import { connected, natively } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

/** What people use behind `hoop connect`: nothing but the port. */
const plainFetch: ClientKind = {
  name: 'fetch',
  skills: new Set(),
  open({ host, port }) {
    const closed = Promise.withResolvers<void>();
    const channel: Channel = {
      async send({ method, path, body }) {
        const headers = body === '' ? {} : { 'content-type': 'text/plain' };
        const answer = await fetch(`http://${host}:${port}${path}`, { method, headers, ...(body === '' ? {} : { body }) });
        return { status: answer.status, body: await answer.text() };
      },
      closed: closed.promise,
      stall: () => undefined,
      destroy: () => closed.resolve(),
    };
    return enter(channel);
  },
};

/** A request is judged as its line, and below it its body. */
const judged = <T extends { readonly name: string }>(entry: T) => ({
  ...entry,
  sends: (text: string): string => {
    const { method, path, body } = said(text);
    return body === '' ? `${method} ${path}` : `${method} ${path}\n\n${body}`;
  },
});

proveEntryPoints({
  protocol: 'http',
  kind: httpColumn.kind,
  texts: httpColumn.texts,
  cases: [REQUEST_CASE],
  entries: [...httpColumn.clients.map(natively), connected(plainFetch)].map(judged),
  async startTarget() {
    const target = await httpColumn.startTarget();
    return { settings: (await target.place()).settings, close: () => target.close() };
  },
});
