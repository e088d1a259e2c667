import { ApiError, type Client } from '@hoop/contract/client';
import { login as loginRoute, TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import { getPublicServerInfo } from '@hoop/contract/routes/server';
import { getUserInfo } from '@hoop/contract/routes/users';
import { VERSION } from '@hoop/core/version';
import { clientOf } from './api.ts';
import { loadConfig, requiredApiUrl, setConfig } from './config.ts';
import { type Context, debug, note } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { clearLogin, isExpired, type Login, loadLogin, saveLogin } from './login-file.ts';
import { Prompt } from './prompt.ts';

/** `hsh login`: e-mail and password, asked on the terminal or read from a pipe. */
export async function login(context: Context): Promise<void> {
  const apiUrl = requiredApiUrl(loadConfig(context.env.home));
  const client = clientOf(apiUrl);
  const info = await client.call(getPublicServerInfo);
  debug(context, `auth: method=${info.auth_method}`);
  if (info.auth_method !== 'local') {
    throw new Failure('login_method', `${apiUrl} logs people in with ${info.auth_method}, which this version of hsh cannot do`);
  }
  if (info.setup_required) {
    throw new Failure('setup_required', `${apiUrl} has no users yet. Its administrator is made with \`hoop login --register\``);
  }
  const token = await prove(client, new Prompt(context));
  const kept = saveLogin(context.env.home, token, apiUrl, context.now());
  note(context, `Logged in to ${apiUrl} as ${kept.email ?? 'you'}, until ${kept.expiresAt}`);
}

async function prove(client: Client, prompt: Prompt): Promise<string> {
  const email = await prompt.line('E-mail: ');
  const password = await prompt.secret('Password: ');
  if (email === '' || password === '') throw new Failure('login_failed', 'E-mail and password are needed', EXIT.usage);
  try {
    const { headers } = await client.send(loginRoute, { body: { email, password } });
    const token = headers.get(TOKEN_HEADER);
    if (token) return token;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 404) && error.code !== 'unexpected_reply') {
      throw new Failure('login_failed', `No user ${email} with this password. Check both and try again`, EXIT.failed, { cause: error });
    }
    throw error;
  }
  throw new Failure('unexpected_reply', 'The gateway sent no token. Check that the address is the one of a gateway');
}

/** `hsh logout`: forgets the token and everything that was got with it. */
export function logout(context: Context): void {
  note(context, clearLogin(context.env.home) ? 'Logged out' : 'You were not logged in');
}

export type AuthState = 'logged out' | 'of another gateway' | 'expired' | 'valid' | 'refused' | 'unknown: the gateway gave no answer';

/** `hsh status`: which gateway, and whether the login still holds there. */
export async function status(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { apiUrl } = loadConfig(context.env.home);
  const kept = loadLogin(context.env.home);
  const state = await stateOf(context, apiUrl, kept);
  const facts = { version: VERSION, apiUrl: apiUrl ?? null, auth: state, email: kept?.email ?? null, expiresAt: kept?.expiresAt ?? null };
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    return;
  }
  const rows = [
    ['Version', VERSION],
    ['Gateway', apiUrl ?? '-'],
    ['Login', state],
    ['E-mail', kept?.email ?? '-'],
    ['Expires', kept?.expiresAt ?? '-'],
  ] as const;
  context.stdout.write(rows.map(([name, value]) => `${`${name}:`.padEnd(9)} ${printable(value)}\n`).join(''));
  if (apiUrl === undefined) note(context, 'Next: `hsh config set api-url https://your-gateway`');
  else if (state !== 'valid' && !state.startsWith('unknown')) note(context, 'Next: `hsh login`');
}

async function stateOf(context: Context, apiUrl: string | undefined, kept: Login | undefined): Promise<AuthState> {
  if (kept === undefined || apiUrl === undefined) return 'logged out';
  if (kept.apiUrl !== apiUrl) return 'of another gateway';
  if (isExpired(kept, context.now())) return 'expired';
  try {
    await clientOf(apiUrl, kept.token).call(getUserInfo, { timeout_ms: STATUS_MS_MAX });
    return 'valid';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    debug(context, `api: call failed code=${error.code} status=${error.status}`);
    return error.status === 401 ? 'refused' : 'unknown: the gateway gave no answer';
  }
}

/** `status` is asked when something is wrong: it must not hang with it. */
const STATUS_MS_MAX = 3_000;

/** `hsh config set NAME VALUE` */
export function configSet(context: Context, name: string, value: string): void {
  const kept = setConfig(context.env.home, name, value);
  note(context, `${name} is ${kept}`);
  const login = loadLogin(context.env.home);
  if (login !== undefined && login.apiUrl !== kept) note(context, 'Your login is of another gateway. Run `hsh login`');
}

/** `hsh config list`: what `config.json` holds. */
export function configList(context: Context): void {
  context.stdout.write(`${JSON.stringify(loadConfig(context.env.home), null, 2)}\n`);
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an e-mail of somebody's token must not drive the terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
