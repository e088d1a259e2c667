import type { ClientKind } from '../../protocols/column.ts';
import { postgresColumn } from '../../protocols/postgres/column.ts';
import { PythonClients } from '../../protocols/postgres/drivers/python.ts';
import { simpleWire } from '../../protocols/postgres/drivers/wire.ts';
import {
  bind,
  cellsOf,
  describe,
  execute,
  extended,
  parse,
  query,
  type Reply,
  sync,
  terminate,
  WireClient,
  wordsOf,
} from '../../protocols/postgres/wire-client.ts';
import { SQL_CASES } from './cases.ts';
import { connected, type EntryColumn, hoopExec, natively, restExec } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

/** A client that says a text with messages of its own; resolves when the server is ready again. */
function wired(name: string, encode: (text: string, at: number) => Buffer, sends?: ClientKind['sends']): ClientKind {
  return {
    name,
    skills: new Set(),
    ...(sends ? { sends } : {}),
    async open(place) {
      const wire = await WireClient.connect(place);
      await wire.login({ user: place.user, password: place.secret });
      let asked = 0;
      return {
        async ask(text) {
          wire.send(encode(text, ++asked));
          const replies = await wire.until('Z');
          const error = replies.find(({ type }) => type === 'E');
          const rows = replies.flatMap((reply) =>
            reply.type === 'D' ? [cellsOf(reply)[0] ?? ''] : reply.type === 'd' ? [copied(reply)] : [],
          );
          return error ? { rows, error: wordsOf(error) } : { rows };
        },
        ended: new Promise(() => undefined),
        async leave() {
          wire.send(terminate);
          await wire.rest();
          wire.destroy();
        },
      };
    },
  };
}

const copied = ({ body }: Reply): string => body.toString();

const isRead = (text: string): boolean => text.startsWith('select');

const unnamed = wired('the extended protocol', (text) => Buffer.concat([extended(text), sync]));
const prepared = wired('a prepared statement', (text, at) =>
  Buffer.concat([parse(`s${at}`, text), describe('S', `s${at}`), bind('', `s${at}`), execute(), sync]),
);
const portal = wired('a portal that is read in pieces', (text, at) =>
  Buffer.concat([parse('', text), bind(`p${at}`), execute(`p${at}`, 1), execute(`p${at}`), sync]),
);

/** What wraps a text in one of its own; of those that change something there is no such. */
function wrapped(name: string, wrap: (text: string) => string) {
  const sends = (text: string): string | undefined => (isRead(text) ? wrap(text) : undefined);
  return { ...natively(wired(name, (text) => query(wrap(text)))), sends };
}

const column = postgresColumn(new PythonClients());

const entries: EntryColumn = {
  protocol: 'postgres',
  kind: column.kind,
  texts: column.texts,
  cases: SQL_CASES,
  entries: [
    ...column.clients.map(natively),
    ...[simpleWire, unnamed, prepared].map(connected),
    natively(prepared),
    natively(portal),
    wrapped('COPY', (text) => `copy (${text}) to stdout`),
    wrapped('a cursor', (text) => `begin; declare c cursor for ${text}; fetch all from c; rollback`),
    restExec,
    hoopExec,
  ],
  async startTarget() {
    const target = await column.startTarget();
    return { settings: (await target.place()).settings, close: () => target.close() };
  },
};

proveEntryPoints(entries);
