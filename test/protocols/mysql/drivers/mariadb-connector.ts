import mariadb from 'mariadb';
import type { Client, ClientKind } from '../../column.ts';

/** The connector sends without waiting for what it sent before. */
export const mariadbConnector: ClientKind = {
  name: 'MariaDB’s connector for Node.js',
  skills: new Set(['last-words', 'notices the end']),
  async open({ host, port, user, secret }) {
    const ssl = { rejectUnauthorized: false };
    // Its own second is short where many tests run at a time.
    const connectTimeout = 30_000;
    const connection = await mariadb.createConnection({ host, port, user, password: secret, ssl, rowsAsArray: true, connectTimeout });
    const ended = Promise.withResolvers<string>();
    let words = '';
    connection.on('error', (error: Error) => {
      words ||= error.message;
      ended.resolve(words);
    });
    connection.on('end', () => ended.resolve(words));
    return {
      ended: ended.promise,
      ask: (text) =>
        connection.query(text).then(
          (rows: unknown) => ({ rows: Array.isArray(rows) ? rows.map((row) => String((row as unknown[])[0])) : [] }),
          (error: Error) => ({ rows: [], error: error.message }),
        ),
      leave: () => connection.end(),
    } satisfies Client;
  },
};
