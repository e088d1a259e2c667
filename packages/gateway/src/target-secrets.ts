import type { OpenMessage } from '@hoop/contract/tunnel';

/** Secrets as the agent takes them: `envvar:HOST` with base64 text becomes the setting `HOST`, `filesystem:CERT` a file. */
export function targetOf(secrets: Readonly<Record<string, string>>): Pick<OpenMessage, 'settings' | 'files'> {
  const settings: Record<string, string> = {};
  const files: Record<string, string> = {};
  for (const [name, value] of Object.entries(secrets)) {
    if (name.startsWith('envvar:')) settings[name.slice('envvar:'.length)] = Buffer.from(value, 'base64').toString('utf8');
    else if (name.startsWith('filesystem:')) files[name.slice('filesystem:'.length)] = value;
  }
  return { settings, files };
}
