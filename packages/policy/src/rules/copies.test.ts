import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerRules } from '@hoop/core/answer';
import { compilePolicy } from '../rules.ts';

const MASKS = [{ name: 'm', entities: ['EMAIL_ADDRESS'] }];

async function untypedOf(text: string, more: object = {}): Promise<AnswerRules['untyped']> {
  const verdict = await compilePolicy({ revision: 1, guardrails: [], masks: MASKS, ...more }, 'postgres').judge({
    seq: 1,
    text,
    via: 'query',
  });
  return verdict.allow === true ? verdict.answer?.untyped : undefined;
}

test('a mask ends copies that tell no types, counts them where it may let them pass, and asks nothing of other answers', async () => {
  const strict = await untypedOf('COPY t TO STDOUT (FORMAT binary)');
  assert.match(strict && 'message' in strict ? strict.message : '', /^COPY in the binary format .* Copy in the text format, or as CSV$/);
  assert.deepEqual(await untypedOf('copy t to stdout binary', { mode: 'best-effort' }), { countedAs: 'UNCHECKED' });
  assert.equal(await untypedOf('select 1'), undefined);
  assert.equal(await untypedOf('copy t to stdout (format binary)', { masks: [] }), undefined);
  assert.equal(await untypedOf('copy t to stdout (format binary)', { masks: [{ name: 'm', entities: [], columns: ['x'] }] }), undefined);
});
