import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSecretReference, REFERENCE_CHARS_MAX, SecretReferenceError, showReference } from './secret-reference.ts';

test('a reference says its source, the id there, and the key', () => {
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf';
  const known: [string, unknown][] = [
    ['_envjson:SHOP:PORT', { source: 'envjson', id: 'SHOP', key: 'PORT' }],
    ['_aws:prod/shop:password', { source: 'aws', id: 'prod/shop', key: 'password' }],
    [`_aws:${arn}:password`, { source: 'aws', id: arn, key: 'password' }],
    ['_vaultkv1:kv/shop:password', { source: 'vaultkv1', id: 'kv/shop', key: 'password' }],
    ['_vaultkv2:secret/data/shop:pass word', { source: 'vaultkv2', id: 'secret/data/shop', key: 'pass word' }],
    ['_file:shop-password', { source: 'file', id: 'shop-password', key: undefined }],
    ['_file:shop.json:password', { source: 'file', id: 'shop.json', key: 'password' }],
    ['_aws_iam_rds:app', { source: 'aws_iam_rds', id: 'app' }],
    ['system.agent.envs', { source: 'agent' }],
  ];
  for (const [text, expected] of known) {
    const reference = parseSecretReference(text);
    assert.deepEqual(reference, expected, text);
    assert.equal(reference && showReference(reference), text);
  }
});

test('a plain value stays a plain value', () => {
  for (const text of [
    '',
    'hunter2',
    '_',
    '_aws',
    '_other:a:b',
    'aws:a:b',
    ' _aws:a:b',
    'constructor:a:b',
    '5432',
    'a:b:c',
    'system.agent.env',
  ])
    assert.equal(parseSecretReference(text), undefined, text);
});

test('what begins as a reference and is none is told with its form, and not shown', () => {
  const wrong = [
    '_aws:hunter2',
    '_aws::k',
    '_aws:hunter2:',
    '_envjson:',
    '_vaultkv2:hunter2:\n',
    '_file:',
    '_file:hunter2:',
    '_file:a:b:hunter2',
  ];
  for (const text of [...wrong, '_aws_iam_rds:', `_aws:hunter2${'x'.repeat(REFERENCE_CHARS_MAX)}:k`]) {
    const says = { name: 'SecretReferenceError', message: new RegExp(`write ${text.split(':')[0]}:<`) };
    assert.throws(() => parseSecretReference(text), says, text);
    assert.throws(
      () => parseSecretReference(text),
      (error) => error instanceof SecretReferenceError && !error.message.includes('hunter2'),
    );
  }
});
