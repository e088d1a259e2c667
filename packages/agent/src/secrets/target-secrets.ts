import { parseSecretReference, type SecretReference, SecretReferenceError, showReference } from '@hoop/contract/secret-reference';
import type { OpenMessage } from '@hoop/contract/tunnel';
import { type Clock, systemClock } from '@hoop/core/clock';
import { AppError, fromPlain, Misconfigured, TargetFault } from '@hoop/core/errors';
import { AgentVariables } from './agent-variables.ts';
import type { AwsOptions } from './aws.ts';
import { AwsSecrets } from './aws-secrets.ts';
import { SecretCache } from './cache.ts';
import { invalidReference, notFound, type SecretDocument } from './document.ts';
import { EKS_SETTINGS, eksTarget, eksToken } from './eks-token.ts';
import type { SecretsEnv } from './env.ts';
import { HostFiles } from './host-files.ts';
import { SESSION_SECRETS_MS_MAX } from './limits.ts';
import { rdsTarget, rdsToken } from './rds-token.ts';
import { SessionFiles, type WrittenFiles } from './session-files.ts';
import { Vault } from './vault.ts';

export interface TargetSecretsOptions {
  readonly env: SecretsEnv;
  /** The agent has its process, and so its environment, for itself; see `AgentVariables`. */
  readonly ownProcess: boolean;
  readonly clock?: Clock;
  readonly aws?: AwsOptions;
  /** Where files of sessions are written; the system's temporary directory unless told otherwise. */
  readonly base?: string;
}

/** A session's settings with every reference replaced by what it named. */
export interface ResolvedTarget {
  readonly settings: Readonly<Record<string, string>>;
  /** The settings as they are now, where one of them is a token that lives shorter than a session may. @throws as `resolve` does */
  readonly current?: () => Promise<Readonly<Record<string, string>>>;
  /** The target could not be reached or did not let in: what was remembered of these secrets is asked for again. */
  doubt(): void;
  /** Removes the session's files. Twice does no harm. */
  release(): void;
}

type OpenSecrets = Pick<OpenMessage, 'connection' | 'protocol' | 'settings' | 'files'>;

/** Where a value that the gateway sent says where it is, this finds it: in the agent, just before the target is dialled, and nowhere else. */
export class TargetSecrets {
  readonly #cache: SecretCache;
  readonly #variables: AgentVariables;
  readonly #hostFiles: HostFiles;
  readonly #vault: Vault;
  readonly #aws: AwsSecrets;
  readonly #files: SessionFiles;
  readonly #options: TargetSecretsOptions;

  constructor(options: TargetSecretsOptions) {
    const { env, clock = systemClock, aws = {} } = options;
    this.#options = options;
    this.#cache = new SecretCache(clock);
    this.#variables = new AgentVariables(env, options.ownProcess);
    this.#hostFiles = new HostFiles(env.directory);
    this.#vault = new Vault(env.vault, clock);
    this.#aws = new AwsSecrets(aws);
    this.#files = new SessionFiles(options.base);
  }

  /**
   * @throws Misconfigured `secret_not_found`, `secret_reference_invalid`, `secret_unavailable`, `secret_files`, TargetFault `secret_unavailable`.
   * They name setting and reference, never a value
   */
  async resolve(open: OpenSecrets): Promise<ResolvedTarget> {
    const wishes = new SessionWishes(this, open);
    const [settings, files] = await withinTime(open.connection, wishes.all());
    const written: WrittenFiles | undefined = files.size > 0 ? await this.#files.write(files) : undefined;
    for (const [name, path] of written?.paths ?? []) settings.set(name, path);
    const plain = Object.fromEntries(settings);
    const token = plain.EKS_CLUSTER === undefined ? undefined : () => this.#withEksToken(open.connection, plain, wishes.used);
    return {
      settings: token ? await token() : plain,
      ...(token ? { current: token } : {}),
      doubt: () => {
        for (const key of wishes.used) this.#cache.doubt(key);
      },
      release: () => written?.remove(),
    };
  }

  /** What agents that were killed left behind. Called when an agent starts. */
  removeLeftovers(): Promise<number> {
    return this.#files.removeLeftovers();
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** The value behind one reference. `used` gets the keys of what was remembered. */
  async value(name: string, reference: Exclude<SecretReference, { source: 'aws_iam_rds' }>, used: Set<string>): Promise<string> {
    if (reference.source === 'agent') return this.#variables.value(name);
    if (reference.key === undefined) return this.#hostFiles.text(reference.id);
    const { source, id, key } = reference;
    const document = await this.#remembered(`${source}\n${id}`, used, () => this.#read(source, id));
    const value = document.values.get(key);
    if (!value) throw notFound(`there is no key ${key} in it; add it, or name another`);
    return value.reveal();
  }

  async rdsPassword(open: OpenSecrets, user: string, settings: Readonly<Record<string, string>>, used: Set<string>): Promise<string> {
    const { env, aws = {} } = this.#options;
    const target = rdsTarget(open.protocol, user, settings, env.awsRegion);
    const document = await this.#remembered(`aws_iam_rds\n${JSON.stringify(target)}`, used, () => rdsToken(target, aws));
    return document.values.get('token')?.reveal() ?? '';
  }

  /** In place of what asks for it. */
  async #withEksToken(connection: string, settings: Readonly<Record<string, string>>, used: Set<string>): Promise<Record<string, string>> {
    const { env, aws = {}, clock = systemClock } = this.#options;
    try {
      const target = eksTarget(settings, connection, env.awsRegion);
      const document = await this.#remembered(`eks\n${JSON.stringify(target)}`, used, () => eksToken(target, aws, clock.now()));
      const kept = Object.entries(settings).filter(([name]) => !EKS_SETTINGS.some((each) => each === name));
      return { ...Object.fromEntries(kept), KUBERNETES_BEARER_TOKEN: document.values.get('token')?.reveal() ?? '' };
    } catch (error) {
      throw telling(error, `EKS_CLUSTER of the connection ${connection} is set`);
    }
  }

