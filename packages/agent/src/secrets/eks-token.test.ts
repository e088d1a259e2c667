import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { AppError } from '@hoop/core/errors';
import { HandClock, secretsWith, wish } from '../testing/secrets-env.ts';
import type { AwsCredentials, AwsOptions } from './aws.ts';
import { eksTarget } from './eks-token.ts';
import { EKS_TOKEN_MS } from './limits.ts';

const KEY: AwsCredentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const NOON = Date.parse('2026-11-20T12:00:00Z');
const URL_OF_SHOP = 'https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com';
const SHOP = { KUBERNETES_CLUSTER_URL: URL_OF_SHOP, EKS_CLUSTER: 'shop' };

/** Made by botocore 1.43 with the same credentials, cluster and time, as `aws eks get-token` makes them. */
const OF_BOTOCORE = {
  shop: 'https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261120%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20261120T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=2bbdc1af34d1002cd15185cd703f8b15b29f8acc542ed2140307390bddce1a1c',
  ofSession:
    'https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261120%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261120T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=session%2Btoken%2F%3D&X-Amz-Signature=7b0902fba3293ae14d375682d789190e7301101a1f4fe5f1f5c1aaa7c9a5f192',
};

/** A clock at noon of a day, which only moves when it is told. */
function noon() {
  let now = NOON;
  return { now: () => now, micros: () => now * 1_000, pass: (ms: number) => void (now += ms) };
}

async function tokenOf(settings: Record<string, string>, aws: AwsOptions, clock = noon()): Promise<Record<string, string>> {
  const resolved = await secretsWith({}, { clock, aws }).resolve(wish(settings, {}, 'http'));
  return { ...resolved.settings };
}

const questionIn = (token = ''): string => Buffer.from(token.replace(/^k8s-aws-v1\./, ''), 'base64url').toString();

