import { invalidReference, notFound, objectOf, type SecretDocument, valuesOf } from './document.ts';
import type { SecretsEnv } from './env.ts';

/**
 * Credentials of the agent (and of a gateway in the same process) themselves. Whoever may edit connections chooses the host that a value is
 * sent to: with these a connection's editor would become the agent, or whoever the agent is at a cloud. No setting opens this list.
 */
const NEVER_PREFIXES = ['HOOP_', 'VAULT_', 'AWS_', 'AZURE_', 'ARM_', 'GOOGLE_', 'GCP_', 'GCLOUD_', 'CLOUDSDK_', 'IDP_', 'LD_', 'NODE_'];
const NEVER = [
  'ASK_AI_CREDENTIALS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'LICENSE_SIGNING_KEY',
  'METRICS_TOKEN',
  'POSTGRES_DB_URI',
  'SSH_AUTH_SOCK',
  'SSH_CLIENT_HOST_KEY',
  'TLS_KEY',
  'TOKEN',
  'WEBHOOK_APPKEY',
];
/** These say where something is, and open nothing. */
const HARMLESS = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

/** The agent's environment, as far as connections may read it. */
export class AgentVariables {
  readonly #env: SecretsEnv;
  readonly #allowed: readonly string[];
  readonly #listedOnly: boolean;

  /**
   * `ownProcess`: the agent has its process, and so its environment, for itself. Where it shares them (with a gateway, with an application)
   * only what HOOP_AGENT_ENVS lists may be read.
   */
  constructor(env: SecretsEnv, ownProcess: boolean) {
    this.#env = env;
    this.#allowed = (env.allowed ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    this.#listedOnly = !ownProcess || env.allowed !== undefined;
  }

  /** @throws Misconfigured `secret_not_found`, `secret_reference_invalid` where it may not be read */
  value(name: string): string {
    if (isNever(name)) throw invalidReference(`${name} is a variable of the agent itself, which no connection may read; use another name`);
    if (this.#listedOnly && !this.#isListed(name)) {
      throw invalidReference(`${name} may not be read by connections; add it to HOOP_AGENT_ENVS of the agent and start it again`);
    }
    const value = this.#env.variable(name);
    if (value === undefined) throw notFound(`the agent has no variable ${name}; set it where the agent is started, and start it again`);
    return value;
  }

  /** A variable that holds a JSON object. Not worth remembering, so its time is over at once. */
  document(name: string): SecretDocument {
    const object = objectOf(this.value(name));
    if (!object) throw notFound(`the agent's variable ${name} holds no JSON object; write it as {"key": "value"}`);
    return { values: valuesOf(object), ttl_ms: 0 };
  }

  #isListed(name: string): boolean {
    return this.#allowed.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each));
  }
}

/** Whatever the case: names of proxies are written either way, and some systems do not tell them apart. */
function isNever(name: string): boolean {
  const upper = name.toUpperCase();
  return !HARMLESS.includes(upper) && (NEVER.includes(upper) || NEVER_PREFIXES.some((prefix) => upper.startsWith(prefix)));
}
