import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { machineEnv } from '../env.ts';
import type { Machine } from './service.ts';

/** The machine that this process runs on, for its own user. */
export function thisMachine(): Machine {
  const uid = process.getuid?.() ?? -1;
  const env = machineEnv();
  const runtime = `/run/user/${uid}`;
  return {
    platform: process.platform,
    uid,
    home: homedir(),
    configHome: env.XDG_CONFIG_HOME || undefined,
    etc: '/etc',
    // sd_booted(3)
    isManaged: existsSync('/run/systemd/system'),
    // Where a login set nothing, such as under cron, the user's manager is found where it always is.
    env: env.XDG_RUNTIME_DIR === undefined && existsSync(runtime) ? { ...env, XDG_RUNTIME_DIR: runtime } : env,
  };
}
