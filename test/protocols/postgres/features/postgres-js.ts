import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import type { ClientFeatures, ClientPlace, Feature } from './feature.ts';

const feature =
  (use: (sql: postgres.Sql) => Promise<unknown>, more: postgres.Options<Record<string, never>> = {}): Feature =>
  async ({ host, port, user, password, database, ca }: ClientPlace) => {
    const sql = postgres({ host, port, username: user, password, database, ssl: { ca }, max: 1, onnotice: () => undefined, ...more });
    try {
      return await use(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
  };

const failure = ({ code, message }: postgres.PostgresError): unknown => [code, message];

export const postgresJsFeatures: ClientFeatures = {
  name: 'postgres.js',
  features: {
    'simple queries, with several results': feature(async (sql) =>
      JSON.stringify(await sql`select 1 as a; select 2 as b, 'x' as c`.simple()),
    ),
    'parameters, prepared once and used again': feature(async (sql) => {
      const seen = [];
      for (const id of [1, 2, 3]) seen.push(...(await sql`select name, tags, data, raw, made from items where id = ${id}`));
      return seen;
    }),
    'pipelines, with an error in them': feature(async (sql) => {
      const asked = Array.from({ length: 50 }, (_, at) => (at === 25 ? sql`select 1 / (${at}::int - 25)` : sql`select ${at}::int as at`));
      return Promise.all(asked.map((query) => query.then((rows) => [...rows], failure)));
    }),
    'COPY in and out': feature(async (sql) => {
      await sql`create temp table copied (id int, word text)`;
      await pipeline(Readable.from(['1\tone\n2\tt', 'wo\n3\t\\N\n']), await sql`copy copied from stdin`.writable());
      return [
        await text(await sql`copy copied to stdout`.readable()),
        await text(await sql`copy (select * from items order by id) to stdout (format csv)`.readable()),
      ];
    }),
    'transactions, with savepoints and an error': feature(async (sql) =>
      sql.begin(async (tx) => {
        await tx`insert into scratch values (1, 'kept')`;
        const failed = await tx.savepoint((inner) => inner`select 1/0`).catch(failure);
        const rows = await tx`select * from scratch`;
        await tx`delete from scratch`;
        return [failed, [...rows]];
      }),
    ),
    cursors: feature(async (sql) => {
      const portions: number[] = [];
      await sql`select id from items order by id`.cursor(110, (rows) => void portions.push(rows.length));
      return portions;
    }),
    notifications: feature(async (sql) => {
      const heard = Promise.withResolvers<string>();
      const { unlisten } = await sql.listen('news', (payload) => heard.resolve(payload));
      await sql.notify('news', 'a payload');
      const payload = await heard.promise;
      await unlisten();
      return payload;
    }),
    'large objects': feature(async (sql) => {
      const object = await sql.largeObject();
      await object.write(Buffer.alloc(100_000, 'large '));
      await object.seek(6);
      const read = await object.read(12);
      const size = await object.size();
      await object.close();
      return JSON.stringify([read, size]);
    }),
    'a cancelled statement': feature(async (sql) => {
      const query = sql`select pg_sleep(600)`;
      const failed = query.execute().catch(failure);
      await new Promise((resolve) => setTimeout(resolve, 200));
      query.cancel();
      return [await failed, [...(await sql`select 1 as after`)]];
    }),
    'no encryption': feature(async (sql) => [...(await sql`select 1`)], { ssl: false }),
  },
};
