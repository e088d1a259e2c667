import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Misconfigured, Refusal } from '@hoop/core/errors';
import { SignJWT } from 'jose';
import { openApi, ROLES } from '../testing/fixtures.ts';
import { TokenService } from './tokens.ts';

const refused = (error: unknown): boolean => error instanceof Refusal && error.code === 'unauthenticated';

test('tokens of one start are good after the next one: the signing key is kept, sealed', async () => {
  await using api = await openApi();
  const again = await TokenService.open(api.store, ROLES);
  assert.equal((await again.verify(api.tokens.standard)).email, 'standard@hoop.test');
  assert.match(String(await api.store.settings.get('identity.token_key')), /PRIVATE KEY/);
});

test('a signing key that is damaged stops the start, and shows nothing of it', async () => {
  await using api = await openApi();
  await api.store.settings.set('identity.token_key', 'damaged-key-text', { secret: true });
  await assert.rejects(TokenService.open(api.store, ROLES), (error: unknown) => {
    assert.ok(error instanceof Misconfigured);
    assert.ok(!String(error.stack).includes('damaged-key-text') && error.cause === undefined);
    return true;
  });
});

test('a token for somebody else’s audience, of another algorithm or without an end is not taken', async () => {
  await using api = await openApi();
  const { createPrivateKey } = await import('node:crypto');
  const key = createPrivateKey(String(await api.store.settings.get('identity.token_key')));
  const payload = JSON.parse(Buffer.from(api.tokens.admin.split('.')[1] ?? '', 'base64url').toString());
  const sign = (change: object, alg = 'EdDSA') => new SignJWT({ ...payload, ...change }).setProtectedHeader({ alg }).sign(key);
  assert.equal((await api.parts.tokens.verify(await sign({}))).isAdmin, true, 'the copy itself is good');
  const forged = [
    await sign({ aud: 'another' }),
    await sign({ iss: 'another' }),
    await sign({ exp: undefined }),
    await sign({ exp: payload.iat - 1 }),
    await sign({ sub: api.ids.other, pwv: 'another' }),
    await sign({ sub: 'admin@hoop.test' }),
    await new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(key.export({ type: 'pkcs8', format: 'der' })),
  ];
  for (const token of forged) await assert.rejects(api.parts.tokens.verify(token), refused);
});
