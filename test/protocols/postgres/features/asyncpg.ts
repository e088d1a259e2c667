import type { PythonClients } from '../drivers/python.ts';
import type { ClientFeatures, ClientPlace, Feature } from './feature.ts';

/** Each is the body of `async def main(c)`, where `c` is a connection. */
const BODIES: Readonly<Record<string, string>> = {
  'values of all kinds, in the binary format': `
rows = await c.fetch('select id, name, price, made, tags, data, raw from items where id < $1 order by id', 5)
return [[str(value) for value in row.values()] for row in rows]`,
  'prepared statements, used again, and their types': `
s = await c.prepare('select $1::int + $2::int')
return [[await s.fetchval(n, 1) for n in range(5)], str([p.name for p in s.get_parameters()]), str([a.type.name for a in s.get_attributes()])]`,
  'many sets of parameters at once': `
await c.execute('create temp table many (id int, word text)')
await c.executemany('insert into many values ($1, $2)', [(n, 'w' * (n % 50)) for n in range(2000)])
return [str(row) for row in await c.fetch('select count(*), sum(id), sum(length(word)) from many')]`,
  'COPY in and out, in text and in binary': `
import io
await c.execute('create temp table copied (id int, word text)')
said = [await c.copy_records_to_table('copied', records=[(n, 'ü' * n) for n in range(100)])]
said.append(await c.copy_to_table('copied', source=io.BytesIO(b'1000,comma\\n'), format='csv'))
for kind in ['text', 'csv', 'binary']:
    out = io.BytesIO()
    said.append(await c.copy_from_query('select * from copied order by id', output=out, format=kind))
    said.append(out.getvalue().hex())
return said`,
  'cursors in a transaction': `
async with c.transaction():
    seen = [row['id'] async for row in c.cursor('select id from items order by id', prefetch=70)]
    cursor = await c.cursor('select id from items order by id')
    await cursor.forward(10)
    return [len(seen), [row['id'] for row in await cursor.fetch(3)]]`,
  'errors, in and outside of transactions': `
seen = []
try:
    async with c.transaction():
        await c.execute("insert into scratch values (1, 'gone')")
        await c.fetch('select 1/0')
except asyncpg.PostgresError as error:
    seen.append([error.sqlstate, str(error)])
for sql in ['selec', 'select nothing', "select 'x'::int"]:
    try:
        await c.fetch(sql)
    except asyncpg.PostgresError as error:
        seen.append([error.sqlstate, str(error)])
return seen + [await c.fetchval('select count(*) from scratch')]`,
  'several statements at once': `return [await c.execute("select 1; create temp table x (a int); insert into x values (1), (2); select * from x"), await c.fetchval('select sum(a) from x')]`,
  notifications: `
heard = asyncio.Queue()
await c.add_listener('news', lambda connection, pid, channel, payload: heard.put_nowait([channel, payload]))
await c.execute("notify news, 'one'; select pg_notify('news', 'two')")
return [await asyncio.wait_for(heard.get(), 10), await asyncio.wait_for(heard.get(), 10)]`,
  'a statement that takes too long is cancelled, and the connection goes on': `
try:
    await c.fetchval('select pg_sleep(600)', timeout=0.3)
    return 'not cancelled'
except asyncio.TimeoutError:
    return ['cancelled', await c.fetchval('select 1')]`,
  'settings, and a reset of the session': `
await c.set_type_codec('jsonb', encoder=str, decoder=lambda v: 'decoded ' + v, schema='pg_catalog')
seen = [await c.fetchval("select '{}'::jsonb"), c.get_settings().server_encoding]
await c.execute("set datestyle to 'German'")
await c.reset()
return seen + [await c.fetchval('show datestyle')]`,
  'many rows and large ones': `
rows = await c.fetch("select n, repeat('x', 1000) from generate_series(1, 5000) n")
return [len(rows), len(await c.fetchval("select repeat('y', 5000000)"))]`,
};

export function asyncpgFeatures(clients: PythonClients): ClientFeatures {
  const feature =
    (body: string): Feature =>
    async ({ host, port, user, password, database }: ClientPlace) => {
      const session = await clients.open({ host, port, user, secret: password }, 'require', database);
      try {
        return await session.run(`async def main(c):\n${body.trim().replaceAll(/^/gm, '    ')}\n`);
      } finally {
        await session.leave();
      }
    };
  return { name: 'asyncpg', features: Object.fromEntries(Object.entries(BODIES).map(([promise, body]) => [promise, feature(body)])) };
}
