import pg from 'pg';
import type { ClientFeatures, ClientPlace, Feature } from './feature.ts';

async function connected<T>(place: ClientPlace, use: (client: pg.Client) => Promise<T>, more: pg.ClientConfig = {}): Promise<T> {
  const { host, port, user, password, database, ca } = place;
  const client = new pg.Client({ host, port, user, password, database, ssl: { ca }, ...more });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const feature =
  (use: (client: pg.Client) => Promise<unknown>, more?: pg.ClientConfig): Feature =>
  (place) =>
    connected(place, use, more);

const failure = (error: pg.DatabaseError): unknown => [error.severity, error.code, error.message, error.detail, error.hint];

export const nodePostgresFeatures: ClientFeatures = {
  name: 'node-postgres',
  features: {
    'simple queries, with several results': feature(async (client) => {
      const results = (await client.query(
        'select 1 as a; insert into scratch values (1); select * from items order by id limit 3; delete from scratch',
      )) as unknown as pg.QueryResult[];
      return results.map(({ command, rowCount, rows, fields }) => [
        command,
        rowCount,
        rows,
        fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
      ]);
    }),
    'parameters of all kinds': feature(async (client) => {
      const sql =
        'select $1::int as i, $2::text as t, $3::bytea as b, $4::text[] as a, $5::jsonb as j, $6::timestamptz as d, $7::text as n';
      return (await client.query(sql, [42, "it's ünïcode \u0001", Buffer.from([0, 255, 10]), ['x', null], { a: [1] }, new Date(0), null]))
        .rows;
    }),
    'prepared statements, used again': feature(async (client) => {
      const rows = [];
      for (const id of [1, 2, 3])
        rows.push((await client.query({ name: 'one item', text: 'select name from items where id = $1', values: [id] })).rows);
      return rows;
    }),
    'errors, in and outside of transactions': feature(async (client) => {
      const seen: unknown[] = [];
      for (const sql of ['begin', 'select 1/0', 'select 1', 'rollback', 'select nothing', 'insert into items values (1)', "select 'fine'"])
        seen.push(await client.query(sql).then(({ command, rows }) => [command, rows], failure));
      return seen;
    }),
    notifications: feature(async (client) => {
      const heard: unknown[] = [];
      const told = new Promise((resolve) =>
        client.on('notification', ({ channel, payload }) => heard.push([channel, payload]) === 2 && resolve(undefined)),
      );
      await client.query('listen "Some News"');
      await client.query(`select pg_notify('Some News', 'first'); notify "Some News"`);
      await told;
      return heard;
    }),
    notices: feature(async (client) => {
      const heard: unknown[] = [];
      client.on('notice', ({ severity, message, code }) => heard.push([severity, code, message]));
      await client.query("do $$ begin raise notice 'one'; raise warning 'two'; end $$");
      return heard;
    }),
    'large objects by SQL, and cursors': feature(async (client) => {
      await client.query('begin');
      const [{ oid }] = (await client.query("select lo_from_bytea(0, decode(repeat('ab', 100000), 'hex')) as oid")).rows;
      const [{ size }] = (await client.query('select length(lo_get($1)) as size', [oid])).rows;
      await client.query('declare c cursor for select id from items order by id');
      const first = (await client.query('fetch 2 from c')).rows;
      const rest = (await client.query('fetch all from c')).rowCount;
      await client.query('rollback');
      return [size, first, rest];
    }),
    'many rows and large ones': feature(async (client) => {
      const { rows } = await client.query("select n, repeat('x', 1000) as x from generate_series(1, 5000) n");
      const [{ large }] = (await client.query("select repeat('y', 5000000) as large")).rows;
      return [rows.length, rows.at(-1), large.length];
    }),
    'no encryption': feature(async (client) => (await client.query('select 1')).rows, { ssl: false }),
  },
};
