import { execFile } from 'node:child_process';
import { Misconfigured } from '@hoop/core/errors';

/** What a program of the system answered. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM_MS_MAX = 90_000;

/**
 * Runs a program of the service manager to its end.
 * @throws Misconfigured `service_manager` when it is not there
 */
export function ask(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, encoding: 'utf8', timeout: PROGRAM_MS_MAX }, (error, stdout, stderr) => {
      if (error && error.code === 'ENOENT') {
        reject(new Misconfigured('service_manager', `${program} is not in PATH; run the agent with \`hoop start agent\` instead`));
        return;
      }
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr: stderr || (error?.killed ? `It did not answer within ${PROGRAM_MS_MAX / 1000} s` : '') });
    });
  });
}

/**
 * The same, where only success will do.
 * @throws Misconfigured `service_manager` with what the program said
 */
export async function must(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await ask(program, args, env);
  if (code === 0) return stdout;
  const said = stderr.trim() || stdout.trim() || `exit code ${code}`;
  throw new Misconfigured('service_manager', `\`${[program, ...args].join(' ')}\` failed: ${said}`);
}
