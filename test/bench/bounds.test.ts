import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ENTITIES, Search } from '@hoop/policy/detectors/search';
import { compileMasks, maskableEntities } from '@hoop/policy/masks';
import { analyseShell } from '@hoop/policy/shell/analyse';
import { classify } from '@hoop/policy/sql/analyse';
import { loadParser } from '@hoop/policy/sql/postgres/parser';
import { PIECES, textOf } from '../fuzz/hostile-bytes.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What one detector, or one reader of statements, may take for a megabyte on a machine that does nothing else. */
const MS_MAX = 50;
/**
 * Time of the processor is counted, not of the clock; but two processors of a machine may be one that does two things, and what others do
 * takes its caches and lowers its speed. On a machine that does nothing else `MS_MAX` itself is kept.
 */
const BUSY = 3;
/** The processor's time is told in steps of some milliseconds, so that of a short text the clock's is taken; so many are then looked at. */
const WORST_PIECES = 2;
/** Four times the bytes are four times the work, and a little more: at the end of a text things are cut short. */
const GROWTH_MAX = 6;
/** By more than sixty detectors, of which several read a number, and the words before it, once more. */
const READS_A_BYTE_MAX = 1_000;

/** A number can be a dozen things; but what goes on from a finding of the same entity belongs to it. */
const FINDINGS_A_BYTE_MAX = 1;
/** Most of it are findings, each of some sixty bytes. */
const HEAP_A_BYTE_MAX = 128;
/** For views there is room that is always there. */
const EXTERNAL_A_BYTE_MAX = 1;
/** For the program itself, and for what nobody has collected yet. */
const HEAP_MB = 48;

/** What a search for everything takes of a megabyte of nothing but the piece, by a thread that dies when its heap takes more. */
async function memoryOf(piece: string): Promise<{ readonly external: number }> {
  const worker = new Worker(new URL('./search-all.ts', import.meta.url), {
    workerData: { piece, bytes: MIB },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_A_BYTE_MAX, maxYoungGenerationSizeMb: HEAP_MB },
  });
  const [taken] = await once(worker, 'message');
  await worker.terminate();
  return taken;
}

/** Milliseconds of processor time of the quickest of a few, as soon as one is quick enough. */
function quickest(enough_ms: number, work: () => unknown): number {
  let best_ms = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && best_ms > enough_ms; round++) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    best_ms = Math.min(best_ms, (user + system) / 1_000);
  }
  return best_ms;
}

/** The pieces that a search takes longest for. */
function worstOf(search: Search): readonly string[] {
  const times = PIECES.map((piece) => {
    const text = textOf(piece, 8 * KIB);
    let least_ms = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 2; round++) {
      const started = performance.now();
      search.find(text);
      least_ms = Math.min(least_ms, performance.now() - started);
    }
    return { piece, least_ms };
  });
  times.sort((one, other) => other.least_ms - one.least_ms);
  return times.slice(0, WORST_PIECES).map(({ piece }) => piece);
}

function named(piece: string): string {
  return JSON.stringify(piece.slice(0, 24));
}

/** A text that counts how often somebody looks at one of its bytes: the same in every run, whatever else the machine does. */
function counting(text: Buffer): { readonly text: Buffer; readonly reads: () => number } {
  let reads = 0;
  const counted = new Proxy(text, {
    get: (target, key) => {
      if (typeof key === 'string' && key.charCodeAt(0) <= 0x39) {
        reads++;
        return target[Number(key)];
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { text: counted, reads: () => reads };
}

/** How often all detectors together look at the bytes of a text. */
function readsOf(search: Search, piece: string, bytes: number): number {
  const { text, reads } = counting(textOf(piece, bytes));
  search.find(text);
  return reads();
}

/** A text that is too slow for the clock on the wall is given up; what counts here is the processor's. */
function searched(search: Search, text: Buffer): void {
  try {
    search.find(text);
  } catch (error) {
    assert.match(String(error), /takes too long/);
  }
}

describe('a megabyte of any content', () => {
  test('is looked at by each detector in linear time, also of what it has most to do with', () => {
    const slow: string[] = [];
    for (const entity of ENTITIES) {
      const search = new Search(new Map([[entity, 0]]));
      for (const piece of worstOf(search)) {
        const text = textOf(piece, MIB);
        const took_ms = quickest(MS_MAX * BUSY, () => searched(search, text));
        if (took_ms > MS_MAX * BUSY) slow.push(`${entity} in ${named(piece)}: ${Math.round(took_ms)} ms`);
      }
    }
    assert.deepEqual(slow, []);
  });

  test('is read so many times by all detectors together, four times as often when there is four times as much', () => {
    const search = new Search(new Map(ENTITIES.map((entity) => [entity, 0])));
    const mask = compileMasks([{ name: 'all', entities: maskableEntities() }]);
    const often: string[] = [];
    for (const piece of PIECES) {
      const small = readsOf(search, piece, KIB);
      const large = readsOf(search, piece, 4 * KIB);
      if (large > small * GROWTH_MAX || large > 4 * KIB * READS_A_BYTE_MAX)
        often.push(`${named(piece)}: ${small} for 1 KiB, ${large} for 4`);
      const text = textOf(piece, 16 * KIB);
      assert.equal(mask.apply(text, {}).length, text.length, named(piece));
    }
    assert.deepEqual(often, []);
  });

  test('gives no more findings than it has bytes, in memory of so many bytes for each of them', async () => {
    const search = new Search(new Map(ENTITIES.map((entity) => [entity, 0])));
    const counts = PIECES.map((piece) => ({ piece, count: search.find(textOf(piece, 16 * KIB)).length }));
    counts.sort((one, other) => other.count - one.count);
    for (const { piece, count } of counts) assert.ok(count <= 16 * KIB * FINDINGS_A_BYTE_MAX, `${named(piece)}: ${count}`);
    for (const { piece } of counts.slice(0, 4)) {
      const taken = await memoryOf(piece).catch((cause: unknown) => assert.fail(`${named(piece)}: ${String(cause)}`));
      assert.ok(taken.external <= MIB * EXTERNAL_A_BYTE_MAX, `${named(piece)}: ${taken.external} bytes outside of the heap`);
    }
  });

  test('is read by each reader of statements in linear time, or not at all', async () => {
    await loadParser();
    const readers: Readonly<Record<string, (text: string) => unknown>> = {
      postgres: (text) => classify('postgres', text),
      mysql: (text) => classify('mysql', text),
      mssql: (text) => classify('mssql', text),
      shell: analyseShell,
    };
    const slow: string[] = [];
    for (const [name, read] of Object.entries(readers)) {
      for (const piece of PIECES) {
        const text = `select ${textOf(piece, MIB - 64).toString('latin1')}`;
        let round = 0;
        // Each time another text: what was read before is remembered.
        const took_ms = quickest(MS_MAX * BUSY, () => read(`${text}${round++}`));
        if (took_ms > MS_MAX * BUSY) slow.push(`${name}, ${named(piece)}: ${Math.round(took_ms)} ms`);
      }
    }
    assert.deepEqual(slow, []);
  });
});
