import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { AppError } from '@hoop/core/errors';
import { FakeSecretsManager } from '../testing/fake-aws.ts';
import { HandClock, secretsWith, wish } from '../testing/secrets-env.ts';
import { SECRET_CACHE_MS_MAX, SECRET_REPLY_BYTES_MAX } from './limits.ts';
import type { TargetSecrets } from './target-secrets.ts';

const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'hunter3' });
const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf';

const passOf = async (secrets: TargetSecrets, reference: string): Promise<string | undefined> =>
  (await secrets.resolve(wish({ PASS: reference }))).settings.PASS;

async function manager(): Promise<[FakeSecretsManager, TargetSecrets, HandClock]> {
  const aws = await FakeSecretsManager.start();
  aws.secrets.set('prod/shop', { SecretString: '{"password":"hunter2","port":5433}' });
  aws.secrets.set(ARN, { SecretString: '{"password":"by arn"}' });
  const clock = new HandClock();
  // The SDK's own region would come from the environment; an ARN says it, and the signature shows it.
  return [aws, secretsWith({}, { clock, aws: { credentials, endpoint: aws.url, region: 'us-east-2' } }), clock];
}

const tells = (kind: string, code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError);
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  assert.match(error.message, words);
  assert.match(error.message, /^PASS of the connection shop is _aws:/);
  assert.ok(!`${error.message} ${error.cause}`.includes('hunter'));
  return true;
};

describe('a secret in AWS Secrets Manager', () => {
  test('is read by name or ARN, in the region that the ARN says, with a signature', async () => {
    const [aws, secrets] = await manager();
    await using _ = aws;
    assert.equal(await passOf(secrets, '_aws:prod/shop:password'), 'hunter2');
    assert.equal(await passOf(secrets, '_aws:prod/shop:port'), '5433');
    assert.equal(await passOf(secrets, `_aws:${ARN}:password`), 'by arn');
    assert.deepEqual(
      aws.asked.map(({ id }) => id),
      ['prod/shop', ARN],
    );
    const [first, second] = aws.asked;
    assert.equal(first?.target, 'secretsmanager.GetSecretValue');
    assert.match(
      first?.authorization ?? '',
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-2\/secretsmanager\/aws4_request, .*Signature=[0-9a-f]{64}$/,
    );
    assert.match(second?.authorization ?? '', /\/eu-west-1\/secretsmanager\//);
  });

  test('is asked for once for many, and again after five minutes', async () => {
    const [aws, secrets, clock] = await manager();
    await using _ = aws;
    await Promise.all(Array.from({ length: 20 }, () => passOf(secrets, '_aws:prod/shop:password')));
    clock.pass(SECRET_CACHE_MS_MAX - 1);
    await passOf(secrets, '_aws:prod/shop:password');
    assert.equal(aws.asked.length, 1);
    clock.pass(1);
    await passOf(secrets, '_aws:prod/shop:password');
    assert.equal(aws.asked.length, 2);
  });

  test('is told as missing, forbidden or unreachable, with what to do and without AWS’s own words', async () => {
    const [aws, secrets] = await manager();
    await using _ = aws;
    aws.secrets.set('text', { SecretString: 'hunter2' });
    aws.secrets.set('bytes', { SecretBinary: Buffer.from('{"password":"from bytes"}').toString('base64') });
    assert.equal(await passOf(secrets, '_aws:bytes:password'), 'from bytes');
    await assert.rejects(passOf(secrets, '_aws:nosuch:password'), tells('misconfigured', 'secret_not_found', /no such secret/));
    await assert.rejects(passOf(secrets, '_aws:text:password'), tells('misconfigured', 'secret_not_found', /no JSON object/));
    await assert.rejects(passOf(secrets, '_aws:prod/shop:nosuch'), tells('misconfigured', 'secret_not_found', /no key nosuch/));
    const refusals: [number, string, string, RegExp][] = [
      [400, 'AccessDeniedException', 'misconfigured', /allow its role secretsmanager:GetSecretValue/],
      [400, 'ExpiredTokenException', 'misconfigured', /does not take the agent's credentials \(ExpiredTokenException\)/],
      [400, 'DecryptionFailure', 'target', /\(DecryptionFailure\)/],
      [500, 'InternalServiceError', 'target', /InternalServiceError/],
    ];
    for (const [status, type, kind, words] of refusals) {
      aws.refuse(status, type);
      await assert.rejects(passOf(secrets, '_aws:other:password'), tells(kind, 'secret_unavailable', words));
    }
  });

  test('is not waited for nor read without end', async () => {
    const [aws, secrets] = await manager();
    await using _ = aws;
    aws.instead = (response) => void response.end(`"${'hunter2'.repeat(SECRET_REPLY_BYTES_MAX / 4)}"`);
    await assert.rejects(passOf(secrets, '_aws:prod/shop:password'), tells('target', 'secret_unavailable', /more than 1048576 bytes/));
    aws.instead = (response) => void response.end('<html>hunter2</html>');
    await assert.rejects(passOf(secrets, '_aws:prod/shop:password'), tells('target', 'secret_unavailable', /does not speak as it does/));
    aws.instead = (response) => void response.writeHead(302, { location: aws.url }).end();
    await assert.rejects(passOf(secrets, '_aws:prod/shop:password'), tells('target', 'secret_unavailable', /elsewhere/));
  });

  test('is read by a process that has only AWS’s own variables, and told when it has none', async () => {
    const [aws] = await manager();
    await using _ = aws;
    const own = {
      AWS_REGION: 'eu-west-3',
      AWS_ACCESS_KEY_ID: 'AKIDOWN',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    };
    assert.equal(await inProcess(own), 'hunter2');
    assert.match(aws.asked[0]?.authorization ?? '', /Credential=AKIDOWN\/\d{8}\/eu-west-3\//);
    const nobody = { AWS_REGION: 'eu-west-3', AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' };
    assert.match(await inProcess(nobody), /^misconfigured secret_unavailable .*no credentials for AWS/);
    const { AWS_REGION: __, ...nowhere } = own;
    assert.match(await inProcess({ ...nowhere, HOME: '/nonexistent' }), /does not know its AWS region/);
  });
});

/** What an agent with these variables makes of the reference. */
async function inProcess(env: Record<string, string>): Promise<string> {
  const script = `
    const { TargetSecrets } = await import('${new URL('./target-secrets.ts', import.meta.url)}');
    const { readSecretsEnv } = await import('${new URL('./env.ts', import.meta.url)}');
    const secrets = new TargetSecrets({ env: readSecretsEnv(), ownProcess: true });
    const open = { connection: 'shop', protocol: 'postgres', settings: { PASS: '_aws:prod/shop:password' }, files: {} };
    const said = await secrets.resolve(open).then(({ settings }) => settings.PASS, ({ kind, code, message }) => [kind, code, message].join(' '));
    process.stdout.write(said);`;
  const flags = ['--conditions=hoop:source', '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env, timeout: 20_000 });
  return stdout;
}
