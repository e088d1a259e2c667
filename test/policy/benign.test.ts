import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benignIn, denialOf, LANGUAGES, policyOf } from './corpora.ts';

/** Of texts of daily work, at most this share may be stopped by all packs together. */
const FALSE_BLOCKS_MAX = 0.01;

for (const language of LANGUAGES) {
  test(`all packs together let the daily work in ${language} pass`, async () => {
    const policy = policyOf(language);
    const texts = benignIn(language);
    const stopped: string[] = [];
    for (const text of texts) {
      const denial = await denialOf(policy, language, text);
      if (denial !== undefined) stopped.push(`${JSON.stringify(text)}: ${denial}`);
    }
    assert.ok(stopped.length <= texts.length * FALSE_BLOCKS_MAX, `${stopped.length} of ${texts.length}:\n${stopped.join('\n')}`);
  });
}

test('the corpora of daily work have not shrunk', () => {
  const count = LANGUAGES.map((language) => benignIn(language).length).reduce((sum, each) => sum + each, 0);
  assert.ok(count >= 1_040, `there are ${count}`);
});
