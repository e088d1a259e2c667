import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { judged, masks, shown } from './testing/shown.ts';
import { POSTGRES_WRAPS, WRAPS } from './testing/wraps.ts';

/** Pieces of statements, put together in any order. */
const PIECES =
  `select insert into update delete from where with recursive as ( ) , . * ; users email phone q 'text' "email" \`a\` 1 $1 ? :: [ ] union all values lateral
  join on using returning set create table view row_to_json count case when then end over copy to stdout prepare execute declare cursor for fetch c merge
  grouping array explain do $$ @x := handler { } procedure top limit -- /* */ = || -> group by order`.split(/\s+/);

describe('the reading of columns', () => {
  for (const [dialect, wraps] of [
    ['postgres', POSTGRES_WRAPS],
    ['mysql', WRAPS],
  ] as const) {
    test(`follows a value through everything that ${dialect} can put around it, and hides nothing else`, async () => {
      const steps = fc.array(fc.constantFrom(...wraps), { maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (chosen, isHidden) => {
          const text = chosen.reduce((query, wrap) => wrap(query), `select ${isHidden ? 'email' : 'id'} as c from users`);
          const { answer, denial } = await judged(text, masks(dialect));
          assert.equal(denial, undefined, text);
          assert.equal(shown(answer, ['c']), isHidden ? 'x' : '-', text);
        }),
        { numRuns: 400 },
      );
    });
  }

  for (const dialect of ['postgres', 'mysql', 'mssql'] as const) {
    test(`never fails for ${dialect}, and says something about every column`, async () => {
      const session = masks(dialect);
      const texts = fc.oneof(
        fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(' ')),
        fc.string({ maxLength: 60 }),
        fc.string({ unit: 'binary', maxLength: 60 }),
      );
      await fc.assert(
        fc.asyncProperty(texts, fc.array(fc.constantFrom('id', 'email', 'c', ''), { maxLength: 4 }), async (text, names) => {
          const { answer, denial } = await judged(text, session);
          assert.ok(denial || answer, text);
          assert.equal(shown(answer, names).length, names.length, text);
          assert.equal(shown(answer, names.length).length, names.length, text);
          if (names.includes('email') && answer) assert.equal(shown(answer, names)[names.indexOf('email')], 'x', text);
        }),
        { numRuns: 300 },
      );
    });
  }
});