describe('a login to a cluster of EKS', () => {
  test('is the question that the tools of AWS sign, to the byte', async () => {
    const settings = await tokenOf(SHOP, { credentials: async () => KEY });
    assert.deepEqual(Object.keys(settings).sort(), ['KUBERNETES_BEARER_TOKEN', 'KUBERNETES_CLUSTER_URL']);
    assert.equal(settings.KUBERNETES_BEARER_TOKEN, `k8s-aws-v1.${Buffer.from(OF_BOTOCORE.shop).toString('base64url')}`);
    const ofSession = await tokenOf(
      { ...SHOP, EKS_CLUSTER: 'my-cluster_2', EKS_AWS_REGION: 'us-east-1' },
      { credentials: async () => ({ ...KEY, sessionToken: 'session+token/=' }) },
    );
    assert.equal(questionIn(ofSession.KUBERNETES_BEARER_TOKEN), OF_BOTOCORE.ofSession);
  });

  test('is made again before the cluster stops taking it, in sessions that are open too', async () => {
    const clock = noon();
    const resolved = await secretsWith({}, { clock, aws: { credentials: async () => KEY } }).resolve(wish(SHOP, {}, 'http'));
    const now = async (): Promise<string | undefined> => (await resolved.current?.())?.KUBERNETES_BEARER_TOKEN;
    const first = resolved.settings.KUBERNETES_BEARER_TOKEN;
    clock.pass(EKS_TOKEN_MS - 1);
    assert.equal(await now(), first);
    clock.pass(1);
    const second = await now();
    assert.notEqual(second, first);
    assert.match(questionIn(second), /X-Amz-Date=20261120T121400Z/);
  });

  test('does not outlive the credentials that signed it', async () => {
    const clock = noon();
    const credentials = async () => ({ ...KEY, expiration: new Date(NOON + 5 * 60_000) });
    const resolved = await secretsWith({}, { clock, aws: { credentials } }).resolve(wish(SHOP, {}, 'http'));
    clock.pass(4 * 60_000);
    assert.notEqual((await resolved.current?.())?.KUBERNETES_BEARER_TOKEN, resolved.settings.KUBERNETES_BEARER_TOKEN);
  });

  test('is made in a role, which is asked for under the connection’s name', async () => {
    await using sts = await FakeSts.start();
    const role = { EKS_ROLE_ARN: 'arn:aws:iam::123456789012:role/viewer' };
    const clock = new HandClock();
    const secrets = secretsWith({}, { clock, aws: { credentials: async () => KEY, endpoint: sts.url } });
    const { settings } = await secrets.resolve(wish({ ...SHOP, ...role }, {}, 'http'));
    assert.match(questionIn(settings.KUBERNETES_BEARER_TOKEN), /X-Amz-Credential=ASIAROLE%2F.*X-Amz-Security-Token=of-the-role/);
    const [asked] = sts.asked;
    assert.deepEqual(
      [asked?.get('Action'), asked?.get('RoleArn'), asked?.get('RoleSessionName')],
      ['AssumeRole', role.EKS_ROLE_ARN, 'hoop-shop'],
    );
    await secrets.resolve(wish({ ...SHOP, ...role, EKS_ROLE_SESSION: 'me' }, {}, 'http'));
    assert.equal(sts.asked[1]?.get('RoleSessionName'), 'me');
  });

  test('that cannot be made says what to do, and shows no secret', async () => {
    const refused = async (settings: Record<string, string>, aws: AwsOptions): Promise<string> => {
      const error = await tokenOf(settings, aws).then(
        () => assert.fail('it was made'),
        (thrown: AppError) => thrown,
      );
      assert.equal(error.message.includes('wJalrXUtnFEMI'), false);
      return `${error.code} ${error.message}`;
    };
    const none = async (): Promise<AwsCredentials> => {
      throw Object.assign(new Error('secret hunter2'), { name: 'CredentialsProviderError' });
    };
    assert.match(
      await refused(SHOP, { credentials: none }),
      /^secret_unavailable EKS_CLUSTER of the connection shop is set, and the agent has no credentials/,
    );
    await using sts = await FakeSts.start();
    sts.refuses = true;
    const role = { EKS_ROLE_ARN: 'arn:aws:iam::123456789012:role/viewer' };
    assert.match(await refused({ ...SHOP, ...role }, { credentials: async () => KEY, endpoint: sts.url }), /secret_unavailable .*AWS/);
    assert.match(
      await refused({ ...SHOP, KUBERNETES_CLUSTER_URL: 'http://cluster' }, { credentials: async () => KEY }),
      /not sent without TLS/,
    );
    assert.match(
      await refused({ ...SHOP, KUBERNETES_CLUSTER_URL: 'https://cluster' }, { credentials: async () => KEY }),
      /set EKS_AWS_REGION/,
    );
  });

  test('finds its region in the settings, in the cluster’s address, or in the agent’s', () => {
    const region = (more: Record<string, string>, ofAgent?: string): string => eksTarget({ ...SHOP, ...more }, 'shop', ofAgent).region;
    assert.equal(region({}), 'eu-central-1');
    assert.equal(region({ EKS_AWS_REGION: 'us-east-2' }), 'us-east-2');
    assert.equal(region({ KUBERNETES_CLUSTER_URL: 'https://10.0.0.1' }, 'sa-east-1'), 'sa-east-1');
    assert.throws(() => region({ EKS_AWS_REGION: 'evil.example/' }), /no region of AWS/);
    assert.throws(() => region({ KUBERNETES_CLUSTER_URL: 'https://x.eu-central-1.eks.amazonaws.com.evil.example' }), /set EKS_AWS_REGION/);
  });
});

/** What AWS STS answers to AssumeRole. */
class FakeSts implements AsyncDisposable {
  readonly url: string;
  readonly asked: URLSearchParams[] = [];
  refuses = false;
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', async (request: http.IncomingMessage, response: http.ServerResponse) => {
      let body = '';
      for await (const part of request) body += String(part);
      this.asked.push(new URLSearchParams(body));
      response.writeHead(this.refuses ? 403 : 200, { 'content-type': 'text/xml' }).end(this.refuses ? DENIED : ASSUMED);
    });
  }

  static async start(): Promise<FakeSts> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeSts(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
const ASSUMED = `<AssumeRoleResponse ${NAMESPACE}><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>of-the-role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn</Arn><AssumedRoleId>id</AssumedRoleId></AssumedRoleUser></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`;
const DENIED = `<ErrorResponse ${NAMESPACE}><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>wJalrXUtnFEMI may not</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
