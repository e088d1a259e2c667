import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { linesOf, SECRETS, TABLES } from '../../policy/columns/statements.ts';
import type { Access } from '../../support/office.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';

/** What was made years ago, past any gateway. */
const MADE = [
  'create view contacts as select id, email as note, phone as line, name from users',
  'create view notes (number, remark) as select id, note from contacts where note is not null',
  'create view joined as select o.id, o.total, c.note as who from orders o join contacts c on c.id = o.user_id',
  'create view united as select id, name as anything from users union all select id, email from users',
  'create view made as select id, concat(lower(note), 1) as low, (select max(phone) from users) as top from contacts',
  'create view cased as select case when id > 0 then email else name end as some, coalesce(null, phone) as other from users',
  'create table people (id int, email varchar(50), mail varchar(60) as (concat(email, 1)) stored)',
  "insert into people (id, email) values (1, 'sentinel-9')",
  'create function one_note(i int) returns varchar(50) reads sql data return (select note from contacts where id = i)',
  'create function new_note(i int) returns varchar(50) reads sql data begin declare x varchar(50); select email into x from users where id = i; return x; end',
  'create function nested_note() returns varchar(90) reads sql data return concat(one_note(1), new_note(2))',
  'create procedure all_notes() select number as n, remark as r from notes',
  'create function plus_one(i int) returns int deterministic return i + 1',
  'create function total_of(i int) returns int reads sql data return (select sum(total) from orders where user_id = i)',
];

const ASKED = `
select note, line from contacts
select note as x from contacts c
select * from contacts
select c.* from contacts c
select remark from notes
select * from notes
select number, upper(remark) as x from notes
select who, total from joined
select * from joined
select anything from united
select * from united
select low, top from made
select * from made
select some from cased
select other x from cased
select mail from people
select mail as x, id from people
select * from people
select one_note(1), new_note(2) as x
select concat(one_note(id), '') as x from orders
select nested_note() as x
call all_notes()
select x from (select one_note(1) as x) q
with q as (select note as n from contacts) select n as x from q
select (select note from contacts limit 1) as x
`;

describe('columns that are hidden, through what was at a MariaDB server before', () => {
  let lab: Lab;
  let access: Access;
  let database: string;

  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.mariadb.database();
    access = await lab.access(database);
    // Servers show a body to whoever made it, and to those who were given more.
    const maker = await lab.direct(database);
    for (const text of [...TABLES, ...MADE]) assert.equal((await maker.ask(text)).error, undefined, text);
    await rule(access, 'contact');
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  const rule = (to: Access, name: string): Promise<unknown> =>
    lab.system.office.api.call(routes.createMaskingRule, {
      body: { name, columns: ['*email*', 'users.phone'], connection_ids: [to.connectionId] },
    });

  test('A33: are never seen under another name', async () => {
    const direct = await lab.direct(database);
    const client = await lab.through(access);
    for (const text of linesOf(ASKED)) {
      const shown = await direct.ask(text);
      assert.equal(shown.error, undefined, text);
      assert.ok(SECRETS.test(direct.takeBytes().toString('latin1')), text);
      const { error } = await client.ask(text);
      assert.equal(error, undefined, text);
      const seen = client.takeBytes().toString('latin1');
      assert.ok(!SECRETS.test(seen), text);
      assert.match(seen, /########/, text);
    }
  });

  test('are no reason to hide anything else', async () => {
    const client = await lab.through(access);
    for (const [text, row] of [
      ['select name from contacts order by id limit 1', 'Ada'],
      ['select number from notes order by 1 limit 1', '1'],
      ['select total from joined order by id limit 1', '10'],
      ['select plus_one(41)', '42'],
      ['select total_of(1)', '10'],
      ['select id from people', '1'],
      ['select count(*) from contacts', '2'],
      ["select id from contacts where note = 'sentinel-1'", '1'],
    ] as const)
      assert.deepEqual((await client.ask(text)).rows, [row], text);
  });

  test('keep what shows them under its name', async () => {
    const client = await lab.through(access);
    for (const text of [
      'rename table contacts to others',
      'create view again as select note as x from contacts',
      'create table copied as select low as x from made',
      'create function again() returns text return (select note from contacts limit 1)',
      'create procedure again() select one_note(1)',
      'insert into orders (id, total) select id, length(note) from contacts',
    ])
      assert.match((await client.ask(text)).error ?? '', /would take the values of a masked column away/, text);
  });

  test('are followed at once through what a session makes that has no rules of its own', async () => {
    const client = await lab.through(access);
    await client.ask('select 1');
    const other = await lab.through(await lab.access(database));
    assert.equal((await other.ask('create view made_elsewhere as select email as x from users')).error, undefined);
    client.takeBytes();
    await client.ask('select x from made_elsewhere');
    const seen = client.takeBytes().toString('latin1');
    assert.ok(!SECRETS.test(seen));
    assert.match(seen, /########/);
  });

  test('A35: hide what does not show how it is made, and the record says so', async () => {
    const own = await lab.access(database, undefined, { USER: 'blind', PASS: 'blind secret' });
    await rule(own, 'blind');
    await lab.mariadb.sql("create user blind identified by 'blind secret'");
    await lab.mariadb.sql(`grant select, execute on ${database}.* to blind`);
    const client = await lab.through(own);
    await client.ask('select id, name from contacts');
    assert.ok(!/Ada/.test(client.takeBytes().toString('latin1')));
    assert.deepEqual((await client.ask('select name from users where id = 1')).rows?.map(String), ['Ada']);
    const [first] = await until('the record', async () => {
      const actions = await lab.actions(own, 2);
      return actions.length > 0 && actions;
    });
    assert.equal(first?.rule, 'column masking');
    assert.match(first?.message ?? '', /do not show how they are made/);
  });
});
