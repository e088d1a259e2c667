import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import type { Access } from '../../support/office.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';
import { cellsOf, type Reply, wordsOf } from './wire-client.ts';

/** What a session begins with changes how its statements are read, as a SET does; a rule that refuses the one refuses the other. */
describe('the parameters with which a session of PostgreSQL begins', () => {
  let lab: Lab;
  let database: string;
  let open: Access;
  let masked: Access;
  let ruled: Access;
  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.postgres.database();
    [open, masked, ruled] = [await lab.access(database), await lab.access(database), await lab.access(database)];
    const { api } = lab.system.office;
    await api.call(routes.createMaskingRule, { body: { name: 'mail', columns: ['users.email'], connection_ids: [masked.connectionId] } });
    const input = [{ type: 'operation' as const, operations: ['drop', 'set_role'] }];
    await api.call(routes.createGuardrail, { body: { name: 'no drop', connection_ids: [ruled.connectionId], input: { rules: input } } });
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  /** What a client hears that comes with these parameters: an error's words, or what the setting is. */
  async function heard(access: Access, parameters: Readonly<Record<string, string>>): Promise<string> {
    const client = await lab.through(access, { parameters }).catch((error: Error) => error);
    if (client instanceof Error) return client.message;
    const replies = await client.ask('select 42');
    const row = replies.find(({ type }) => type === 'D');
    return row ? `shown ${cellsOf(row as Reply)[0]}` : replies.map(wordsOf).join();
  }

  const CHANGES: readonly Readonly<Record<string, string>>[] = [
    { options: '-c standard_conforming_strings=off' },
    { standard_conforming_strings: 'off' },
    { options: '--standard-conforming-strings=off' },
    { client_encoding: 'SJIS' },
    { options: '-c client_encoding=GBK' },
    { options: '-c backslash_quote=off' },
  ];

  test('A33: are refused where columns are masked and the same text would be another statement', async () => {
    for (const parameters of CHANGES) {
      const words = await heard(masked, parameters);
      assert.match(words, /28000.*Columns are masked here, and after a change of \w+ the same text can be another statement/, words);
      assert.match(words, /connect without it/);
    }
  });

  test('are refused where a rule has to know what a statement does', async () => {
    for (const parameters of [...CHANGES, { options: '-c role=trusted' }]) assert.match(await heard(ruled, parameters), /28000/);
  });

  test('are passed on where no rule needs them, and where they change nothing', async () => {
    for (const parameters of CHANGES) assert.equal(await heard(open, parameters), 'shown 42');
    for (const access of [masked, ruled])
      for (const parameters of [
        { client_encoding: 'UTF8', options: '-c search_path=x -c statement_timeout=60000' },
        { client_encoding: 'SQL_ASCII' },
        { client_encoding: 'LATIN1' },
        { options: '-c standard_conforming_strings=on' },
      ] as readonly Readonly<Record<string, string>>[])
        assert.equal(await heard(access, parameters), 'shown 42');
  });

  test('count too where an administrator of the server set them', async () => {
    await lab.postgres.sql(`alter database ${database} set standard_conforming_strings = off`);
    try {
      assert.match(await heard(masked, {}), /28000.*standard_conforming_strings/);
      assert.equal(await heard(open, {}), 'shown 42');
    } finally {
      await lab.postgres.sql(`alter database ${database} reset standard_conforming_strings`);
    }
    assert.equal(await heard(masked, {}), 'shown 42');
  });

  test('end a session that is open when a rule comes that they break', async () => {
    const own = await lab.access(database);
    const client = await lab.through(own, { parameters: { options: '-c standard_conforming_strings=off' } });
    const body = { name: 'late', columns: ['users.email'], connection_ids: [own.connectionId] };
    const rest = client.rest();
    await lab.system.office.api.call(routes.createMaskingRule, { body });
    assert.match((await rest).map(wordsOf).join(), /28000.*standard_conforming_strings/);
  });

  test('are on record where they are refused', async () => {
    await heard(masked, { options: '-c standard_conforming_strings=off' });
    const denied = await until('the refusal is on record', async () => {
      const session = (await lab.system.office.sessions(masked.connection)).at(-1);
      const actions = session ? await lab.system.office.actions(session.id) : [];
      return actions.find(({ verdict }) => verdict === 'deny');
    });
    assert.equal(denied.text, "SET standard_conforming_strings TO 'off'");
  });
});
