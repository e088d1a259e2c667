import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { HandClock, secretsWith, wish } from '../testing/secrets-env.ts';
import { RDS_TOKEN_MS } from './limits.ts';
import { rdsTarget } from './rds-token.ts';

const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI', sessionToken: 'session+token' };
const credentials = async () => KEY;
const HOST = 'shop.cluster-abc123.eu-central-1.rds.amazonaws.com';
const IAM = { HOST, USER: '_aws_iam_rds:app user', PORT: '5433' };

/** AWS Signature Version 4 of a presigned request, computed from its specification. */
function signatureOf(token: URL, secret: string): string {
  const [key = '', day = '', region = '', service = ''] = (token.searchParams.get('X-Amz-Credential') ?? '').split('/');
  assert.ok(key);
  const code = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...token.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${code(name)}=${code(value)}`)
    .sort()
    .join('&');
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const canonical = ['GET', '/', query, `host:${token.host}`, '', 'host', hash('')].join('\n');
  const scope = [day, region, service, 'aws4_request'].join('/');
  const toSign = ['AWS4-HMAC-SHA256', token.searchParams.get('X-Amz-Date'), scope, hash(canonical)].join('\n');
  const sign = (by: string | Buffer, text: string): Buffer => createHmac('sha256', by).update(text).digest();
  return sign(sign(sign(sign(sign(`AWS4${secret}`, day), region), service), 'aws4_request'), toSign).toString('hex');
}

describe('a login to RDS by IAM', () => {
  test('is a signed address of fifteen minutes for this host, port and user', async () => {
    const { settings } = await secretsWith({}, { aws: { credentials } }).resolve(wish(IAM));
    assert.deepEqual([settings.USER, settings.HOST, settings.PORT, settings.SSLMODE], ['app user', HOST, '5433', 'require']);
    const token = new URL(`https://${settings.PASS}`);
    assert.equal(token.host, `${HOST}:5433`);
    const { 'X-Amz-Signature': signature, 'X-Amz-Date': date = '', ...query } = Object.fromEntries(token.searchParams);
    const { 'X-Amz-Credential': credential, ...rest } = query;
    assert.equal(credential, `AKIDEXAMPLE/${date.slice(0, 8)}/eu-central-1/rds-db/aws4_request`);
    assert.deepEqual(rest, {
      Action: 'connect',
      DBUser: 'app user',
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Expires': '900',
      'X-Amz-Security-Token': 'session+token',
      'X-Amz-SignedHeaders': 'host',
      ...('X-Amz-Content-Sha256' in rest ? { 'X-Amz-Content-Sha256': rest['X-Amz-Content-Sha256'] } : {}),
    });
    assert.equal(signature, signatureOf(token, KEY.secretAccessKey));
  });

  test('is made once for fourteen minutes, and for each host, port and user apart', async () => {
    const clock = new HandClock();
    // Two tokens of one second are the same: how often credentials are asked for tells how many were made.
    let made = 0;
    const counted = async () => ({ ...KEY, accessKeyId: `AKID${made++}` });
    const secrets = secretsWith({ AWS_REGION: 'us-east-1' }, { clock, aws: { credentials: counted } });
    const pass = async (more: Record<string, string> = {}): Promise<string | undefined> =>
      (await secrets.resolve(wish({ ...IAM, ...more }))).settings.PASS;
    const first = await pass();
    clock.pass(RDS_TOKEN_MS - 1);
    assert.equal(await pass(), first);
    assert.equal(made, 1);
    clock.pass(1);
    assert.notEqual(await pass(), first);
    const others: Record<string, string>[] = [{ USER: '_aws_iam_rds:other' }, { PORT: '5432' }, { HOST: 'db.internal' }];
    for (const other of others) await pass(other);
    assert.equal(made, 5);
  });

  test('finds region and port, or says what to set', () => {
    const target = (protocol: string, settings: Record<string, string>, region?: string) => rdsTarget(protocol, 'u', settings, region);
    assert.deepEqual(target('postgres', { HOST }), { host: HOST, port: 5432, user: 'u', region: 'eu-central-1' });
    assert.deepEqual(target('mysql', { HOST: 'db.abc.cn-north-1.rds.amazonaws.com.cn' }).region, 'cn-north-1');
    assert.equal(target('mysql', { HOST: 'p.proxy-x.us-gov-west-1.rds.amazonaws.com' }).port, 3306);
    assert.equal(target('postgres', { HOST: 'db.internal' }, 'us-east-1').region, 'us-east-1');
    const wrong: [string, Record<string, string>, RegExp][] = [
      ['postgres', { HOST: 'db.internal' }, /AWS_REGION/],
      ['postgres', { HOST: 'x.eu-central-1.rds.amazonaws.com.evil.example' }, /AWS_REGION/],
      ['postgres', {}, /set HOST/],
      ['postgres', { HOST: 'a/b' }, /set HOST/],
      ['postgres', { HOST, PORT: '0' }, /set PORT/],
      ['mssql', { HOST }, /no logins by IAM for mssql/],
    ];
    for (const [protocol, settings, words] of wrong) assert.throws(() => target(protocol, settings), { message: words });
  });

  test('is not sent without TLS, and belongs into USER alone', async () => {
    const secrets = secretsWith({}, { aws: { credentials } });
    const words = (message: RegExp) => ({ code: 'secret_reference_invalid', kind: 'misconfigured', message });
    await assert.rejects(secrets.resolve(wish({ ...IAM, SSLMODE: 'disable' })), words(/^USER of .* SSLMODE/));
    await assert.rejects(secrets.resolve(wish({ HOST, PASS: '_aws_iam_rds:app' })), words(/^PASS of .* belongs into USER/));
    await assert.rejects(
      secrets.resolve(wish({ HOST }, { USER: Buffer.from('_aws_iam_rds:app').toString('base64') })),
      words(/belongs into USER/),
    );
    assert.equal((await secrets.resolve(wish({ ...IAM, SSLMODE: 'verify-full' }))).settings.SSLMODE, 'verify-full');
  });
});
