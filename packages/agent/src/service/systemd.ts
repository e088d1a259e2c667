import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { EXIT_REFUSED } from '../exit-code.ts';
import { formatEnvFile, parseEnvFile } from './env-file.ts';
import { LINKED } from './notify.ts';
import { readIfThere, replaceFile } from './private-file.ts';
import { ask, must } from './programs.ts';
import { type AgentService, type Installation, type Logs, type Machine, SERVICE, type ServiceStatus, type Started } from './service.ts';
import { unitText } from './systemd-unit.ts';

const UNIT = `${SERVICE}.service`;

/** The agent under systemd: a unit of its user, or of the system when root installs it. */
export class SystemdService implements AgentService {
  readonly #machine: Machine;
  readonly #scope: 'user' | 'system';
  readonly #unitFile: string;
  readonly #envFile: string;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#scope = machine.uid === 0 ? 'system' : 'user';
    const config = machine.configHome ?? join(machine.home, '.config');
    this.#unitFile = this.#scope === 'system' ? join(machine.etc, 'systemd/system', UNIT) : join(config, 'systemd/user', UNIT);
    this.#envFile = this.#scope === 'system' ? join(machine.etc, 'hoop/agent.env') : join(config, 'hoop/agent.env');
  }

  stored(): Record<string, string> | undefined {
    const text = readIfThere(this.#envFile);
    return text === undefined ? undefined : parseEnvFile(text);
  }

  async start({ command, variables }: Installation): Promise<Started> {
    await this.#reachable();
    const notifies = await this.#notifies();
    const unit = unitText({ scope: this.#scope, command, envFile: this.#envFile, notifies });
    const env = formatEnvFile(variables);
    const before = { unit: readIfThere(this.#unitFile), env: readIfThere(this.#envFile) };
    const same = before.unit === unit && before.env === env;
    replaceFile(this.#envFile, env, 0o600);
    if (before.unit !== unit) replaceFile(this.#unitFile, unit, 0o644);
    await this.#must('daemon-reload');
    await this.#must('enable', UNIT);
    const ran = (await this.#show()).get('ActiveState') === 'active';
    const hints = await this.#hints();
    if (same && ran) return { change: 'unchanged', hints };
    // It may be in the state that a refused key left it in.
    await this.#ask('reset-failed', UNIT);
    const started = await this.#ask('restart', UNIT);
    if (started.code !== 0) throw this.#failed(await this.#show(), started.stderr.trim());
    return { change: before.unit === undefined ? 'installed' : same ? 'restarted' : 'updated', hints };
  }

  async stop(): Promise<boolean> {
    if (!existsSync(this.#unitFile)) return false;
    await this.#reachable();
    await this.#must('disable', '--now', UNIT);
    return true;
  }

  async remove(): Promise<boolean> {
    const hadKey = existsSync(this.#envFile);
    const wasThere = await this.stop();
    rmSync(this.#unitFile, { force: true });
    rmSync(this.#envFile, { force: true });
    if (wasThere) {
      await this.#must('daemon-reload');
      await this.#ask('reset-failed', UNIT);
    }
    return wasThere || hadKey;
  }

  async status(): Promise<ServiceStatus> {
    const facts = await this.#show();
    const running = facts.get('ActiveState') === 'active' || facts.get('ActiveState') === 'activating';
    const text = facts.get('StatusText') ?? '';
    const since = Number(facts.get('ActiveEnterTimestamp')?.replace('@', ''));
    const pid = Number(facts.get('MainPID'));
    return {
      installed: existsSync(this.#unitFile),
      enabled: facts.get('UnitFileState') === 'enabled',
      running,
      linked: running ? (text === '' ? undefined : text.startsWith(LINKED)) : false,
      message: running ? text : reasonOf(facts),
      since: running && since > 0 ? new Date(since * 1000).toISOString() : undefined,
      pid: running && pid > 0 ? pid : undefined,
      definition: this.#unitFile,
    };
  }

  logs({ lines, follow }: Logs): readonly [string, ...string[]] {
    const scope = this.#scope === 'user' ? ['--user'] : [];
    const last = lines === undefined ? [] : ['-n', String(lines)];
    return ['journalctl', ...scope, '-u', UNIT, ...(follow ? ['-f'] : []), '-o', 'cat', '--no-pager', ...last];
  }

  /** A user's manager runs only where that user has logged in properly. */
  async #reachable(): Promise<void> {
    const { code, stdout, stderr } = await this.#ask('is-system-running');
    if (code === 0 || /^(running|degraded|starting|initializing|maintenance|stopping)/.test(stdout)) return;
    const words = stderr.trim() || stdout.trim() || `exit code ${code}`;
    const advice =
      this.#scope === 'user'
        ? 'Log in as this user (su and sudo do not start its services), run it as root for a service of the system, or run `hoop start agent`'
        : 'Run the agent with `hoop start agent` instead';
    throw new Misconfigured('service_manager', `systemd cannot be reached (${words}). ${advice}`);
  }

  async #notifies(): Promise<boolean> {
    return ask('systemd-notify', ['--version'], this.#machine.env).then(
      ({ code }) => code === 0,
      () => false,
    );
  }

  async #hints(): Promise<readonly string[]> {
    if (this.#scope === 'system') return [];
    const answer = await ask('loginctl', ['show-user', String(this.#machine.uid), '--property=Linger', '--value'], this.#machine.env).catch(
      () => undefined,
    );
    if (answer === undefined || answer.stdout.trim() === 'yes') return [];
    return ['It ends when you log out. To let it run on, and start with the machine: loginctl enable-linger'];
  }

  #failed(facts: ReadonlyMap<string, string>, said: string): Misconfigured {
    const again = 'See `hoop agent logs`';
    if (facts.get('ExecMainStatus') === String(EXIT_REFUSED)) {
      return new Misconfigured('agent_refused', `The service is installed, and ended: ${reasonOf(facts)}. ${again}`);
    }
    return new Misconfigured('service_manager', `The service is installed, and did not start: ${said || reasonOf(facts)}. ${again}`);
  }

  /** Facts of the unit by their names; there are some even where there is no unit. */
  async #show(): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.#ask('show', UNIT, '--timestamp=unix', `--property=${FACTS.join(',')}`);
    return new Map(
      stdout
        .split('\n')
        .filter((line) => line.includes('='))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  #ask(...words: readonly string[]): ReturnType<typeof ask> {
    return ask('systemctl', this.#words(words), this.#machine.env);
  }

  #must(...words: readonly string[]): Promise<string> {
    return must('systemctl', this.#words(words), this.#machine.env);
  }

  #words(words: readonly string[]): readonly string[] {
    return this.#scope === 'user' ? ['--user', ...words] : words;
  }
}

const FACTS = ['ActiveState', 'UnitFileState', 'StatusText', 'ActiveEnterTimestamp', 'MainPID', 'Result', 'ExecMainStatus'];

/** Why it does not run; empty where it was only stopped, or never started. */
function reasonOf(facts: ReadonlyMap<string, string>): string {
  const result = facts.get('Result') ?? '';
  if (result === '' || result === 'success') return '';
  return facts.get('StatusText') || `${result} (exit code ${facts.get('ExecMainStatus') ?? 'unknown'})`;
}
