import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import { CredentialService } from '@hoop/gateway/identity/credentials';
import { until, within } from '../../support/until.ts';
import type { Row, World } from './row.ts';

/** What the client is told when it is not let in. */
async function refusal(world: World, settings?: Record<string, string>): Promise<string> {
  const access = await world.access(undefined, settings);
  return world.enter(access).then(
    () => 'it got in',
    (error: Error) => error.message,
  );
}

/** A second session on another connection, to see that it is not touched. */
async function neighbourLives(world: World, disturb: () => Promise<void>): Promise<void> {
  const { client } = await world.visit();
  const { answer, answerLate } = world.column.texts;
  const running = client.ask(answerLate('undisturbed', 50));
  await disturb();
  assert.deepEqual(await running, { rows: ['undisturbed'] });
  assert.deepEqual(await client.ask(answer('alive')), { rows: ['alive'] });
}

export const endingRows: readonly Row[] = [
  {
    promise: 'a target that is down is told clearly, and a neighbour’s session lives',
    prove: (world) =>
      neighbourLives(world, async () => {
        assert.match(await refusal(world, world.target.nowhere()), world.column.words['target down']);
      }),
  },
  {
    promise: 'a wrong password of the connection is told clearly, and shows no secret',
    prove: (world) =>
      neighbourLives(world, async () => {
        const { wrongPassword } = world.targetPlace;
        const words = await refusal(world, wrongPassword);
        assert.match(words, world.column.words['wrong target password']);
        const { settings } = world.targetPlace;
        for (const [name, value] of Object.entries(wrongPassword))
          if (settings[name] !== value && value !== '') assert.equal(words.includes(value), false);
      }),
  },
  {
    promise: 'an unknown secret is refused, and a neighbour’s session lives',
    prove: (world) =>
      neighbourLives(world, async () => {
        const access = await world.access();
        const wrong = { ...access, secret: `${access.secret.slice(0, -4)}AAAA` };
        await assert.rejects(world.enter(wrong), world.column.words['unknown secret']);
      }),
  },
  {
    promise: 'garbage before the login is refused, and a neighbour’s session lives',
    breaks: 'garbage before login',
    once: true,
    prove: (world) =>
      neighbourLives(world, async () => {
        const place = world.placeOf(await world.access());
        assert.match(await world.break('garbage before login', place), /not spoken here/);
      }),
  },
  {
    promise: 'a message over the limit ends its own session with words, and no other',
    breaks: 'oversize message',
    once: true,
    prove: (world) =>
      neighbourLives(world, async () => {
        const access = await world.access();
        assert.match(await world.break('oversize message', world.placeOf(access)), world.column.words.oversize);
        assert.equal((await world.system.office.endedSession(access.connection)).end_reason, 'message_too_large');
      }),
  },
  {
    promise: 'a length that cannot be ends its own session with words, and no other',
    breaks: 'impossible length',
    once: true,
    prove: (world) =>
      neighbourLives(world, async () => {
        const access = await world.access();
        assert.match(await world.break('impossible length', world.placeOf(access)), /claims a length of \d+ bytes/);
        assert.equal((await world.system.office.endedSession(access.connection)).end_reason, 'bad_length');
      }),
  },
  {
    promise: 'a session that is killed hears why, in the middle of an action too',
    skills: ['last-words'],
    async prove(world) {
      const { client, access } = await world.visit();
      const running = client.ask(world.column.texts.endless());
      const session = await world.system.office.openSession(access.connection);
      await until('the action runs', async () => world.system.runner.live > 0);
      await world.system.office.kill(session.id);
      const { error = '' } = await within('the killed action ends', running);
      const heard = `${error} ${await within('the killed session ends', client.ended)}`;
      assert.match(heard, /The session was ended by admin@example.test/);
      assert.equal((await world.system.office.endedSession(access.connection)).end_reason, 'session_killed');
    },
  },
  {
    promise: 'a session that is killed stops what it runs at the target',
    when: ({ cancel }) => cancel,
    once: true,
    async prove(world) {
      const place = await world.target.place();
      const { client, access } = await world.enter(await world.access(undefined, place.settings));
      void client.ask(world.column.texts.endless());
      const session = await world.system.office.openSession(access.connection);
      await until('the action is recorded', async () => (await world.system.office.actions(session.id)).length === 1);
      assert.equal(await place.sessions(), 1);
      await world.system.office.kill(session.id);
      await until('the target has stopped', async () => (await place.sessions()) === 0);
    },
  },
  {
    promise: 'a revoked secret is dead at once, and so is the session that came in with it',
    skills: ['notices the end'],
    async prove(world) {
      const visit = await world.visit();
      await world.system.office.revoke(visit.access);
      await within('the session of the revoked secret ends', visit.client.ended);
      assert.equal((await world.system.office.endedSession(visit.access.connection)).end_reason, 'credential_revoked');
      await assert.rejects(world.enter(visit.access), world.column.words['unknown secret']);
    },
  },
  {
    promise: 'a secret’s time ends its session, and the secret lets nobody in any more',
    once: true,
    async prove(world) {
      const access = await world.access();
      const { store } = world.system.gateway;
      const user = await store.users.get('admin@example.test');
      const connection = await store.connections.get(access.connection);
      assert.ok(user && connection);
      const minting = new CredentialService(store, { adminGroup: 'admin', auditorGroup: 'auditor' });
      const identity = { userId: user.id, email: user.email, name: '', groups: [], isAdmin: true, isAuditor: false };
      const { secret } = await minting.mint(identity, connection, 1);
      const { client } = await world.enter({ ...access, secret });
      assert.deepEqual(await client.ask(world.column.texts.answer('in time')), { rows: ['in time'] });
      await within('the session ends with its secret', client.ended);
      assert.equal((await world.system.office.endedSession(access.connection)).end_reason, 'credential_expired');
      await assert.rejects(world.enter({ ...access, secret }), world.column.words.expired);
    },
  },
  {
    promise: 'a client that has said its last word still hears its answer',
    skills: ['half-close'],
    async prove(world) {
      const visit = await world.visit();
      const asked = visit.client.ask(world.column.texts.answerLate('heard', 80));
      visit.client.halfClose?.();
      assert.deepEqual(await asked, { rows: ['heard'] });
      await within('the server closes its side too', visit.client.ended);
      assert.equal((await world.system.office.endedSession(visit.access.connection)).end_reason, 'client_left');
    },
  },
  {
    promise: 'a client that vanishes in the middle of an endless answer ends its session',
    skills: ['vanish'],
    async prove(world) {
      const visit = await world.visit();
      void visit.client.ask(world.column.texts.rows(50_000_000, 100));
      await until('the answer flows', () => world.system.runner.live > 0);
      visit.client.vanish?.();
      await world.system.office.endedSession(visit.access.connection);
      await until('the agent has nothing of it left', () => world.system.runner.live === 0, 5_000);
    },
  },
  {
    promise: 'a client that reads nothing can be killed, and nothing of its session is left',
    skills: ['stall'],
    async prove(world) {
      const visit = await world.visit();
      await visit.client.ask(world.column.texts.answer('in'));
      visit.client.stall?.();
      void visit.client.ask(world.column.texts.rows(50_000_000, 100));
      const session = await world.system.office.openSession(visit.access.connection);
      await world.system.office.kill(session.id);
      assert.equal((await world.system.office.endedSession(visit.access.connection)).end_reason, 'session_killed');
      await until('the agent has nothing of it left', () => world.system.runner.live === 0, 5_000);
    },
  },
];

