import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from './failure.ts';
import { writePrivate } from './private-file.ts';

/** What `config.json` holds. */
export interface Config {
  /** The gateway, without a slash at its end. */
  readonly apiUrl?: string;
}

/** What may be set, by the names on the command line, with the names in the file. */
export const SETTINGS = { 'api-url': 'apiUrl' } as const;

export type SettingName = keyof typeof SETTINGS;

function pathOf(home: string): string {
  return join(home, 'config.json');
}

/** Reads `config.json`; empty where there is none. @throws Failure `config_unreadable` with what to do. */
export function loadConfig(home: string): Config {
  const path = pathOf(home);
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Failure('config_unreadable', `${path} is no JSON. Mend it, or remove it and set api-url again`, EXIT.failed, {
      cause: error,
    });
  }
  const apiUrl = typeof value === 'object' && value !== null && 'apiUrl' in value ? value.apiUrl : undefined;
  return typeof apiUrl === 'string' && apiUrl !== '' ? { apiUrl } : {};
}

/** Sets one value. @throws Failure when there is no such setting, or the value cannot be meant. */
export function setConfig(home: string, name: string, value: string): string {
  if (!isSetting(name))
    throw new Failure('setting_unknown', `There is no setting "${name}". The settings are ${Object.keys(SETTINGS).join(', ')}`, EXIT.usage);
  const kept = gatewayUrl(value);
  writePrivate(pathOf(home), `${JSON.stringify({ ...loadConfig(home), [SETTINGS[name]]: kept }, null, 2)}\n`);
  return kept;
}

/** The gateway's URL. @throws Failure when none was set. */
export function requiredApiUrl(config: Config): string {
  if (config.apiUrl !== undefined) return config.apiUrl;
  throw new Failure('api_url_missing', 'No gateway is set. Run `hsh config set api-url https://your-gateway`');
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

function gatewayUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Failure('url_invalid', `"${text}" is not a gateway URL. Give one such as https://hoop.example.com`, EXIT.usage);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}
