import { type AwsOptions, awsWords, withinAwsTime } from './aws.ts';
import { invalidReference, type SecretDocument, unreadable, valuesOf } from './document.ts';
import { RDS_TOKEN_MS } from './limits.ts';

/** Where a token is for, and for whom. */
export interface RdsTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly region: string;
}

/** The usual ports of the protocols that RDS has IAM logins for. */
const PORTS: Readonly<Record<string, number>> = { postgres: 5_432, mysql: 3_306 };

/** What a token is made of, from a connection's settings. @throws Misconfigured with what to set */
export function rdsTarget(
  protocol: string,
  user: string,
  settings: Readonly<Record<string, string>>,
  agentRegion: string | undefined,
): RdsTarget {
  const usual = Object.hasOwn(PORTS, protocol) ? PORTS[protocol] : undefined;
  if (usual === undefined) throw invalidReference(`RDS has no logins by IAM for ${protocol}; set USER and PASS`);
  const host = settings.HOST ?? '';
  if (host === '' || /[\s/?#@]/.test(host)) throw invalidReference('a token of RDS is for one host; set HOST to the name of the instance');
  const port = Number(settings.PORT || usual);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalidReference('a token of RDS is for one port; set PORT to a number');
  const region = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(\.cn)?$/.exec(host.toLowerCase())?.[1] ?? agentRegion;
  if (!region)
    throw unreadable(`HOST does not say its AWS region; set AWS_REGION of the agent, or use the name that RDS gave the instance`);
  return { host, port, user, region };
}

/** A login to RDS that works for 15 minutes: a signed address. Nothing is asked of AWS but, where need be, credentials. */
export async function rdsToken({ host, port, user, region }: RdsTarget, { credentials }: AwsOptions): Promise<SecretDocument> {
  const { Signer } = await import('@aws-sdk/rds-signer');
  const signer = new Signer({ hostname: host, port, username: user, region, ...(credentials ? { credentials } : {}) });
  try {
    const token = await withinAwsTime(() => signer.getAuthToken());
    return { values: valuesOf({ token }), ttl_ms: RDS_TOKEN_MS };
  } catch (error) {
    throw awsWords(error, 'AWS', 'rds-db:connect');
  }
}