/** These take the agent away from everybody, so they run when nothing else does. */
export const agentRows: readonly Row[] = [
  {
    promise: 'without its agent a connection is refused with what to do, and works again when the agent is back',
    once: true,
    async prove(world) {
      const access = await world.access();
      await world.system.unlinkAgent();
      try {
        await assert.rejects(world.enter(access), world.column.words['agent offline']);
      } finally {
        await world.system.linkAgent();
      }
      const { client } = await world.enter(access);
      assert.deepEqual(await client.ask(world.column.texts.answer('back')), { rows: ['back'] });
    },
  },
  {
    promise: 'an agent that is lost ends the sessions that run on it, and what they did is recorded',
    once: true,
    async prove(world) {
      const visit = await world.visit();
      const done = world.column.texts.mark(`done-${randomUUID()}`);
      await visit.client.ask(done);
      const { endless: text } = world.column.texts;
      const endless = visit.client.ask(text());
      const session = await world.system.office.openSession(visit.access.connection);
      const recorded = (id: string): Promise<readonly SessionAction[]> => world.system.office.actions(id);
      await until('the endless action is recorded', async () => (await recorded(session.id)).some((action) => action.text === text()));
      await world.system.unlinkAgent();
      try {
        await within('the session ends', visit.client.ended);
        await endless;
        const ended = await world.system.office.endedSession(visit.access.connection);
        assert.equal(ended.end_reason, 'agent_lost');
        const [first, second] = (await recorded(ended.id)).slice(-2);
        assert.equal(first?.text, done);
        assert.equal(second?.outcome, undefined);
      } finally {
        await world.system.linkAgent();
      }
    },
  },
];
