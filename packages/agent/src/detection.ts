import type { PolicyMessage } from '@hoop/contract/tunnel';
import { Misconfigured } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { MaskMode } from '@hoop/policy/masks';
import type { Remote } from '@hoop/policy/remote';
import type { DetectionEnv } from './env.ts';
import { Presidio } from './presidio/presidio.ts';

/** Servers that are kept: a gateway has one, and another one when it is configured anew. */
const SERVERS_MAX = 4;

/** What the masks of this process work with beside their rules: who else is asked, and what becomes of what cannot be looked at. */
export class Detection {
  readonly #log: Log;
  readonly #url: string | undefined;
  readonly #isStrict: boolean;
  readonly #servers = new Map<string, Presidio>();

  /** @throws Misconfigured `agent_config` */
  constructor(log: Log, env: DetectionEnv) {
    this.#log = log;
    const mode = env.mode?.toLowerCase() ?? '';
    if (!['', 'strict', 'best-effort'].includes(mode)) throw new Misconfigured('agent_config', 'DLP_MODE must be strict or best-effort');
    this.#isStrict = mode === 'strict';
    const url = env.presidioUrl === undefined ? undefined : URL.parse(env.presidioUrl);
    if (url === null || (url && (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)))
      throw new Misconfigured('agent_config', 'MSPRESIDIO_ANALYZER_URL must be http://host[:port][/path] or https://host[:port][/path]');
    this.#url = url?.href;
  }

  /** Where gateway and agent differ, the stricter of the two holds: nobody can loosen what the other one asks for. */
  modeOf({ mode }: Pick<PolicyMessage, 'mode'>): MaskMode {
    return mode === 'best-effort' && !this.#isStrict ? 'best-effort' : 'strict';
  }

  /** The agent's own server goes before the one that the gateway names: the agent may know it by another address. */
  remoteOf({ presidio }: Pick<PolicyMessage, 'presidio'>): Remote | undefined {
    const url = this.#url ?? presidio?.url;
    return url === undefined ? undefined : this.#serverAt(url);
  }

  #serverAt(url: string): Presidio {
    const known = this.#servers.get(url);
    if (known) return known;
    const server = new Presidio(url, this.#log);
    this.#servers.set(url, server);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size > SERVERS_MAX && oldest !== undefined) this.#servers.delete(oldest);
    return server;
  }
}
