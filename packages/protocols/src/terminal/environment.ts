import { basename } from 'node:path';
import { Refusal } from '@hoop/core/errors';
import type { SessionFacts } from '@hoop/core/protocol';

/** What programs call the password that a connection calls `PASS`. */
const PASSWORD_NAMES = ['PGPASSWORD', 'MYSQL_PWD', 'SQLCMDPASSWORD'];

/**
 * The environment of a session's command: the agent's base, the connection's settings over it, and what is derived of both.
 * Nothing in it comes from the client but the name of its terminal.
 */
export function environmentOf(
  base: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>>,
  session: SessionFacts,
  term: string | undefined,
): Record<string, string> {
  const { PASS } = settings;
  const passwords = PASS === undefined ? {} : Object.fromEntries(PASSWORD_NAMES.map((name) => [name, PASS]));
  return {
    ...base,
    ...(term === undefined ? {} : { TERM: term }),
    ...passwords,
    ...settings,
    HOOP_CONNECTION_NAME: session.connection,
    HOOP_CONNECTION_TYPE: session.type,
    HOOP_CLIENT_ORIGIN: session.origin,
    HOOP_CLIENT_VERB: session.verb,
    HOOP_USER_ID: session.user.id,
    HOOP_USER_EMAIL: session.user.email,
    HOOP_SESSION_ID: session.id,
  };
}

const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'mksh', 'ash', 'fish', 'busybox']);
const VARIABLE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

/** What may stand in the middle of an argument without meaning anything to whatever reads the argument. */
const HARMLESS = /^[\w@.+:/-]*$/;

/**
 * Puts values of the environment into the connection's own command: `$NAME` and `${NAME}`. A name that is not set stays as it is written.
 * A script in the command (`sh -c '…'`) is left to its shell, which has the same environment and quotes what it puts in.
 * @throws Refusal `unsafe_value` when the user's own name or address would have a meaning inside of an argument
 */
export function expandCommand(command: readonly string[], environment: Readonly<Record<string, string>>): string[] {
  const isShell = SHELLS.has(basename(command[0] ?? ''));
  return command.map((argument, index) => {
    const isScript = isShell && index > 0 && /^-[A-Za-z]*c$/.test(command[index - 1] ?? '');
    return isScript ? argument : expand(argument, environment);
  });
}

function expand(argument: string, environment: Readonly<Record<string, string>>): string {
  return argument.replace(VARIABLE, (written: string, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare ?? '';
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined) return written;
    if (name.startsWith('HOOP_') && written !== argument && !HARMLESS.test(value))
      throw new Refusal('unsafe_value', `${name} has characters that cannot stand inside of an argument; let the command read it itself`);
    return value;
  });
}

const PLAIN_ARGUMENT = /^[\w@%+=:,./$-]+$/;

/** A command line as a person would write it, for audit and rules: `$NAME` stands there as it is written, not its value. */
export function commandLine(argv: readonly string[]): string {
  return argv.map((argument) => (PLAIN_ARGUMENT.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`)).join(' ');
}
