import postgres from 'postgres';
import type { Answer, Client, ClientKind } from '../../column.ts';

export const postgresJs: ClientKind = {
  name: 'postgres.js',
  skills: new Set(['pipeline', 'cancel', 'notices the end']),
  async open({ host, port, user, secret }) {
    const ended = Promise.withResolvers<string>();
    const options = { host, port, username: user, password: secret, database: user, ssl: { rejectUnauthorized: false } };
    const sql = postgres({ ...options, max: 1, fetch_types: false, onnotice: () => undefined, onclose: () => ended.resolve('') });
    let running: { cancel(): void } | undefined;
    try {
      await sql.unsafe('select 1');
    } catch (error) {
      await sql.end();
      throw error;
    }
    const ask = async (text: string): Promise<Answer> => {
      // Not `simple`: prepared statements are what this driver pipelines.
      const query = sql.unsafe(text, [], { prepare: true, simple: false } as postgres.UnsafeQueryOptions);
      running = query;
      try {
        const result = await query.values();
        return { rows: result.map((row) => String(row[0])) };
      } catch (error) {
        return { rows: [], error: (error as Error).message };
      }
    };
    return {
      ended: ended.promise,
      ask,
      cancel: async () => running?.cancel(),
      leave: () => sql.end({ timeout: 5 }),
    } satisfies Client;
  },
};
