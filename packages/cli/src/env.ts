import { homedir } from 'node:os';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';

/** What the command line takes from the environment, read once. */
export interface CliEnv {
  /** Where the configuration lives: `HOOP_HOME`, or `~/.hoop`. */
  readonly home: string;
  /** `HOOP_API_URL`, or `HOOP_APIURL`. */
  readonly apiUrl: string | undefined;
  /** `HOOP_GRPCURL`: where the tunnel listens. */
  readonly grpcUrl: string | undefined;
  readonly token: Secret | undefined;
  /** `HOOP_TLSCA` as given: PEM, `base64://…` or `file://…`. */
  readonly tlsCa: string | undefined;
  /** `HOOP_TLS_SKIP_VERIFY`; undefined where it is not set. */
  readonly skipTlsVerify: boolean | undefined;
  /** `HOOP_EMAIL` and `HOOP_PASSWORD`: for `hoop login` where nobody can be asked. */
  readonly email: string | undefined;
  readonly password: Secret | undefined;
  /** `TERM`: what kind of terminal this is. */
  readonly term: string | undefined;
  /** `NO_COLOR` is set, or the terminal is a dumb one. */
  readonly noColour: boolean;
}

/**
 * Reads the environment of a process. An empty value counts as not set.
 * @throws Misconfigured `env_invalid` for a value that cannot be meant.
 */
export function readEnv(source: NodeJS.ProcessEnv = process.env): CliEnv {
  const text = (name: string): string | undefined => source[name]?.trim() || undefined;
  const secret = (name: string): Secret | undefined => (source[name] ? new Secret(source[name]) : undefined);
  return {
    home: text('HOOP_HOME') ?? join(homedir(), '.hoop'),
    apiUrl: text('HOOP_API_URL') ?? text('HOOP_APIURL'),
    grpcUrl: text('HOOP_GRPCURL'),
    token: text('HOOP_TOKEN') === undefined ? undefined : new Secret(text('HOOP_TOKEN') ?? ''),
    tlsCa: text('HOOP_TLSCA'),
    skipTlsVerify: flag('HOOP_TLS_SKIP_VERIFY', text('HOOP_TLS_SKIP_VERIFY')),
    email: text('HOOP_EMAIL'),
    password: secret('HOOP_PASSWORD'),
    term: text('TERM'),
    noColour: Boolean(source.NO_COLOR) || source.TERM === 'dumb',
  };
}

function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  const word = value.toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '0', 'no', 'off'].includes(word)) return false;
  throw new Misconfigured('env_invalid', `${name} is "${value}". Set it to true or false, or unset it`);
}
