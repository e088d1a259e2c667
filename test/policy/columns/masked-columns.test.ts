import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AnswerColumn, AnswerRules } from '@hoop/core/answer';
import type { Dialect } from '@hoop/core/protocol';
import { POSTGRES_WRAPS, WRAPS } from '@hoop/policy/columns/testing/wraps';
import { compilePolicy } from '@hoop/policy/rules';
import fc from 'fast-check';
import mysql from 'mysql2/promise';
import type pg from 'pg';
import { type MysqlServer, USERS } from '../../support/mysql-server.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import { TestPostgres } from '../../support/test-postgres.ts';
import { COMMON, linesOf, MARIADB, POSTGRES, SECRETS, TABLES } from './statements.ts';

interface Result {
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly (readonly unknown[])[];
}

/** Runs a statement as it is. */
type Run = (text: string) => Promise<readonly Result[]>;

const MASKS = [{ name: 'contact', entities: [], columns: ['*email*', 'users.phone'] }];

/** What a client would see of an answer that went through the gateway. */
function shownOf({ columns, rows }: Result, answer: AnswerRules | undefined): string {
  const hides = answer?.hides?.(columns);
  return rows.map((row) => row.map((cell, index) => (hides?.[index] ? '#' : shownCell(cell))).join(' ')).join('\n');
}

function shownCell(cell: unknown): string {
  return Buffer.isBuffer(cell) ? cell.toString() : typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

/** Judges each statement as a session does, and runs it; gives those of which something came out. */
async function leaksOf(statements: readonly string[], dialect: Dialect, run: Run): Promise<readonly string[]> {
  const policy = compilePolicy({ revision: 1, guardrails: [], masks: MASKS }, dialect);
  const leaks: string[] = [];
  for (const text of statements) {
    const verdict = await policy.judge({ seq: 1, text, via: 'query' });
    if (verdict.allow !== true) throw new Error(`${text} was denied`);
    for (const result of await run(text)) {
      const shown = shownOf(result, verdict.answer);
      if (SECRETS.test(shown)) leaks.push(`${text}: ${shown}`);
    }
  }
  return leaks;
}

/** Puts hidden values into queries of any shape. Some are none that the server would run: not every type can be ordered. */
async function tryShapes(wraps: readonly ((query: string) => string)[], dialect: Dialect, run: Run): Promise<void> {
  let ran = 0;
  const runIfValid: Run = async (text) => {
    const results = await run(text).catch(() => []);
    ran += results.length;
    return results;
  };
  const shapes = fc.array(fc.constantFrom(...wraps), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(shapes, fc.constantFrom('email', 'phone'), async (chosen, column) => {
      const text = chosen.reduce((query, wrap) => wrap(query), `select ${column} as c from users`);
      assert.deepEqual(await leaksOf([text], dialect, runIfValid), []);
    }),
    { numRuns: 60 },
  );
  assert.ok(ran > 20, `${ran} ran`);
}

describe('masked columns of PostgreSQL', () => {
  let server: TestPostgres;
  let client: pg.Client;

  before(async () => {
    server = await TestPostgres.start();
    client = await server.admin(await server.database());
    for (const text of TABLES) await client.query(text);
    await client.query('analyze');
    await client.query(`set statement_timeout = '10s'`);
  });

  after(async () => {
    await client?.end();
    await server?.stop();
  });

  const run: Run = async (text) => {
    const { fields, rows } = await client.query({ text, rowMode: 'array' });
    return [{ columns: fields.map(({ name }) => ({ name })), rows }];
  };

  it('show nothing of what is in them, however a statement asks for it', async () => {
    assert.deepEqual(await leaksOf([...linesOf(COMMON), ...linesOf(POSTGRES)], 'postgres', run), []);
  });

  it('show nothing through queries in queries, of any shape', async () => {
    await tryShapes(POSTGRES_WRAPS, 'postgres', run);
  });

  it('would show it without the rule', async () => {
    const results = await run('select email x from users');
    assert.match(results.map((result) => shownOf(result, undefined)).join(), SECRETS);
  });
});

describe('masked columns of MariaDB', () => {
  let server: MysqlServer;
  let client: mysql.Connection;

  before(async () => {
    server = await startMariadb();
    const database = await server.database();
    const { user, password } = USERS.app;
    client = await mysql.createConnection({ host: '127.0.0.1', port: server.port, user, password, database, rowsAsArray: true });
    for (const text of TABLES) await client.query(text);
  });

  after(async () => {
    await client?.end();
    await server?.stop();
  });

  const run: Run = async (text) => {
    const [rows, fields] = await client.query(text);
    if (!Array.isArray(fields)) return [];
    const columns = fields.map(({ name, db, orgTable, orgName }) =>
      orgTable ? { name, origin: { schema: db ?? '', table: orgTable, column: orgName } } : { name },
    );
    return [{ columns, rows: rows as readonly (readonly unknown[])[] }];
  };

  it('show nothing of what is in them, however a statement asks for it', async () => {
    assert.deepEqual(await leaksOf([...linesOf(COMMON), ...linesOf(MARIADB)], 'mysql', run), []);
  });

  it('show nothing through queries in queries, of any shape', async () => {
    await tryShapes(WRAPS, 'mysql', run);
  });
});
