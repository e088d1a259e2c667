import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { Lab } from '../protocols/postgres/lab.ts';
import { query } from '../protocols/postgres/wire-client.ts';
import type { Access } from '../support/office.ts';

/** A rule of each type that is about statements, what it stops, and what it does not. */
const RULES = [
  { rule: { type: 'deny_words_list', words: ['forbidden'] }, stops: "select 'forbidden'", passes: "select 'allowed'" },
  { rule: { type: 'pattern_match', pattern_regex: 'drop\\s+table' }, stops: 'drop /* x */ table nothing', passes: 'select 1' },
  {
    rule: { type: 'operation', operations: ['delete_without_where'] },
    stops: 'delete from t where 1 = 1',
    passes: 'delete from t where id = 4',
  },
  {
    rule: { type: 'operation', operations: ['data_modifying_cte'] },
    stops: 'with d as (delete from t returning *) select * from d',
    passes: 'with d as (select * from t) select * from d',
  },
  { rule: { type: 'table', tables: ['pg_catalog.pg_authid'] }, stops: 'select * from "pg_authid"', passes: 'select * from t' },
  {
    rule: { type: 'function', functions: ['pg_read_*'] },
    stops: "do $$ begin perform pg_read_file('x'); end $$",
    passes: 'select lower(name) from (select $$A$$ as name) n',
  },
] as const;

describe('one rule has one verdict, whichever way a statement comes in', () => {
  let lab: Lab;
  let access: Access;

  before(async () => {
    lab = await Lab.start('tunnel');
    const database = await lab.postgres.database();
    await lab.postgres.sql('create table t (id int); grant all on t to public', database);
    access = await lab.access(database);
  });
  after(() => lab.close());

  /** What the API's exec, a native client, and the test of rules make of a text: the denial, or nothing. */
  async function verdicts(text: string): Promise<readonly (string | undefined)[]> {
    const { office } = lab.system;
    const exec = await office.api.call(routes.execSession, { body: { connection: access.connection, script: text } });
    const client = await lab.through(access);
    client.send(query(text));
    const replies = await client.until('Z');
    const denied = replies.map((reply) => reply.body.toString('latin1')).find((body) => body.includes('Guardrails rule'));
    const tried = await office.api.call(routes.testGuardrails, { body: { connection: access.connection, text } });
    return [exec.output, denied, tried.message].map(
      (said) => /match guard rail \[InputRules:[^\]]*\] rule, type=\w+/.exec(said ?? '')?.[0],
    );
  }

  for (const { rule, stops, passes } of RULES) {
    test(`${rule.type}: ${stops}`, async () => {
      const { office } = lab.system;
      const body = { name: 'one', input: { rules: [JSON.parse(JSON.stringify(rule))] }, connection_ids: [access.connectionId] };
      const { id } = await office.api.call(routes.createGuardrail, { body });
      const words = `match guard rail [InputRules:one] rule, type=${rule.type}`;
      assert.deepEqual(await verdicts(stops), [words, words, words]);
      assert.deepEqual(await verdicts(passes), [undefined, undefined, undefined]);
      await office.api.call(routes.deleteGuardrail, { params: { id } });
    });
  }
});
