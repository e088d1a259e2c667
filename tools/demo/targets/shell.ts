import { hasProgram } from '../../process/programs.ts';
import type { Target } from './target.ts';

export const SHELL = 'demo-shell';

/** A shell beside the agent, as the user that the demo runs as. With arguments it runs them in its place, as `env` does. */
export function shellTarget(): Target {
  const shell = hasProgram('bash') ? 'bash' : 'sh';
  const script = `test $# -gt 0 || exec ${shell}; exec "$@"`;
  return { wish: { name: SHELL, type: 'custom', subtype: '', command: ['sh', '-c', script, shell], settings: {} }, what: shell };
}
