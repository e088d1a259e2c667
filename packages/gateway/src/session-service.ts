import { FailMessage, FRAME_KINDS, type OpenMessage } from '@hoop/contract/tunnel';
import { protocolOf } from '@hoop/core/connection';
import { type AppError, fromPlain, Misconfigured, Refusal, TargetFault } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import { EXEC_OUTPUT_BYTES_MAX, TARGET_CONNECT_MS_MAX } from '@hoop/core/limits';
import type { Protocol } from '@hoop/core/protocol';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Store } from '@hoop/store/store';
import { parseMessage } from '@hoop/tunnel/control';
import { memoryStreams } from '@hoop/tunnel/memory';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import type { Engine } from './engine.ts';
import type { AgentHub } from './hub.ts';
import type { ExecRequest, ExecResult, SessionEngine } from './ports.ts';
import { targetOf } from './target-secrets.ts';

export interface SessionServiceDeps {
  readonly store: Store;
  readonly engine: Engine;
  readonly hub: AgentHub;
  protocolNamed(name: string): Protocol | undefined;
}

const NOT_EVEN_BEGUN = new Set(['agent_offline', 'agent_timeout', 'access_mode_disabled', 'gateway_draining', 'too_many_sessions']);

/** Exit code of an execution that policy or permission refused. */
const REFUSED = 254;

/** What the API asks of sessions: scripts, kills, probes. */
export class SessionService implements SessionEngine {
  readonly #deps: SessionServiceDeps;

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Runs a script as a client of our own: the same session, judged, masked and recorded as one that came over a wire.
   * @throws Refusal when it may not even begin; what fails later is in the result
   */
  async execute(identity: Identity, request: ExecRequest): Promise<ExecResult> {
    const connection = await this.#connection(request.connection);
    const protocol = this.#protocol(connection);
    if (!protocol.execute)
      throw new Refusal('unsupported', `Connections of type ${connection.subtype} take no scripts; use hoop connect ${connection.name}`);
    const [inside, outside] = memoryStreams();
    const client = new StreamWire(outside, request.origin);
    const started = performance.now();
    const over = this.#deps.engine.open(
      {
        wire: new StreamWire(inside, request.origin),
        grant: { identity, connection },
        hello: {
          user: identity.email,
          options: { application_name: 'hoop exec' },
          cancelKey: this.#deps.engine.mintCancelKey(CANCEL_KEY_BYTES),
        },
        refuse: (error) => protocol.refuse(error),
      },
      { ...request, id: request.sessionId, verb: 'exec' },
    );
    const stop = (): void => void this.#deps.engine.kill(request.sessionId, identity);
    request.signal?.addEventListener('abort', stop, { once: true });
    const output: Buffer[] = [];
    try {
      const execution = await protocol
        .execute({ wire: client, script: request.script, write: (piece) => void output.push(piece), outputBytesMax: EXEC_OUTPUT_BYTES_MAX })
        .catch(() => ({ exitCode: 1, truncated: false }));
      client.destroy();
      const { reason, denied } = await over;
      // Nothing of the script ran: that is an error of the request, not a result of it.
      if (reason && NOT_EVEN_BEGUN.has(reason.code)) throw reason;
      const exitCode = denied > 0 || reason?.kind === 'refusal' ? REFUSED : reason && execution.exitCode === 0 ? 1 : execution.exitCode;
      return {
        sessionId: request.sessionId,
        output: Buffer.concat(output),
        outputStatus: exitCode === REFUSED ? 'blocked' : exitCode === 0 ? 'success' : 'failed',
        exitCode,
        truncated: execution.truncated,
        executionTimeMs: Math.round(performance.now() - started),
      };
    } finally {
      request.signal?.removeEventListener('abort', stop);
    }
  }

  kill(sessionId: string, by: Identity): boolean {
    return this.#deps.engine.kill(sessionId, by);
  }

  revokeCredential(credentialId: string): void {
    this.#deps.engine.revokeCredential(credentialId);
  }

  liveCount(): number {
    return this.#deps.engine.liveCount();
  }

  /** Lets the agent log in at the target and leave again. Nothing is run there. @throws AppError with why that failed */
  async probe(connectionName: string): Promise<void> {
    const { store, hub } = this.#deps;
    const connection = await this.#connection(connectionName);
    const protocol = this.#protocol(connection);
    const agent = await hub.open(connection.agentId, connection.name);
    const open: OpenMessage = {
      session: crypto.randomUUID(),
      protocol: protocol.name,
      connection: connection.name,
      user: { id: '', email: 'system' },
      type: connection.type,
      subtype: connection.subtype,
      verb: 'connect',
      origin: 'probe',
      ...targetOf(await store.connections.secretsOf(connection.id)),
      command: [...connection.command],
      hello: { user: 'hoop', options: { application_name: 'hoop probe' } },
      policy: { revision: 0, guardrails: [], masks: [] },
    };
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new TargetFault('probe_timeout', 'The target did not answer in time')),
          2 * TARGET_CONNECT_MS_MAX,
        );
        const settle = (error?: AppError): void => {
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        };
        agent.stream.receive({
          data: () => undefined,
          message: (kind, payload) => {
            if (kind === FRAME_KINDS.ready) settle();
            else if (kind === FRAME_KINDS.fail) settle(fromPlain(parseMessage(FailMessage, payload)));
          },
          ended: () => settle(new TargetFault('agent_lost', 'The agent left before the target was ready')),
          broken: settle,
        });
        void agent.stream.send(FRAME_KINDS.open, Buffer.from(JSON.stringify(open)));
      });
    } finally {
      agent.stream.destroy();
      agent.release();
    }
  }

  async #connection(nameOrId: string): Promise<ConnectionRow> {
    const connection = await this.#deps.store.connections.get(nameOrId);
    if (!connection) throw new Refusal('not_found', `There is no connection ${nameOrId}; see hoop list`);
    return connection;
  }

  #protocol(connection: ConnectionRow): Protocol {
    const name = protocolOf(connection.type, connection.subtype);
    const protocol = name === undefined ? undefined : this.#deps.protocolNamed(name);
    if (!protocol)
      throw new Misconfigured('unsupported', `Connections of type ${connection.type}/${connection.subtype} cannot be used in this version`);
    return protocol;
  }
}

const CANCEL_KEY_BYTES = 8;
