import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../../support/until.ts';
import type { TargetPlace } from '../place.ts';
import type { Row, World } from './row.ts';

/** Where the column does not say less. */
const SESSIONS = 1_000;
const AT_ONCE = 20;

/** What a session may leave; measured it is nothing, with a megabyte of noise in all. */
const KEPT_BYTES_MAX = 1_000;
const NOISE_BYTES = 1_000_000;

/** What the process has left after a full collection, in bytes. */
function heap(): number {
  return leftAfterCollection().heapUsed;
}

/** The same with what buffers hold outside of the heap. Resident memory would tell more of the collector's mood than of what is held. */
function held(): number {
  const { heapUsed, external } = leftAfterCollection();
  return heapUsed + external;
}

function leftAfterCollection(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage();
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

async function comeAndGo(world: World, place: TargetPlace, count: number): Promise<void> {
  const access = await world.access(undefined, place.quickest);
  const text = world.column.texts.answer('hello');
  let left = count;
  const oneAfterAnother = async (): Promise<void> => {
    while (left-- > 0) {
      const visit = await world.enter(access);
      assert.deepEqual(await visit.client.ask(text), { rows: ['hello'] });
      await world.leave(visit);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, oneAfterAnother));
  const { engine } = world.system.gateway;
  await until('gateway, agent and target have no session left', async () => {
    return engine.liveCount() === 0 && world.system.runner.live === 0 && (await place.sessions()) === 0;
  });
}

export const manyRows: readonly Row[] = [
  {
    promise: 'many short sessions leave no stream, file or memory behind',
    once: true,
    async prove(world) {
      const place = await world.target.place();
      const sessions = world.column.shortSessions ?? SESSIONS;
      await comeAndGo(world, place, sessions / 5);
      const before = { files: openFiles(), heap: heap() };
      await comeAndGo(world, place, sessions);
      await until('every file is closed', () => openFiles() <= before.files + 2);
      const kept_max = Math.max(sessions * KEPT_BYTES_MAX, NOISE_BYTES);
      await until(`less than ${kept_max} bytes of all sessions are left`, () => heap() - before.heap < kept_max);
    },
  },
  {
    promise: 'a client that does not read slows no neighbour, and holds only a bounded part of its answer',
    skills: ['stall'],
    async prove(world) {
      const stalled = await world.visit();
      await stalled.client.ask(world.column.texts.answer('in'));
      const neighbour = await world.visit();
      const text = world.column.texts.rows(100_000, 100);
      const asks = async (): Promise<void> => assert.equal((await neighbour.client.ask(text)).rows.length, 100_000);
      await asks();
      const before = held();
      stalled.client.stall?.();
      void stalled.client.ask(world.column.texts.rows(8_000_000, 100));
      for (let time = 0; time < 3; time++) await asks();
      const grown = (held() - before) / 2 ** 20;
      // The neighbour’s client, which is in this process too, keeps some 40 MiB of what it was told.
      assert.ok(grown < 100, `the process holds ${Math.round(grown)} MiB more while 800 MB wait`);
    },
  },
];
