import assert from 'node:assert/strict';
import { it } from 'node:test';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const ADA = { email: 'Ada@Example.org', name: 'Ada', groups: ['ops', 'admin', 'ops'], status: 'active', passwordHash: 'hash' } as const;

onEachDatabase('users', (database) => {
  it('gives back what was stored, by id and by e-mail in any case', async () => {
    const clock = new TestClock();
    const { users } = await database.store({ clock });
    const user = await users.create(ADA);
    assert.deepEqual(
      { ...user, id: '' },
      {
        id: '',
        orgId: user.orgId,
        email: 'ada@example.org',
        name: 'Ada',
        groups: ['admin', 'ops'],
        status: 'active',
        verified: false,
        picture: '',
        slackId: '',
        createdAt: clock.now_ms,
        updatedAt: clock.now_ms,
      },
    );
    assert.deepEqual(await users.get(user.id), user);
    assert.deepEqual(await users.get(' ADA@example.ORG '), user);
    assert.equal(await users.get('nobody@example.org'), undefined);
    assert.deepEqual(await users.list(), [user]);
  });

  it('keeps password hashes out of rows, and gives them only when asked for', async () => {
    const { users } = await database.store();
    const user = await users.create(ADA);
    assert.ok(!JSON.stringify([user, await users.list(), await users.get(user.id)]).includes('hash'));
    assert.equal(await users.passwordHashOf('ADA@example.org'), 'hash');
    await users.create({ ...ADA, email: 'b@example.org', passwordHash: undefined });
    assert.equal(await users.passwordHashOf('b@example.org'), undefined);
    assert.equal(await users.passwordHashOf('nobody@example.org'), undefined);
  });

  it('refuses a second user with the same e-mail, also by a change', async () => {
    const { users } = await database.store();
    await users.create(ADA);
    await assert.rejects(users.create({ ...ADA, email: 'ADA@EXAMPLE.ORG' }), code('user_exists'));
    await users.create({ ...ADA, email: 'bob@example.org' });
    await assert.rejects(users.update('bob@example.org', { email: 'ada@example.org' }), code('user_exists'));
    assert.equal(await users.count(), 2);
  });

  it('lets one of many first users in, however they race', async () => {
    const { users } = await database.store();
    const tries = Array.from({ length: 8 }, (_, index) => users.createFirst({ ...ADA, email: `${index}@example.org` }));
    const results = await Promise.allSettled(tries);
    const refused = results.filter((result) => result.status === 'rejected');
    assert.equal(refused.length, 7);
    for (const { reason } of refused) code('first_user_exists')(reason);
    assert.equal(await users.count(), 1);
  });

  it('lets one first user in when two gateways share the database', async () => {
    const place = await database.place();
    const neighbour = database.neighbour(place);
    const one = await database.store(place);
    const other = neighbour ? await database.store(neighbour) : one;
    const results = await Promise.allSettled([one.users.createFirst(ADA), other.users.createFirst({ ...ADA, email: 'eve@example.org' })]);
    assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    assert.equal(await other.users.count(), 1);
  });

  it('changes only the fields that a patch names, and replaces groups as a whole', async () => {
    const clock = new TestClock();
    const { users } = await database.store({ clock });
    const user = await users.create(ADA);
    clock.now_ms += 5;
    const changed = await users.update(user.id, { status: 'inactive', groups: ['x'] });
    assert.deepEqual(changed, { ...user, status: 'inactive', groups: ['x'], updatedAt: clock.now_ms });
    assert.equal(await users.passwordHashOf(ADA.email), 'hash');
    assert.deepEqual(await users.get(user.id), changed);
    assert.deepEqual((await users.update(user.id, { groups: [] }))?.groups, []);
    assert.equal(await users.update('nobody@example.org', { name: 'x' }), undefined);
  });

  it('remembers groups that nobody is in, and forgets memberships with the group', async () => {
    const { users } = await database.store();
    await users.createGroup('empty');
    await users.create(ADA);
    assert.deepEqual(await users.listGroups(), ['admin', 'empty', 'ops']);
    await assert.rejects(users.createGroup('ops'), code('group_exists'));
    assert.equal(await users.deleteGroup('ops'), true);
    assert.equal(await users.deleteGroup('ops'), false);
    assert.deepEqual((await users.get(ADA.email))?.groups, ['admin']);
  });

  it('deletes a user once, and the e-mail is free again', async () => {
    const { users } = await database.store();
    await users.create(ADA);
    assert.equal(await users.delete('ada@EXAMPLE.org'), true);
    assert.equal(await users.delete('ada@example.org'), false);
    assert.equal((await users.create(ADA)).email, 'ada@example.org');
  });

  it('takes names that JavaScript or SQL might stumble over, and gives them back unchanged', async () => {
    const { users } = await database.store();
    const names = ['__proto__', 'constructor', "'; drop table users; --", '"q"', '%_\\', '🦊 Ω ñ 你好 \u202e', 'a\nb', '$1 ? :x'];
    for (const [index, name] of names.entries()) {
      const user = await users.create({ email: `${index}@example.org`, name, groups: [name], status: 'active' });
      assert.deepEqual([user.name, user.groups], [name, [name]]);
      assert.deepEqual(await users.get(user.id), user);
    }
    assert.deepEqual(
      (await users.list()).map((user) => user.name),
      names,
    );
    assert.deepEqual(new Set(await users.listGroups()), new Set(names));
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });

  it('sorts names by their bytes, whatever the locale of the server', async () => {
    const { users } = await database.store();
    for (const name of ['b', 'B', 'a', 'é', 'Z', '_']) await users.createGroup(name);
    assert.deepEqual(await users.listGroups(), ['B', 'Z', '_', 'a', 'b', 'é']);
  });

  it('refuses text with a NUL and says so', async () => {
    const { users } = await database.store();
    await assert.rejects(users.create({ ...ADA, name: 'a\0b' }), code('store_value'));
    await assert.rejects(users.get('a\0b@example.org'), code('store_value'));
  });
});
