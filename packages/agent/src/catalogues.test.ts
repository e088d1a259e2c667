import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Catalogue, CatalogueSource } from '@hoop/core/catalogue';
import { TargetFault } from '@hoop/core/errors';
import type { AuditSink } from '@hoop/core/gate';
import { createLog } from '@hoop/core/log';
import { CATALOGUE_FRESH_MS, Catalogues, placeOf, type Subject } from './catalogues.ts';

const SETTINGS = { HOST: 'db', PORT: '5432', PASS: 'hunter2' };
const PLACE = placeOf('postgres', SETTINGS);
const FAULT = new TargetFault('catalogue_unread', 'It does not say');

/** A target that answers when it is told to, and a clock that a test moves. */
class Target {
  now_ms = 1_000;
  readonly asked: { resolve(digest: string): void; reject(error: Error): void }[] = [];
  readonly lines: string[] = [];
  readonly catalogues = new Catalogues(
    createLog({ level: 'info', encoding: 'json', to: { write: (line) => void this.lines.push(line) } }),
    { now: () => this.now_ms, micros: () => this.now_ms * 1_000 },
  );

  source(more: Partial<Subject> = {}): CatalogueSource {
    const read = (): Promise<Catalogue> =>
      new Promise((resolve, reject) => {
        const empty = { views: [], computed: [], routines: [], relatives: [], callers: [] };
        this.asked.push({ resolve: (digest) => resolve({ digest, ...empty }), reject });
      });
    return this.catalogues.of({ protocol: 'postgres', settings: SETTINGS, database: 'shop', read, ...more });
  }
}

const digestOf = async (source: CatalogueSource): Promise<string | undefined> => (await source.current())?.digest;

describe('what is at a target', () => {
  test('is read when somebody asks, once for all who ask meanwhile, and for each database and login by itself', async () => {
    const target = new Target();
    const [one, two, other] = [target.source(), target.source(), target.source({ database: 'other' })];
    assert.equal(target.asked.length, 0);
    const both = [digestOf(one), digestOf(two)];
    assert.equal(target.asked.length, 1);
    void other.current();
    void target.source({ settings: { ...SETTINGS, USER: 'x' } }).current();
    assert.equal(target.asked.length, 3);
    target.asked[0]?.resolve('a');
    assert.deepEqual(await Promise.all(both), ['a', 'a']);
    // From then on it is there at once.
    assert.ok(!(one.current() instanceof Promise));
  });

  test('is read again when its time is over, which is longer where it takes long, and stays the same object where nothing changed', async () => {
    const target = new Target();
    const source = target.source();
    const first = source.current();
    target.now_ms += 1_000;
    target.asked[0]?.resolve('a');
    const known = await first;
    target.now_ms += 2 * CATALOGUE_FRESH_MS - 1_001;
    assert.equal(source.current(), known);
    target.now_ms += 1;
    const second = source.current();
    target.asked[1]?.resolve('a');
    assert.equal(await second, known);
    target.now_ms += CATALOGUE_FRESH_MS;
    const third = source.current();
    target.asked[2]?.resolve('b');
    assert.equal((await third)?.digest, 'b');
  });

  test('is asked again after something changed it, and what was being read meanwhile does not count', async () => {
    const target = new Target();
    const source = target.source();
    const early = source.current();
    target.catalogues.changed(placeOf('postgres', { HOST: 'elsewhere', PORT: '5432' }));
    assert.equal(target.asked.length, 1);
    target.catalogues.changed(PLACE);
    const late = digestOf(source);
    assert.equal(target.asked.length, 2);
    target.asked[0]?.resolve('old');
    assert.equal((await early)?.digest, 'old');
    target.asked[1]?.resolve('new');
    assert.equal(await late, 'new');
    assert.equal(await digestOf(source), 'new');
  });

  test('counts for a while when it cannot be read again, then does not, and the log says so once, without a secret', async () => {
    const target = new Target();
    const source = target.source();
    const failing = async (): Promise<string | undefined> => {
      const asked = digestOf(source);
      target.asked.at(-1)?.reject(FAULT);
      return asked;
    };
    const first = digestOf(source);
    target.asked[0]?.resolve('a');
    assert.equal(await first, 'a');
    target.now_ms += CATALOGUE_FRESH_MS;
    assert.equal(await failing(), 'a');
    target.now_ms += 61_000;
    assert.equal(await failing(), undefined);
    assert.equal(source.current(), undefined);
    assert.equal(target.lines.length, 1);
    assert.match(target.lines[0] ?? '', /What is at a target cannot be read/);
    assert.doesNotMatch(target.lines[0] ?? '', /hunter2/);
    // A change makes what was known worth nothing at once.
    target.now_ms += 3_000;
    const again = digestOf(source);
    target.asked.at(-1)?.resolve('b');
    assert.equal(await again, 'b');
    target.catalogues.changed(PLACE);
    assert.equal(await failing(), undefined);
  });

  test('is tried once more by who waited for somebody else', async () => {
    const target = new Target();
    const [one, two] = [target.source(), target.source()];
    const [first, second] = [digestOf(one), digestOf(two)];
    target.asked[0]?.reject(FAULT);
    assert.equal(await first, undefined);
    target.asked[1]?.resolve('a');
    assert.equal(await second, 'a');
  });

  test('is kept of so many targets and no more', async () => {
    const target = new Target();
    const sources = Array.from({ length: 51 }, (_, at) => target.source({ database: `d${at}` }));
    for (const [at, source] of sources.entries()) {
      const read = digestOf(source);
      target.asked[at]?.resolve('a');
      await read;
    }
    assert.ok(!(sources[50]?.current() instanceof Promise));
    assert.ok(sources[0]?.current() instanceof Promise);
  });
});

describe('statements that may change what is at a target', () => {
  const SINK: AuditSink = { intent: () => undefined, settled: () => undefined };

  /** After which of these statements it is read again. */
  async function readAgainAfter(texts: readonly string[]): Promise<readonly string[]> {
    const target = new Target();
    const source = target.source();
    const sink = target.catalogues.watching(SINK, () => PLACE);
    const again: string[] = [];
    const read = async (): Promise<boolean> => {
      const current = source.current();
      if (!(current instanceof Promise)) return false;
      target.asked.at(-1)?.resolve('a');
      await current;
      return true;
    };
    await read();
    for (const [seq, text] of texts.entries()) {
      sink.settled({ seq, text, via: 'query' }, { rows: 0, bytes: 0, duration_us: 0 });
      if (await read()) again.push(text);
    }
    return again;
  }

  test('are heard of at their end, and again at the end of their transaction', async () => {
    assert.deepEqual(
      await readAgainAfter([
        'begin',
        'select 1',
        '/* x */ CREATE VIEW v AS SELECT 1',
        'select 2',
        'commit',
        'commit',
        'alter view v rename to w',
      ]),
      ['/* x */ CREATE VIEW v AS SELECT 1', 'commit', 'alter view v rename to w'],
    );
    assert.deepEqual(await readAgainAfter(['select 1;\ndrop view v', 'rename table a to b']), [
      'select 1;\ndrop view v',
      'rename table a to b',
    ]);
  });

  test('are not those of every day', async () => {
    const texts = [
      'select 1',
      "insert into t values ('create') on conflict do nothing",
      'begin',
      'commit',
      'create temp table t (a int)',
      'create temporary table t (a int)',
      'call p()',
      'select case when a then b end from t',
    ];
    assert.deepEqual(await readAgainAfter(texts), []);
  });
});
