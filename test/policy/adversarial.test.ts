import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MaskCounts } from '@hoop/core/gate';
import { entityMask } from '@hoop/policy/masks';
import { BodyMask } from '@hoop/protocols/http/text-mask';
import { MaskStream } from '@hoop/protocols/shared/mask-stream';

/** A value in a disguise. The list only grows. */
interface Case {
  readonly entity: string;
  /** The value without its disguise. */
  readonly core: string;
  readonly how: string;
  readonly text?: string;
  readonly base64?: string;
  /** Why it is shown nevertheless. */
  readonly limit?: string;
}

const CASES: readonly Case[] = readFileSync(new URL('masking-cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

const CASES_MIN = 1_000;
const LIMITS_MAX = 40;

/** What is left of a value when all that is not a letter or digit is taken out. */
const bare = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase();

/** Why the value can still be read; undefined when it cannot. */
function leak({ entity, core }: Case, input: Buffer): string | undefined {
  const mask = entityMask([entity]);
  if (!mask.suspects(input)) return 'nothing was suspected';
  const counts: MaskCounts = {};
  const output = mask.apply(input, counts);
  if (counts[entity] === undefined) return 'nothing was counted';
  if (output.length !== input.length) return 'the length changed';
  const shown = bare(output.toString('utf8'));
  const value = bare(core);
  for (let at = 0; at + 6 <= value.length; at++) if (shown.includes(value.slice(at, at + 6))) return `it shows ${value.slice(at, at + 6)}`;
  return undefined;
}

test('a value in any of a thousand disguises is hidden, or listed as a limit', () => {
  const faults: string[] = [];
  for (const each of CASES) {
    const input = each.base64 === undefined ? Buffer.from(each.text ?? '') : Buffer.from(each.base64, 'base64');
    const why = leak(each, input);
    if (why !== undefined && each.limit === undefined) faults.push(`${each.entity} ${each.core}, ${each.how}: ${why}`);
    if (why === undefined && each.limit !== undefined)
      faults.push(`${each.entity} ${each.core}, ${each.how}: is hidden now, take its limit out`);
  }
  assert.deepEqual(faults, []);
  assert.ok(CASES.length >= CASES_MIN, `there are ${CASES.length} cases`);
  assert.ok(CASES.filter(({ limit }) => limit !== undefined).length <= LIMITS_MAX);
});

const SPLIT = [
  '4111 1111 1111 1111',
  '4111111111111111',
  '536-90-4399',
  'ada.lovelace@example.org',
  'DE89 3704 0044 0532 0130 00',
  'AKIAIOSFODNN7EXAMPLE',
];
const mask = entityMask(['CREDIT_CARD', 'US_SSN', 'EMAIL_ADDRESS', 'IBAN_CODE', 'AWS_ACCESS_KEY']);

test('a value that comes in two pieces is hidden, wherever it is cut', async () => {
  for (const value of SPLIT) {
    const text = Buffer.from(`a line\nit is ${value}\nbye\n`);
    for (let cut = 1; cut < text.length; cut++) {
      const pieces = [text.subarray(0, cut), text.subarray(cut)];
      const stream = new MaskStream();
      const terminal = Buffer.concat([...pieces.map((piece) => stream.push(piece, mask, {})), stream.flush(mask, {})]);
      const body = new BodyMask(mask);
      const http = Buffer.concat(await Promise.all([...pieces.map((piece) => body.push(piece)), body.end()]));
      for (const output of [terminal, http])
        assert.doesNotMatch(String(output), /1111|4399|lovelace|0532|FODNN/, `${value} cut at ${cut}: ${output}`);
    }
  }
});
