import pg from 'pg';
import { customers, orders } from './people.ts';

export const DATABASE = 'demo';
export const ROLE = 'demo';

export interface DatabaseAccess {
  readonly port: number;
  /** Password of the superuser `postgres`, who is used only here. */
  readonly adminPassword: string;
  /** Password of the role that owns the demo database; it is what the connection's secrets hold. */
  readonly password: string;
}

const TABLES = `
  CREATE TABLE customers (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    phone text NOT NULL,
    card_number text NOT NULL,
    ssn text NOT NULL,
    city text NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    product text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    total numeric(10, 2) NOT NULL,
    status text NOT NULL,
    note text,
    placed_at timestamptz NOT NULL
  );
  CREATE INDEX orders_customer_id ON orders (customer_id);
  COMMENT ON TABLE customers IS 'People who do not exist, made by a seeded generator';
`;

/** Makes role, database and data where they are missing. All or nothing: a start that was killed in the middle leaves no half table. */
export async function prepareDatabase(access: DatabaseAccess): Promise<void> {
  const { port, adminPassword, password } = access;
  await withClient({ port, user: 'postgres', password: adminPassword, database: 'postgres' }, async (client) => {
    const role = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [ROLE]);
    const verb = role.rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${ROLE} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    const database = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (database.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
  });
  await withClient({ port, user: ROLE, password, database: DATABASE }, seed);
}

async function seed(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('public.orders') IS NOT NULL AS there`);
  if (rows[0]?.there) return;
  await client.query('BEGIN');
  await client.query('CREATE SCHEMA IF NOT EXISTS public');
  await client.query(TABLES);
  await fill(client, 'customers', customers());
  await fill(client, 'orders', orders());
  await client.query('COMMIT');
  await client.query('ANALYZE');
}

/** One statement a table: the rows go as JSON and come out typed as the table's own row type. */
async function fill(client: pg.Client, table: 'customers' | 'orders', rows: readonly object[]): Promise<void> {
  await client.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [JSON.stringify(rows)]);
}

async function withClient(options: pg.ClientConfig, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', ssl: false, connectionTimeoutMillis: 10_000, ...options });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
