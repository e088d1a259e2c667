import { createHash, createHmac } from 'node:crypto';
import { type AwsCredentials, type AwsOptions, awsHandler, awsWords, withinAwsTime } from './aws.ts';
import { invalidReference, type SecretDocument, unreadable, valuesOf } from './document.ts';
import { EKS_CREDENTIALS_MARGIN_MS, EKS_TOKEN_MS } from './limits.ts';

/** Which cluster a token is for, and as whom it is made. */
export interface EksTarget {
  readonly cluster: string;
  readonly region: string;
  /** The role that is taken on first; undefined: the agent's own. */
  readonly role?: { readonly arn: string; readonly session: string };
}

/** The settings that ask for a token; they go no further than this. */
export const EKS_SETTINGS = ['EKS_CLUSTER', 'EKS_AWS_REGION', 'EKS_ROLE_ARN', 'EKS_ROLE_SESSION'] as const;

const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/;

/** As the address of a cluster's API says it: `https://<id>.<shard>.<region>.eks.amazonaws.com`. */
const REGION_IN_URL = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.eks\.amazonaws\.com(?:\.cn)?$/;

/** What a token is made of, from a connection's settings. @throws Misconfigured with what to set */
export function eksTarget(settings: Readonly<Record<string, string>>, connection: string, agentRegion: string | undefined): EksTarget {
  const { EKS_CLUSTER: cluster = '', EKS_ROLE_ARN: arn, EKS_ROLE_SESSION: session = `hoop-${connection}` } = settings;
  const url = URL.parse(settings.KUBERNETES_CLUSTER_URL ?? settings.REMOTE_URL ?? '');
  if (url?.protocol !== 'https:') throw invalidReference('a token of EKS is not sent without TLS; give KUBERNETES_CLUSTER_URL with https');
  const region = settings.EKS_AWS_REGION || REGION_IN_URL.exec(url.hostname)?.[1] || agentRegion;
  if (!region) throw unreadable('nothing says the AWS region of the cluster; set EKS_AWS_REGION');
  // It becomes part of a host's name.
  if (!REGION.test(region)) throw invalidReference('EKS_AWS_REGION is no region of AWS; write one such as eu-central-1');
  if (arn === undefined) return { cluster, region };
  return { cluster, region, role: { arn, session: session.replace(/[^\w+=,.@-]/g, '-').slice(0, 64) } };
}

/**
 * A login to EKS that works for 15 minutes: a signed question to AWS who one is, which the cluster asks in our place. Nothing is asked
 * of AWS itself but, where need be, credentials and the role.
 */
export async function eksToken(target: EksTarget, options: AwsOptions, now_ms: number): Promise<SecretDocument> {
  try {
    const credentials = await withinAwsTime(() => credentialsFor(target, options));
    const url = signedQuestion(target, credentials, new Date(now_ms));
    const left_ms = (credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - now_ms - EKS_CREDENTIALS_MARGIN_MS;
    const values = valuesOf({ token: `k8s-aws-v1.${Buffer.from(url).toString('base64url')}` });
    return { values, ttl_ms: Math.max(0, Math.min(EKS_TOKEN_MS, left_ms)) };
  } catch (error) {
    throw awsWords(error, 'AWS', 'sts:AssumeRole');
  }
}

type Expiring = AwsCredentials & { readonly expiration?: Date };

async function credentialsFor({ region, role }: EksTarget, { credentials, endpoint }: AwsOptions): Promise<Expiring> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  const own = credentials ?? fromNodeProviderChain();
  if (!role) return own();
  return fromTemporaryCredentials({
    masterCredentials: own,
    params: { RoleArn: role.arn, RoleSessionName: role.session },
    clientConfig: { region, maxAttempts: 2, requestHandler: awsHandler('AWS STS'), ...(endpoint ? { endpoint } : {}) },
  })();
}

/** The token's own time, which the cluster takes for fifteen minutes whatever it says. */
const SAYS_SECONDS = 60;

/** A presigned GetCallerIdentity that names the cluster in a signed header: AWS Signature Version 4, query parameters. */
function signedQuestion({ cluster, region }: EksTarget, credentials: AwsCredentials, at: Date): string {
  const host = `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/sts/aws4_request`;
  const query: [string, string][] = [
    ['Action', 'GetCallerIdentity'],
    ['Version', '2011-06-15'],
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scope}`],
    ['X-Amz-Date', time],
    ['X-Amz-Expires', String(SAYS_SECONDS)],
    ['X-Amz-SignedHeaders', 'host;x-k8s-aws-id'],
    ...(credentials.sessionToken ? [['X-Amz-Security-Token', credentials.sessionToken] as [string, string]] : []),
  ];
  const coded = query.map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  const headers = `host:${host}\nx-k8s-aws-id:${cluster}\n`;
  const canonical = ['GET', '/', [...coded].sort().join('&'), headers, 'host;x-k8s-aws-id', digest('')].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, digest(canonical)].join('\n');
  const key = scope.split('/').reduce<Buffer>((by, part) => hmac(by, part), Buffer.from(`AWS4${credentials.secretAccessKey}`));
  return `https://${host}/?${coded.join('&')}&X-Amz-Signature=${hmac(key, toSign).toString('hex')}`;
}

/** As the signature wants it: what RFC 3986 reserves is escaped, all of it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
