import assert from 'node:assert/strict';
import { test } from 'node:test';
import { denialOf, evasionsIn, LANGUAGES, policyOf } from './corpora.ts';

for (const language of LANGUAGES) {
  test(`no known way around the packs for ${language} works`, async () => {
    const policies = new Map<string, ReturnType<typeof policyOf>>();
    const passed: string[] = [];
    for (const { attack, pack, text } of evasionsIn(language)) {
      const policy = policies.get(pack) ?? policyOf(language, [pack]);
      policies.set(pack, policy);
      if ((await denialOf(policy, language, text)) === undefined) passed.push(`${attack} ${pack}: ${JSON.stringify(text)}`);
    }
    assert.deepEqual(passed, []);
  });
}

test('the corpora of evasions have not shrunk', () => {
  const counts = LANGUAGES.map((language) => evasionsIn(language).length);
  const least = [1627, 1196, 1157, 401];
  for (const [index, count] of counts.entries()) assert.ok(count >= (least[index] ?? 0), `${LANGUAGES[index]} has ${count}`);
});
