import { ApiError, type Client } from '@hoop/contract/client';
import { login as loginRoute, register as registerRoute, TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import { getPublicServerInfo } from '@hoop/contract/routes/server';
import { caToStored, configPath, loadStored, normalizeUrl, readCa, resolveConfig, type StoredConfig, saveStored } from '../config.ts';
import type { Context } from '../context.ts';
import type { CliEnv } from '../env.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { anonymousClient } from '../gateway.ts';
import { Prompt } from '../input/prompt.ts';
import { note } from '../output/terminal.ts';

export interface LoginOptions {
  readonly apiUrl?: string;
  readonly email?: string;
  readonly register?: boolean;
  readonly name?: string;
  readonly tlsCa?: string;
  readonly skipTlsVerify?: boolean;
}

interface Answers {
  readonly email: string;
  readonly password: string;
}

/** `hoop login`: proves who you are and keeps the token in `config.toml`. */
export async function login(context: Context, options: LoginOptions): Promise<void> {
  const env = withOptions(context.env, options);
  const stored = loadStored(env.home);
  const config = resolveConfig(env, stored);
  const client = anonymousClient(config);
  const info = await client.call(getPublicServerInfo);
  if (info.auth_method !== 'local') {
    throw new Failure(
      'login_method',
      `${config.apiUrl} logs people in with ${info.auth_method}, which this version cannot do. Set HOOP_TOKEN to a token instead`,
    );
  }
  if (info.setup_required && options.register !== true) {
    throw new Failure('setup_required', `${config.apiUrl} has no users yet. Make its administrator with \`hoop login --register\``);
  }
  const answers = await ask(context, options);
  const token = options.register === true ? await register(client, answers, options.name) : await prove(client, answers);
  const sameGateway = stored.api_url !== undefined && normalizeUrl(stored.api_url) === config.apiUrl;
  saveStored(env.home, {
    ...(sameGateway ? stored : {}),
    api_url: config.apiUrl,
    token,
    ...storedTrust(env),
  });
  const { green } = context.terminal.errStyle;
  note(context.terminal, `${green('Logged in')} to ${config.apiUrl} as ${answers.email}; the token is in ${configPath(env.home)}`);
  if (env.token !== undefined) note(context.terminal, 'HOOP_TOKEN is set and goes before it; unset it to use this login');
}

/** `hoop logout`: forgets the token, and keeps the addresses. */
export function logout(context: Context): void {
  const { env, terminal } = context;
  const { token, ...rest } = loadStored(env.home);
  if (token !== undefined) saveStored(env.home, rest);
  note(terminal, token === undefined ? 'You were not logged in' : `Logged out; the token is gone from ${configPath(env.home)}`);
  if (env.token !== undefined) note(terminal, 'HOOP_TOKEN is still set: unset it too');
}

function withOptions(env: CliEnv, options: LoginOptions): CliEnv {
  return {
    ...env,
    apiUrl: options.apiUrl ?? env.apiUrl,
    tlsCa: options.tlsCa ?? env.tlsCa,
    skipTlsVerify: options.skipTlsVerify ?? env.skipTlsVerify,
  };
}

function storedTrust(env: CliEnv): StoredConfig {
  return {
    ...(env.tlsCa === undefined ? {} : { tls_ca: caToStored(readCa(env.tlsCa)) }),
    ...(env.skipTlsVerify === undefined ? {} : { skip_tls_verify: env.skipTlsVerify }),
  };
}

async function ask(context: Context, options: LoginOptions): Promise<Answers> {
  const { env, terminal } = context;
  const prompt = new Prompt(terminal);
  try {
    const email = options.email ?? env.email ?? (await prompt.line('E-mail: '));
    if (email === '') throw usage('An e-mail address is needed. Give it with --email or in HOOP_EMAIL');
    // Whoever names another e-mail than the environment's does not mean the environment's password.
    const known = env.password !== undefined && email === (env.email ?? email) ? env.password.reveal() : undefined;
    const password = known ?? (await prompt.secret('Password: '));
    if (password === '') throw usage('A password is needed. Type it, pipe it into stdin, or set HOOP_PASSWORD');
    if (options.register === true && known === undefined && terminal.stdin.isTTY === true) {
      if ((await prompt.secret('Password again: ')) !== password) throw usage('The two passwords differ. Run the command again');
    }
    return { email, password };
  } finally {
    prompt.close();
  }
}

async function prove(client: Client, body: Answers): Promise<string> {
  try {
    const { headers } = await client.send(loginRoute, { body });
    return tokenOf(headers);
  } catch (error) {
    // The API tells an unknown user from a wrong password in its status; here both are the same mistake.
    if (error instanceof ApiError && (error.status === 401 || error.status === 404) && error.code !== 'unexpected_reply') {
      throw new Failure('login_failed', `No user ${body.email} with this password. Check both and try again`, {
        exitCode: EXIT.unauthenticated,
        cause: error,
      });
    }
    throw error;
  }
}

async function register(client: Client, answers: Answers, name: string | undefined): Promise<string> {
  const { headers } = await client.send(registerRoute, { body: { ...answers, name: name ?? '' } });
  return tokenOf(headers);
}

function tokenOf(headers: Headers): string {
  const token = headers.get(TOKEN_HEADER);
  if (token) return token;
  throw new Failure('unexpected_reply', 'The gateway sent no token. Check that the address is the one of a gateway');
}
