import mysql2 from 'mysql2';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

type Way = 'query' | 'execute';

function open(place: Place): Promise<mysql2.Connection> {
  const { host, port, user, secret } = place;
  const connection = mysql2.createConnection({
    host,
    port,
    user,
    password: secret,
    ssl: { rejectUnauthorized: false },
    rowsAsArray: true,
  });
  return new Promise((resolve, reject) => {
    connection.once('error', reject);
    connection.connect((error) => {
      connection.removeListener('error', reject);
      if (error) reject(error);
      else resolve(connection);
    });
  });
}

/** What the driver's types do not show: its socket, which under TLS ends without telling the driver. */
function streamOf(connection: mysql2.Connection): NodeJS.EventEmitter {
  return (connection as unknown as { readonly stream: NodeJS.EventEmitter }).stream;
}

function ask(connection: mysql2.Connection, way: Way, text: string): Promise<Answer> {
  return new Promise((resolve) => {
    connection[way](text, (error: Error | null, rows: unknown) => {
      if (error) resolve({ rows: [], error: error.message });
      else resolve({ rows: Array.isArray(rows) ? rows.map((row) => String((row as unknown[])[0])) : [] });
    });
  });
}

function kind(name: string, way: Way): ClientKind {
  return {
    name,
    skills: new Set(['cancel', 'last-words', 'notices the end']),
    async open(place) {
      const connection = await open(place);
      const ended = Promise.withResolvers<string>();
      let words = '';
      connection.on('error', (error: Error) => {
        words ||= error.message;
      });
      streamOf(connection).once('close', () => ended.resolve(words));
      return {
        ended: ended.promise,
        ask: (text) => ask(connection, way, text),
        cancel: async () => {
          const other = await open(place);
          await ask(other, 'query', `KILL QUERY ${connection.threadId}`);
          await new Promise((resolve) => other.end(resolve));
        },
        leave: async () => {
          await new Promise((resolve) => connection.end(resolve));
        },
      } satisfies Client;
    },
  };
}

export const mysql2Text = kind('mysql2', 'query');
export const mysql2Prepared = kind('mysql2, prepared statements', 'execute');
