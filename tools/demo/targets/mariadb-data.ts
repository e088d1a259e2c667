import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { DATABASE, ROLE } from '../database.ts';
import { customers, orders } from '../people.ts';

export interface MariadbAccess {
  readonly port: number;
  readonly password: string;
}

const CONNECT_MS_MAX = 10_000;
const ROWS_A_STATEMENT = 1_000;

/** As in the PostgreSQL server, under names that only hold until everything is in them. */
const TABLES = [
  'DROP TABLE IF EXISTS orders_new, customers_new',
  `CREATE TABLE customers_new (
    id integer PRIMARY KEY,
    name varchar(100) NOT NULL,
    email varchar(100) NOT NULL UNIQUE,
    phone varchar(30) NOT NULL,
    card_number varchar(30) NOT NULL,
    ssn varchar(20) NOT NULL,
    city varchar(50) NOT NULL,
    created_at datetime(3) NOT NULL
  )`,
  `CREATE TABLE orders_new (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers_new (id),
    product varchar(50) NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    total decimal(10, 2) NOT NULL,
    status varchar(20) NOT NULL,
    note text,
    placed_at datetime(3) NOT NULL,
    KEY orders_customer_id (customer_id)
  )`,
];

/** Whether the server lets the demo's user in by now. */
export async function takesUs(access: MariadbAccess): Promise<boolean> {
  try {
    await withClient(access, (client) => client.query('SELECT 1'));
    return true;
  } catch {
    return false; // Not listening yet.
  }
}

/** Makes tables and data where they are missing, and gives the server's version. A start that was killed in the middle leaves no half table. */
export function prepareMariadb(access: MariadbAccess): Promise<string> {
  return withClient(access, async (client) => {
    const [rows] = await client.query<RowDataPacket[]>(`SELECT version() AS version, EXISTS (SELECT 1 FROM information_schema.tables
      WHERE table_schema = database() AND table_name = 'orders') AS there`);
    if (Number(rows[0]?.there) === 0) await fill(client);
    return /^\d+\.\d+/.exec(String(rows[0]?.version))?.[0] ?? '';
  });
}

async function fill(client: Connection): Promise<void> {
  for (const statement of TABLES) await client.query(statement);
  await insert(client, 'customers_new', customers());
  await insert(client, 'orders_new', orders());
  // Both at once, or none.
  await client.query('RENAME TABLE customers_new TO customers, orders_new TO orders');
}

async function insert(client: Connection, table: string, rows: readonly object[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) {
    const values = rows.slice(start, start + ROWS_A_STATEMENT).map(valuesOf);
    await client.query(`INSERT INTO ${table} VALUES ?`, [values]);
  }
}

/** A row's values in the order of its columns, which is that of its fields. */
function valuesOf(row: object): unknown[] {
  return Object.entries(row).map(([name, value]) => (name.endsWith('_at') ? String(value).replace('T', ' ').replace('Z', '') : value));
}

async function withClient<T>(access: MariadbAccess, work: (client: Connection) => Promise<T>): Promise<T> {
  const { port, password } = access;
  const client = await createConnection({
    host: '127.0.0.1',
    port,
    user: ROLE,
    password,
    database: DATABASE,
    connectTimeout: CONNECT_MS_MAX,
  });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
