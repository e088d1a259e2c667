import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageOf, parseDuration, sizeOf, spanOf } from './time.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

test('an age is told in its largest unit', () => {
  const ages = ['2026-11-21T11:59:48Z', '2026-11-21T11:01:00Z', '2026-11-21T00:00:00Z', '2026-11-12T12:00:00Z'];
  assert.deepEqual(
    ages.map((since) => ageOf(since, NOW)),
    ['12s', '59m', '12h', '9d'],
  );
});

test('an age in the future of this clock is zero, and one that is no time is a dash', () => {
  assert.equal(ageOf('2026-11-21T12:00:05Z', NOW), '0s');
  assert.equal(ageOf('soon', NOW), '-');
  assert.equal(ageOf(undefined, NOW), '-');
});

test('a duration is read in seconds, minutes, hours and days, alone or together', () => {
  assert.deepEqual(
    ['90s', '30m', '2h', '1d', '1h30m', '45'].map((text) => parseDuration(text)),
    [90, 1_800, 7_200, 86_400, 5_400, 45],
  );
});

test('what is no duration is not guessed at', () => {
  for (const text of ['', 'm', '-5m', '1.5h', '10 minutes', '1w', '5m ']) assert.equal(parseDuration(text), undefined, text);
});

test('spans and sizes are told in a unit that fits', () => {
  assert.deepEqual([850, 12_340, 4_200_000, 180_000_000].map(spanOf), ['850 µs', '12.3 ms', '4.2 s', '3 min']);
  assert.deepEqual([17, 1_229, 5 * 1024 * 1024].map(sizeOf), ['17 B', '1.2 KiB', '5.0 MiB']);
});