  #remembered(key: string, used: Set<string>, read: () => Promise<SecretDocument>): Promise<SecretDocument> {
    used.add(key);
    return this.#cache.get(key, read);
  }

  async #read(source: 'envjson' | 'aws' | 'vaultkv1' | 'vaultkv2' | 'file', id: string): Promise<SecretDocument> {
    switch (source) {
      case 'envjson':
        return this.#variables.document(id);
      case 'file':
        return this.#hostFiles.document(id);
      case 'aws':
        return this.#aws.read(id);
      case 'vaultkv1':
        return this.#vault.read(1, id);
      case 'vaultkv2':
        return this.#vault.read(2, id);
    }
  }
}

/** What one session asks for. A value that was fetched is a value: it is not read as a reference again. */
class SessionWishes {
  readonly used = new Set<string>();
  readonly #secrets: TargetSecrets;
  readonly #open: OpenSecrets;

  constructor(secrets: TargetSecrets, open: OpenSecrets) {
    this.#secrets = secrets;
    this.#open = open;
  }

  async all(): Promise<[Map<string, string>, Map<string, Buffer>]> {
    const { settings, files } = this.#open;
    // All are read before any is fetched: a mistake costs no request.
    const wanted = Object.entries(settings).map(([name, text]) => ({ name, text, reference: this.#reference(name, text) }));
    const contents = Object.entries(files).map(([name, base64]) => {
      const content = Buffer.from(base64, 'base64');
      return { name, content, reference: this.#reference(name, content.toString('utf8')) };
    });
    const [values, written] = await Promise.all([
      Promise.all(wanted.map(async ({ name, text, reference }) => [name, await this.#value(name, text, reference)] as const)),
      Promise.all(
        contents.map(async ({ name, content, reference }) => {
          const text = reference && (await this.#value(name, '', reference));
          return [name, text === undefined ? content : Buffer.from(text)] as const;
        }),
      ),
    ]);
    const all = new Map(values);
    const login = wanted.find(({ reference }) => reference?.source === 'aws_iam_rds');
    if (login) await this.#logInByIam(all, login.name, login.reference);
    return [all, new Map(written)];
  }

  async #value(name: string, text: string, reference: SecretReference | undefined): Promise<string> {
    if (!reference) return text;
    if (reference.source === 'aws_iam_rds') return reference.id;
    return this.#telling(name, reference, () => this.#secrets.value(name, reference, this.used));
  }

  async #logInByIam(settings: Map<string, string>, name: string, reference: SecretReference | undefined): Promise<void> {
    if (reference?.source !== 'aws_iam_rds') return;
    const password = await this.#telling(name, reference, () => {
      // The token is as good as a password for a quarter of an hour, and RDS takes it encrypted only.
      const mode = settings.get('SSLMODE') ?? 'prefer';
      if (mode === 'disable') throw invalidReference('a token of RDS is not sent without TLS; set SSLMODE to verify-full');
      if (this.#open.protocol === 'postgres' && mode === 'prefer') settings.set('SSLMODE', 'require');
      return this.#secrets.rdsPassword(this.#open, reference.id, Object.fromEntries(settings), this.used);
    });
    settings.set('PASS', password);
  }

  #reference(name: string, text: string): SecretReference | undefined {
    try {
      const reference = parseSecretReference(text);
      if (reference?.source === 'aws_iam_rds' && (name !== 'USER' || !Object.hasOwn(this.#open.settings, 'USER')))
        throw new SecretReferenceError('_aws_iam_rds names a database user: it belongs into USER');
      return reference;
    } catch (error) {
      if (!(error instanceof SecretReferenceError)) throw error;
      throw new Misconfigured(
        'secret_reference_invalid',
        `${name} of the connection ${this.#open.connection} cannot be used: ${error.message}`,
      );
    }
  }

  /** Puts setting and reference in front of what a store says. */
  async #telling<T>(name: string, reference: SecretReference, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw telling(error, `${name} of the connection ${this.#open.connection} is ${showReference(reference)}`);
    }
  }
}

function telling(error: unknown, where: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { kind, code, message } = error;
  return fromPlain({ kind, code, message: `${where}, and ${message}` });
}

async function withinTime<T>(connection: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const words = `The secrets of the connection ${connection} could not all be fetched within ${SESSION_SECRETS_MS_MAX} ms; see which store is slow`;
      reject(new TargetFault('secret_unavailable', words));
    }, SESSION_SECRETS_MS_MAX);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
