import { Misconfigured } from '@hoop/core/errors';
import { loadAgentConfig } from '../config.ts';
import { readAgentEnv, SERVICE_VARIABLES } from '../env.ts';
import { requireStandardKey } from '../key-mode.ts';
import { formatEnvFile, type Variables } from './env-file.ts';

/**
 * What the service is to run with. A key in the environment makes the environment the truth, so that nothing of an old gateway stays
 * behind with a new key; without one the stored settings hold, and what else is given goes over them.
 * @throws Misconfigured `agent_config` when there is no key at all, or one that cannot be used: before anything is written
 */
export function serviceVariables(given: Variables, stored: Variables | undefined): Variables {
  const hasKey = given.HOOP_KEY !== undefined;
  if (!hasKey && stored?.HOOP_KEY === undefined) {
    throw new Misconfigured(
      'agent_config',
      'HOOP_KEY is not set. Make a key and export it, then start again: export HOOP_KEY="$(hoop admin create agent NAME)" ' +
        '(with sudo: `sudo --preserve-env=HOOP_KEY hoop agent start`)',
    );
  }
  const variables = hasKey ? given : { ...stored, ...given };
  requireStandardKey(loadAgentConfig(readAgentEnv(variables)).key);
  formatEnvFile(variables);
  return variables;
}

/**
 * What of an environment the service gets: what an agent reads, what its commands are found by, and what was asked for by name;
 * `VAULT_*` asks for all that begin so.
 * @throws Misconfigured `agent_environment` when nothing of that name is set
 */
export function variablesFrom(env: NodeJS.ProcessEnv, more: readonly string[] = []): Variables {
  const variables: Record<string, string> = {};
  const take = (name: string): boolean => {
    const value = env[name];
    if (value !== undefined && value !== '') variables[name] = value;
    return variables[name] !== undefined;
  };
  for (const name of SERVICE_VARIABLES) take(name);
  for (const wish of more) {
    const names = wish.endsWith('*') ? Object.keys(env).filter((name) => name.startsWith(wish.slice(0, -1))) : [wish];
    if (names.filter(take).length === 0)
      throw new Misconfigured('agent_environment', `${wish} is not set here, so the service cannot get it`);
  }
  // The name that keys had once.
  if (variables.HOOP_KEY === undefined && env.HOOP_DSN) variables.HOOP_KEY = env.HOOP_DSN;
  return variables;
}
