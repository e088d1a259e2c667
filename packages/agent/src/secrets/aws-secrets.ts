import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type AwsOptions, awsHandler, awsWords, notAws, withinAwsTime } from './aws.ts';
import { notFound, objectOf, type SecretDocument, valuesOf } from './document.ts';
import { SECRET_CACHE_MS_MAX } from './limits.ts';

/** Reads JSON secrets of AWS Secrets Manager, as whoever the agent is at AWS. The SDK is loaded with the first of them. */
export class AwsSecrets {
  readonly #options: AwsOptions;
  /** By region; undefined is the agent's own. There are some dozens. */
  readonly #clients = new Map<string | undefined, Promise<SecretsManagerClient>>();

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  /** `id`: a name or an ARN, which says its region. @throws TargetFault, Misconfigured in words that follow "…, and" */
  async read(id: string): Promise<SecretDocument> {
    const { GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
    const client = await this.#client(regionOf(id) ?? this.#options.region);
    try {
      const answer = await withinAwsTime((abortSignal) => client.send(new GetSecretValueCommand({ SecretId: id }), { abortSignal }));
      if (answer.SecretString === undefined && answer.SecretBinary === undefined) {
        throw notAws('AWS Secrets Manager');
      }
      const text = answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8');
      const object = objectOf(text);
      if (!object) throw notFound('that secret in AWS holds no JSON object; write it as key/value pairs');
      return { values: valuesOf(object), ttl_ms: SECRET_CACHE_MS_MAX };
    } catch (error) {
      throw awsWords(error, 'AWS Secrets Manager', 'secretsmanager:GetSecretValue');
    }
  }

  #client(region: string | undefined): Promise<SecretsManagerClient> {
    const known = this.#clients.get(region);
    if (known) return known;
    const { credentials, endpoint } = this.#options;
    const made = import('@aws-sdk/client-secrets-manager').then(
      ({ SecretsManagerClient: Client }) =>
        new Client({
          maxAttempts: 2,
          requestHandler: awsHandler('AWS Secrets Manager'),
          ...(region === undefined ? {} : { region }),
          ...(credentials ? { credentials } : {}),
          ...(endpoint ? { endpoint } : {}),
        }),
    );
    this.#clients.set(region, made);
    return made;
  }
}

/** `arn:aws:secretsmanager:REGION:…`. Only what looks like a region: it becomes part of a host's name. */
function regionOf(id: string): string | undefined {
  return /^arn:aws[a-z-]*:secretsmanager:([a-z]{2}(?:-[a-z]+)+-\d):/.exec(id)?.[1];
}
