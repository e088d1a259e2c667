import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { accuracies } from './accuracy.ts';

const rows = accuracies();
const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

test('what has a check digit is found, and what looks like it is left alone', () => {
  const checked = rows.filter(({ isChecked }) => isChecked);
  assert.ok(checked.length >= 25);
  for (const { entity, recall, precision } of checked) {
    assert.ok(recall >= 0.995, `${entity}: recall ${percent(recall)}`);
    assert.ok(precision >= 0.98, `${entity}: precision ${percent(precision)}`);
  }
});

test('the table in the documentation has the figures that are measured', () => {
  const page = readFileSync(new URL('../../docs/masking.md', import.meta.url), 'utf8');
  for (const { entity, isChecked, recall, precision } of rows) {
    const row = `| ${entity} | ${isChecked ? 'yes' : 'no'} | ${percent(recall)} | ${percent(precision)} |`;
    assert.ok(page.includes(row), `docs/masking.md should have the line: ${row}`);
  }
});
