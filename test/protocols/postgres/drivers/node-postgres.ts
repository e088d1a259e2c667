import pg from 'pg';
import type { Answer, Client, ClientKind } from '../../column.ts';

export const nodePostgres: ClientKind = {
  name: 'node-postgres',
  skills: new Set(['cancel', 'last-words', 'notices the end']),
  async open({ host, port, user, secret }) {
    const config = { host, port, user, password: secret, database: user, ssl: { rejectUnauthorized: false } };
    const client = new pg.Client(config);
    const ended = Promise.withResolvers<string>();
    let words = '';
    client.on('error', (error) => {
      words ||= error.message;
    });
    client.on('end', () => ended.resolve(words));
    await client.connect();
    return {
      ended: ended.promise,
      ask: (text) => client.query({ text, rowMode: 'array' }).then(answerOf, (error: Error) => ({ rows: [], error: error.message })),
      cancel: () => cancel(client, config),
      leave: () => client.end(),
    } satisfies Client;
  },
};

function answerOf(result: pg.QueryArrayResult | pg.QueryArrayResult[]): Answer {
  const results = Array.isArray(result) ? result : [result];
  return { rows: results.flatMap(({ rows }) => rows.map((row) => String(row[0]))) };
}

/** The driver's own way, which its types do not show: another client that sends the key of the first. */
interface Canceller {
  cancel(client: pg.Client, query: unknown): void;
  readonly connection: { readonly stream: NodeJS.EventEmitter };
}

async function cancel(client: pg.Client, config: pg.ClientConfig): Promise<void> {
  const canceller = new pg.Client({ ...config, ssl: false }) as unknown as Canceller;
  const { activeQuery, _activeQuery } = client as unknown as { activeQuery?: unknown; _activeQuery?: unknown };
  const closed = new Promise((resolve) => canceller.connection.stream.once('close', resolve));
  canceller.cancel(client, activeQuery ?? _activeQuery);
  await closed;
}
