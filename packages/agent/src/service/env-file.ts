import { Misconfigured } from '@hoop/core/errors';

/** Environment variables by their names. */
export type Variables = Readonly<Record<string, string>>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What a double-quoted value of systemd's environment files takes with a backslash in front of it, and without one changes or ends the value. */
const SPECIAL = /["\\`$]/g;

/**
 * Variables as an environment file of systemd (systemd.exec(5), "EnvironmentFile="), in the order of their names.
 * Every value is in double quotes, where a line break stands for itself: certificates are values too.
 * @throws Misconfigured `agent_environment` for a name or a value that such a file cannot hold
 */
export function formatEnvFile(variables: Variables): string {
  const lines = Object.keys(variables)
    .sort()
    .map((name) => `${checkedName(name)}="${checkedValue(name, variables[name] ?? '').replace(SPECIAL, '\\$&')}"\n`);
  return lines.join('');
}

/**
 * Reads what `formatEnvFile` wrote, and lines that a person added: `NAME=value`, `NAME='value'`, comments.
 * @throws Misconfigured `agent_environment` with the line that cannot be read
 */
export function parseEnvFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  const entry = /[ \t]*(?:[#;].*|([A-Za-z_][A-Za-z0-9_]*)=(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^"'\n][^\n]*|))[ \t\r]*|)(?:\n|$)/y;
  while (entry.lastIndex < text.length) {
    const start = entry.lastIndex;
    const [, name, double, single, bare] = entry.exec(text) ?? damaged(text, start);
    if (name === undefined) continue;
    variables[name] =
      double?.replace(/\\(?:\n|(["\\`$]))/g, (_, special: string | undefined) => special ?? '') ?? single ?? plain(bare ?? '');
  }
  return variables;
}

function plain(text: string): string {
  return text.trim().replace(/\\([\s\S])/g, '$1');
}

function damaged(text: string, start: number): never {
  const line = text.slice(0, start).split('\n').length;
  // Not the line itself: it may hold the key.
  throw new Misconfigured(
    'agent_environment',
    `Line ${line} of the agent's environment file is not NAME="value"; correct it, or delete the file`,
  );
}

function checkedName(name: string): string {
  if (!NAME.test(name)) throw new Misconfigured('agent_environment', `${JSON.stringify(name)} is no name of an environment variable`);
  return name;
}

/** NUL, a byte order mark, halves of surrogate pairs and Unicode's noncharacters make systemd drop the whole file. */
function checkedValue(name: string, value: string): string {
  const forbidden = /[\0\uFEFF\p{Cs}\p{Noncharacter_Code_Point}]/u;
  if (forbidden.test(value)) throw new Misconfigured('agent_environment', `${name} holds a character that no environment file can hold`);
  return value;
}
