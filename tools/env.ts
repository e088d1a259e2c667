/** The one place of the tools that reads the environment. */
export const env: Readonly<Record<string, string | undefined>> = process.env;

/** The environment for a server of somebody else's: nothing of ours, one locale, one time zone. */
export const plainEnv: Readonly<Record<string, string>> = { PATH: env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
