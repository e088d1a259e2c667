import { type AgentMessage, FRAME_KINDS } from '@hoop/contract/tunnel';
import { protocolOf } from '@hoop/core/connection';
import { asAppError, Misconfigured, PeerFault, Refusal, toPlain } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { Log } from '@hoop/core/log';
import type { Protocol } from '@hoop/core/protocol';
import type { Secret } from '@hoop/core/secret';
import type { ConnectionRow } from '@hoop/store/connections';
import type { AgentIdentity, AgentLink } from '@hoop/tunnel/link';
import { type ClientRequest, TunnelServer } from '@hoop/tunnel/server';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import type { Engine } from '../engine.ts';

export interface TunnelListenerOptions {
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  readonly plaintext: 'loopback' | 'anyone';
  readonly log: Log;
  /** For protocols in which a server proves itself with a bare key. */
  readonly hostKey: Secret;
  readonly engine: Engine;
  /** An agent whose key was found good. */
  onAgent(link: AgentLink): void;
  /** What an agent tells between its sessions. */
  onMessage(link: AgentLink, message: AgentMessage): void;
  onReplay(agentId: string, stream: FrameStream): void;
  verifyAgentKey(key: string): Promise<AgentIdentity>;
  verifyToken(token: string): Promise<Identity>;
  connectionNamed(name: string): Promise<ConnectionRow | undefined>;
  protocolNamed(name: string): Protocol | undefined;
}

/** The tunnel's port (8010): agents that dial in, and users' `hoop connect`. */
export function tunnelListener(options: TunnelListenerOptions): TunnelServer {
  return new TunnelServer({
    tls: options.tls,
    plaintext: options.plaintext,
    log: options.log,
    authenticateAgent: (key) => options.verifyAgentKey(key),
    authenticateUser: (token) => options.verifyToken(token),
    onAgent: (link) => options.onAgent(link),
    onMessage: (link, message) => options.onMessage(link, message),
    onReplay: (agentId, stream) => options.onReplay(agentId, stream),
    onClient: (stream, request) => void serveUser(options, stream, request),
  });
}

/** One local client of a `hoop connect` or `hoop exec`: the identity is proven by the user's token, so the protocol asks for no login. */
async function serveUser(options: TunnelListenerOptions, stream: FrameStream, request: ClientRequest): Promise<void> {
  try {
    const identity = await options.verifyToken(request.token);
    request.proven();
    const { verb } = request;
    if (verb !== 'connect' && verb !== 'exec')
      throw new PeerFault('bad_message', 'The client asks for a session of a kind that there is not');
    const connection = await options.connectionNamed(request.connection);
    if (!connection) throw new Refusal('not_found', `There is no connection ${request.connection}; see hoop list`);
    const name = protocolOf(connection.type, connection.subtype);
    const protocol = name === undefined ? undefined : options.protocolNamed(name);
    if (!protocol)
      throw new Misconfigured(
        'unsupported',
        `Connections of type ${connection.type}/${connection.subtype} cannot be opened in this version`,
      );
    // Where a script and a session are the same on the wire, whoever may only run scripts would get a session.
    if (verb === 'exec' && !protocol.needsCommand)
      throw new Refusal('unsupported', `Scripts for connections of type ${connection.subtype} are taken by the API`);
    const { engine } = options;
    const accepted = await protocol.accept(new StreamWire(stream, request.peer), {
      tls: undefined,
      tlsRequired: false,
      proven: { identity, connection },
      hostKey: options.hostKey,
      login: () => Promise.reject(new Refusal('unauthenticated', 'No login is needed here')),
      cancel: (key) => engine.cancel(key),
      mintCancelKey: (length) => engine.mintCancelKey(length),
    });
    if (accepted) await engine.open(accepted, { verb, origin: 'cli' });
    // A client that left before it said anything.
    else stream.end();
  } catch (thrown) {
    const error = asAppError(thrown);
    options.log.info({ code: error.code, peer: request.peer }, 'A user’s stream was refused');
    void stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(toPlain(error))));
    stream.end();
  }
}
