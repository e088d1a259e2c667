import { existsSync, readFileSync } from 'node:fs';

const HEADER = '# Written by npm start, and again at its every start. Remove this line to keep what is below.';

export interface CliConfig {
  readonly api_url: string;
  readonly grpc_url: string;
  readonly token: string;
  /** PEM; undefined where the gateway's certificate is one that machines trust anyway. */
  readonly tls_ca?: string | undefined;
}

/** True when the demo may write the command line's configuration: there is none, or it wrote it. */
export function isOurs(file: string): boolean {
  return !existsSync(file) || readFileSync(file, 'utf8').startsWith(HEADER);
}

/** The command line's configuration as TOML. JSON's strings are TOML's basic strings. */
export function configFile(config: CliConfig): string {
  const { tls_ca, ...plain } = config;
  const all = { ...plain, ...(tls_ca && { tls_ca: Buffer.from(tls_ca).toString('base64') }) };
  return [HEADER, ...Object.entries(all).map(([name, value]) => `${name} = ${JSON.stringify(value)}`), ''].join('\n');
}
