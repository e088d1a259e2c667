import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { listSegments, scanSegment, verifyLog } from '@hoop/store/audit/scan';
import pg from 'pg';
import type { Access } from '../support/office.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

const KILLS_OF_EACH = 25;
const CLIENTS = 4;
const ACTIONS_BETWEEN_KILLS = 20;

/** Clients that ask one thing after the other, each thing only once, and come back whenever they are thrown out. */
class Load {
  /** What was asked and answered. */
  readonly acknowledged: string[] = [];
  readonly #access: Access;
  readonly #clients: Promise<void>[];
  #asked = 0;
  #stopped = false;

  constructor(access: Access) {
    this.#access = access;
    this.#clients = Array.from({ length: CLIENTS }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { host, port, secret, connection } = this.#access;
      const client = new pg.Client({
        host,
        port,
        user: connection,
        password: secret,
        database: connection,
        connectionTimeoutMillis: 5_000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!this.#stopped) await this.#ask(client);
      } catch {
        // Thrown out, or not let in yet: the test is about what was answered before.
        await pause(10);
      }
      await client.end().catch(() => undefined);
    }
  }

  async #ask(client: pg.Client): Promise<void> {
    const marker = `marker-${++this.#asked}-`;
    const { rows } = await client.query(`select '${marker}' as marker`);
    assert.equal(rows[0]?.marker, marker);
    this.acknowledged.push(marker);
  }
}

/** Every marker that is in some record of the log. */
function recordedMarkers(directory: string): Set<string> {
  const markers = new Set<string>();
  for (const segment of listSegments(directory)) {
    scanSegment(directory, segment, undefined, ({ records }) => {
      for (const { payload } of records) {
        for (const [marker] of payload.toString('latin1').matchAll(/marker-\d+-/g)) markers.add(marker);
      }
    });
  }
  return markers;
}

test('no answered statement is without its record, and the system comes back, after fifty kills at random moments', async () => {
  const postgres = await TestPostgres.start();
  const database = await postgres.database();
  const parts = await Parts.start();
  try {
    const load = new Load(await parts.access(postgres.settings(database)));
    for (let kill = 0; kill < 2 * KILLS_OF_EACH; kill++) {
      const before = load.acknowledged.length;
      const part = kill % 2 === 0 ? 'gateway' : 'agent';
      await until(`statements are answered before kill ${kill}`, () => load.acknowledged.length >= before + ACTIONS_BETWEEN_KILLS, 30_000);
      await pause(randomInt(50));
      await parts.killAndRestart(part);
    }
    const after = load.acknowledged.length;
    await until('statements are answered after the last kill', () => load.acknowledged.length > after + ACTIONS_BETWEEN_KILLS, 30_000);
    await load.stop();
    assert.equal(await parts.stop('gateway'), 0);
    const audit = join(parts.home, 'audit');
    assert.equal(verifyLog(audit).damage, undefined);
    const recorded = recordedMarkers(audit);
    const lost = load.acknowledged.filter((marker) => !recorded.has(marker));
    assert.deepEqual(lost, [], `${lost.length} of ${load.acknowledged.length} answered statements have no record`);
    assert.ok(load.acknowledged.length > 2 * KILLS_OF_EACH * ACTIONS_BETWEEN_KILLS);
  } finally {
    await parts[Symbol.asyncDispose]();
    await postgres.stop();
  }
});
