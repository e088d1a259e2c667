import { caToStored, clearStored, configPath, loadStored, normalizeUrl, readCa, resolveConfig, saveStored } from '../config.ts';
import type { Context } from '../context.ts';
import { Failure, usage } from '../failure.ts';
import { renderFacts } from '../output/table.ts';
import { note, print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly apiUrl: string;
  readonly grpcUrl?: string;
  readonly tlsCa?: string;
  readonly skipTlsVerify?: boolean;
}

export interface ViewOptions {
  readonly raw?: boolean;
  readonly json?: boolean;
}

const MASKED = '[secret]';

/** `hoop config create`: says which gateway to use, without logging in. A token for the same gateway is kept. */
export function createConfig(context: Context, options: CreateOptions): void {
  const { env, terminal } = context;
  const api_url = normalizeUrl(options.apiUrl);
  const old = loadStored(env.home);
  const token = old.api_url !== undefined && normalizeUrl(old.api_url) === api_url ? old.token : undefined;
  saveStored(env.home, {
    api_url,
    ...(options.grpcUrl === undefined ? {} : { grpc_url: options.grpcUrl }),
    ...(options.tlsCa === undefined ? {} : { tls_ca: caToStored(readCa(options.tlsCa)) }),
    ...(options.skipTlsVerify === undefined ? {} : { skip_tls_verify: options.skipTlsVerify }),
    ...(token === undefined ? {} : { token }),
  });
  note(terminal, `Wrote ${configPath(env.home)}${token === undefined ? '. Now run `hoop login`' : ''}`);
}

/** `hoop config view [ATTRIBUTE]`: what is in force, the environment included; the token only with `--raw`. */
export function viewConfig(context: Context, attribute: string | undefined, options: ViewOptions): void {
  const { env, terminal } = context;
  const config = resolveConfig(env, loadStored(env.home));
  const token = config.token === undefined ? '' : options.raw === true ? config.token.reveal() : MASKED;
  const values: Readonly<Record<string, string | boolean>> = {
    api_url: config.apiUrl,
    grpc_url: config.grpcUrl ?? '',
    token,
    tls_ca: config.tlsCa === undefined ? '' : caToStored(config.tlsCa),
    skip_tls_verify: config.skipTlsVerify,
  };
  if (attribute !== undefined) {
    const value = values[attribute.replaceAll('-', '_')];
    if (value === undefined)
      throw usage(`There is no "${attribute}" in the configuration. Its parts are ${Object.keys(values).join(', ')}`);
    if (value === '') throw new Failure('not_set', `${attribute} is not set`);
    print(terminal, String(value));
  } else if (options.json === true) printJson(terminal, values);
  else {
    const shown = { ...values, tls_ca: values.tls_ca === '' || options.raw === true ? (values.tls_ca ?? '') : 'set' };
    terminal.stdout.write(renderFacts(Object.entries(shown)));
  }
}

/** `hoop config clear`: removes the file, and the login with it. */
export function clearConfig(context: Context): void {
  const { env, terminal } = context;
  const path = configPath(env.home);
  note(terminal, clearStored(env.home) ? `Removed ${path}` : `There is no ${path}`);
}
