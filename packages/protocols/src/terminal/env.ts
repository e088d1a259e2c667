/** What a command gets of the agent's own environment, and nothing else: what it needs to be found and to print letters. */
const BASE = ['PATH', 'HOME', 'LANG', 'TERM', 'TMPDIR'] as const;

/** The base of a command's environment. The agent's key and everything else that it was started with stay with it. */
export function baseEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  // A service manager gives none, and then nothing but ASCII would work.
  const letters = { LANG: 'C.UTF-8' };
  const own = Object.fromEntries(BASE.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  return { ...letters, ...own };
}
