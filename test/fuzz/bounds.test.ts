import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTITIES, Search } from '@hoop/policy/detectors/search';
import { compileMasks, maskableEntities } from '@hoop/policy/masks';
import { analyseShell } from '@hoop/policy/shell/analyse';
import { classify } from '@hoop/policy/sql/analyse';
import { loadParser } from '@hoop/policy/sql/postgres/parser';
import { PIECES, textOf } from './hostile-bytes.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What one detector, or one reader of statements, may take for a megabyte on a machine that does nothing else. */
const MS_MAX = 50;
/** This machine does much else, and two of its processors may be one. */
const BUSY = 8;
/** Four times the bytes are four times the work, and a little more: at the end of a text things are cut short. */
const GROWTH_MAX = 6;
/** By more than sixty detectors, of which several read a number, and the words before it, once more. */
const READS_A_BYTE_MAX = 1_000;

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
      let worst = { piece: '', ms: -1 };
      for (const piece of PIECES) {
        const text = textOf(piece, 4 * KIB);
        const started = performance.now();
        search.find(text);
        const ms = performance.now() - started;
        if (ms > worst.ms) worst = { piece, ms };
      }
      const text = textOf(worst.piece, MIB);
      const took_ms = quickest((MS_MAX * BUSY) / 2, () => searched(search, text));
      if (took_ms > MS_MAX * BUSY) slow.push(`${entity} in ${named(worst.piece)}: ${Math.round(took_ms)} ms`);
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

  test('gives no more findings than it has bytes for', () => {
    const search = new Search(new Map(ENTITIES.map((entity) => [entity, 0])));
    for (const piece of PIECES) {
      const text = textOf(piece, 64 * KIB);
      const count = search.find(text).length;
      assert.ok(count <= text.length * FINDINGS_A_BYTE_MAX, `${named(piece)}: ${count}`);
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
        const took_ms = quickest((MS_MAX * BUSY) / 2, () => read(`${text}${round++}`));
        if (took_ms > MS_MAX * BUSY) slow.push(`${name}, ${named(piece)}: ${Math.round(took_ms)} ms`);
      }
    }
    assert.deepEqual(slow, []);
  });
});

/** Every number can be a dozen things, and at the end of as many sequences as a code has groups. */
const FINDINGS_A_BYTE_MAX = 16;
