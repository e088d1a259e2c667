import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatEnvFile, parseEnvFile } from './env-file.ts';
import { plistText } from './launchd-plist.ts';
import { readIfThere, replaceFile } from './private-file.ts';
import { ask, must } from './programs.ts';
import { type AgentService, type Installation, type Logs, type Machine, SERVICE, type ServiceStatus, type Started } from './service.ts';

/** The agent under launchd, as an agent of its user. */
export class LaunchdService implements AgentService {
  readonly #machine: Machine;
  readonly #plistFile: string;
  readonly #envFile: string;
  readonly #outputFile: string;
  readonly #domain: string;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#plistFile = join(machine.home, 'Library/LaunchAgents', `${SERVICE}.plist`);
    this.#envFile = join(machine.configHome ?? join(machine.home, '.config'), 'hoop/agent.env');
    this.#outputFile = join(machine.home, 'Library/Logs', `${SERVICE}.log`);
    this.#domain = `gui/${machine.uid}`;
  }

  stored(): Record<string, string> | undefined {
    const text = readIfThere(this.#envFile);
    return text === undefined ? undefined : parseEnvFile(text);
  }

  async start({ command, variables }: Installation): Promise<Started> {
    const plist = plistText({ command, variables: { HOOP_ENV_FILE: this.#envFile }, outputFile: this.#outputFile });
    const env = formatEnvFile(variables);
    const before = { plist: readIfThere(this.#plistFile), env: readIfThere(this.#envFile) };
    const same = before.plist === plist && before.env === env;
    replaceFile(this.#envFile, env, 0o600);
    if (before.plist !== plist) replaceFile(this.#plistFile, plist, 0o644);
    // What the agent says is for its owner alone.
    if (!existsSync(this.#outputFile)) replaceFile(this.#outputFile, '', 0o600);
    const loaded = await this.#print();
    if (same && loaded?.running) return { change: 'unchanged', hints: [] };
    // launchd takes a definition in once; a changed one it takes only after it has let go of the old.
    if (loaded) await this.#bootout();
    await this.#must('enable', `${this.#domain}/${SERVICE}`);
    await this.#must('bootstrap', this.#domain, this.#plistFile);
    await this.#must('kickstart', `${this.#domain}/${SERVICE}`);
    return { change: before.plist === undefined ? 'installed' : same ? 'restarted' : 'updated', hints: [] };
  }

  async stop(): Promise<boolean> {
    if (!existsSync(this.#plistFile)) return false;
    if (await this.#print()) await this.#bootout();
    await this.#must('disable', `${this.#domain}/${SERVICE}`);
    return true;
  }

  async remove(): Promise<boolean> {
    const hadKey = existsSync(this.#envFile);
    const wasThere = await this.stop();
    rmSync(this.#plistFile, { force: true });
    rmSync(this.#envFile, { force: true });
    return wasThere || hadKey;
  }

  async status(): Promise<ServiceStatus> {
    const loaded = await this.#print();
    const running = loaded?.running ?? false;
    const disabled = await ask('launchctl', ['print-disabled', this.#domain], this.#machine.env);
    const installed = existsSync(this.#plistFile);
    return {
      installed,
      enabled: installed && !new RegExp(`"${SERVICE}" => (disabled|true)`).test(disabled.stdout),
      running,
      linked: running ? undefined : false,
      message: !running && loaded?.lastExit ? `It ended with exit code ${loaded.lastExit}` : '',
      since: undefined,
      pid: loaded?.pid,
      definition: this.#plistFile,
    };
  }

  logs({ lines, follow }: Logs): readonly [string, ...string[]] {
    return ['tail', '-n', lines === undefined ? '+1' : String(lines), ...(follow ? ['-F'] : []), this.#outputFile];
  }

  /** What launchd has of it; undefined when it has not taken it in. */
  async #print(): Promise<{ running: boolean; pid: number | undefined; lastExit: number | undefined } | undefined> {
    const { code, stdout } = await ask('launchctl', ['print', `${this.#domain}/${SERVICE}`], this.#machine.env);
    if (code !== 0) return undefined;
    const number = (pattern: RegExp): number | undefined => {
      const found = pattern.exec(stdout)?.[1];
      return found === undefined ? undefined : Number(found);
    };
    return {
      running: /^\s*state = running$/m.test(stdout),
      pid: number(/^\s*pid = (\d+)$/m),
      lastExit: number(/^\s*last exit code = (\d+)/m),
    };
  }

  /** launchd answers before the process has ended, and takes nothing of this name in until then. */
  async #bootout(): Promise<void> {
    await this.#must('bootout', `${this.#domain}/${SERVICE}`);
    const deadline = performance.now() + BOOTOUT_MS_MAX;
    while ((await this.#print()) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, BOOTOUT_LOOK_MS));
  }

  #must(...words: readonly string[]): Promise<string> {
    return must('launchctl', words, this.#machine.env);
  }
}

/** A drain, and a little. */
const BOOTOUT_MS_MAX = 45_000;
const BOOTOUT_LOOK_MS = 100;
