import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, judged, masks, shown } from '../testing/shown.ts';

describe('columns of SQL Server, by words', () => {
  test('are hidden by their names, and what they are called does not help', () =>
    check(
      [
        'select id, email from users | id email | -x',
        'select [email] as [x], y = phone from [dbo].[users] | x y | xx',
        'select top (3) u.email x from users u with (nolock) | x | x',
        'select distinct top 3 email x from users | x | x',
        'select * from users | id Email | -x',
        "select len(email) x, email + '' y, isnull(email, '') z from users | x y z | xxx",
        'select e x from (select email e from users) q | x | x',
        'with q as (select email e from users) select e x from q | x | x',
        'with t (a, b) as (select id, id from users union all select b, email from t, users) select a x, b y from t | x y | xx',
        'select l.e x from users u cross apply (select u.email e) l | x | x',
        'select id x from orders where id is not distinct from 3 | x | -',
        "exec sp_executesql N'select email x from users where id = @p', N'@p int', 1 | x | x",
        "exec ('select id, email x from users') | id x | -x",
        'exec people | id email | -x',
      ],
      'mssql',
    ));

  test('are told apart in a batch without semicolons', async () => {
    const { answer } = await judged('select 1 a, 2 b select phone x from users', masks('mssql'));
    assert.equal(shown(answer, ['x']), 'x');
    assert.equal(shown(answer, ['a', 'b']), '--');
  });

  test('do not go anywhere else', async () => {
    for (const text of [
      'select email x into #t from users',
      'insert into t select email from users',
      'insert into t (a) exec people',
      'update t set a = u.email from t join users u on u.id = t.id',
      'update users set name = email',
      'declare @x varchar(9) = (select email from users)',
      'select @x = email from users',
      'set @x = (select top 1 email from users)',
      'delete from users output deleted.email into t',
      'merge t using users u on 1 = 1 when matched then update set a = u.email',
      "exec sp_rename 'users.email', 'x'",
      'exec (@sql)',
    ])
      assert.ok((await judged(text, masks('mssql'))).denial, text);
    for (const text of ['insert into users (id, email) values (1, @p)', 'update users set name = @p where email = @q', 'begin tran'])
      assert.equal((await judged(text, masks('mssql'))).denial, undefined, text);
  });
});
