import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { formatDsn, parseDsn } from '@hoop/contract/agent-key';
import { routes } from '@hoop/contract/routes/all';
import { CuttableRelay } from '@hoop/tunnel/testing/links';
import pg from 'pg';
import type { Access } from '../support/office.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

/** From the moment in which the network or the gateway is there again. */
const BACK_MS_MAX = 3_000;

/** How long a dead link may go unnoticed, with some room for a busy machine. */
const NOTICED_MS_MAX = 8_000;

const CUT_MS = 10_000;

/** A client of the database who has asked something. */
async function session(access: Access): Promise<{ client: pg.Client; lost: Promise<Error> }> {
  const { host, port, secret, connection } = access;
  const client = new pg.Client({ host, port, user: connection, password: secret, database: connection, connectionTimeoutMillis: 5_000 });
  const lost = new Promise<Error>((resolve) => client.on('error', resolve));
  await client.connect();
  await client.query('select 1');
  return { client, lost };
}

async function comesBack(parts: Parts, access: Access, what: string): Promise<void> {
  const begun_ms = performance.now();
  const { client } = await until(`the agent is back after ${what}`, () => session(access).catch(() => undefined), 20_000);
  const took_ms = performance.now() - begun_ms;
  await client.end();
  assert.ok(took_ms < BACK_MS_MAX, `It took ${Math.round(took_ms)} ms to be back after ${what}`);
  assert.equal((await parts.office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } })).status, 'CONNECTED');
}

/** The client is told that it is over, and the session's record says why. */
async function endsForThatReason(parts: Parts, access: Access, lost: Promise<Error>): Promise<void> {
  const late = new AbortController();
  const isLate = pause(NOTICED_MS_MAX, 'late', { signal: late.signal }).catch(() => 'in time');
  const told = await Promise.race([lost, isLate]);
  late.abort();
  assert.match(told instanceof Error ? told.message : told, /The link between gateway and agent broke/);
  assert.equal((await parts.office.endedSession(access.connection)).end_reason, 'agent_lost');
}

for (const transport of ['grpc', 'http'] as const) {
  test(`an agent is back within three seconds of whatever happened, by itself (${transport})`, { timeout: 60_000 }, async () => {
    const postgres = await TestPostgres.start();
    let network: CuttableRelay | undefined;
    const parts = await Parts.start(
      {},
      {
        transport,
        key: async (token) => {
          const dsn = parseDsn(token);
          network = await CuttableRelay.start(dsn.port);
          return formatDsn({ ...dsn, port: network.port });
        },
      },
    );
    try {
      assert.ok(network);
      const access = await parts.access(postgres.settings(await postgres.database()));
      await until(
        'the agent is linked',
        () =>
          session(access)
            .then(({ client }) => client.end().then(() => true))
            .catch(() => false),
        20_000,
      );

      await parts.killAndRestart('gateway');
      await comesBack(parts, access, 'a restart of the gateway');

      const during = await session(access);
      network.swallow('to the gateway');
      await endsForThatReason(parts, access, during.lost);
      network.restore();
      await comesBack(parts, access, 'packets that vanished on their way to the gateway');

      if (transport === 'http') return;
      const before = await session(access);
      network.swallow();
      await Promise.all([pause(CUT_MS), endsForThatReason(parts, access, before.lost)]);
      network.restore();
      await comesBack(parts, access, 'a cut of ten seconds');
    } finally {
      network?.close();
      await parts[Symbol.asyncDispose]();
      await postgres.stop();
    }
  });
}

test('an agent whose key the gateway does not know says so over a WebSocket, and ends', { timeout: 30_000 }, async () => {
  const parts = await Parts.start({}, { transport: 'http', key: async (token) => token.replace(/xagt-..../, 'xagt-0000') });
  try {
    const { exitCode, stderr } = await parts.agentEnds();
    assert.equal(exitCode, 78);
    assert.match(stderr, /agent_key_invalid/);
    assert.match(stderr, /agent key is not valid/);
  } finally {
    await parts[Symbol.asyncDispose]();
  }
});
