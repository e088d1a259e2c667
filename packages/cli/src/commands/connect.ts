import type { Socket } from 'node:net';
import { type Connection, getConnection } from '@hoop/contract/routes/connections';
import { getServerInfo } from '@hoop/contract/routes/server';
import { protocolOf } from '@hoop/core/connection';
import { asAppError } from '@hoop/core/errors';
import { SocketWire } from '@hoop/core/wire';
import { untilOnline } from '../connect/agent-wait.ts';
import { dialerOf } from '../connect/dialer.ts';
import { wantsKubeconfig, writeKubeconfig } from '../connect/kubeconfig.ts';
import { LinkKeeper } from '../connect/link-keeper.ts';
import { LOCAL_HOST, type LocalListener, listenLocally, portOption } from '../connect/listen.ts';
import { bannerFacts, type Hint, type LocalPlace, type LocalProtocol, localProtocol } from '../connect/protocols.ts';
import { relay } from '../connect/relay.ts';
import { runSsh } from '../connect/ssh.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import { typeOf } from '../output/connection.ts';
import { humanTeller, jsonTeller, type Teller } from '../output/events.ts';
import { renderFacts } from '../output/table.ts';
import { note } from '../output/terminal.ts';
import { pause } from '../pause.ts';
import { escapeOption, takeOver } from '../terminal/interactive.ts';
import { assertMode, isCommand, withSession } from '../terminal/session.ts';
import type { DialGateway } from '../tunnel-port.ts';

export interface ConnectOptions {
  readonly port?: string;
  readonly silent?: boolean;
  readonly json?: boolean;
  /** The escape character of a terminal, or `none`. */
  readonly escape?: string;
}

/** What a test replaces: the tunnel, and waiting. */
export interface ConnectParts {
  dialer(gateway: Gateway, context: Context): Promise<DialGateway>;
  readonly pause: typeof pause;
}

const REAL_PARTS: ConnectParts = { dialer: dialerOf, pause };

/** `hoop connect NAME [-- ARGS]`: a terminal where the connection is a command, else a local port that leads to it, until Ctrl-C. */
export async function connect(
  context: Context,
  name: string,
  args: readonly string[],
  options: ConnectOptions,
  parts: ConnectParts = REAL_PARTS,
): Promise<number> {
  const asked = portOption(options.port);
  const escapeKey = escapeOption(options.escape);
  const gateway = openGateway(context);
  const described = await gateway.client.call(getConnection, { params: { nameOrID: name } });
  if (isCommand(described)) return connectTerminal({ context, gateway, parts, options, escapeKey }, described, args);
  const ownSsh = isSsh(described) && asked === undefined && options.json !== true ? { args } : undefined;
  if (args.length > 0 && !ownSsh) throw usage(`${name} is of type ${typeOf(described)}: it opens a port, and takes no arguments`);
  return connectPort({ context, gateway, parts, options, asked, ownSsh }, described);
}

interface PortCall {
  readonly context: Context;
  readonly gateway: Gateway;
  readonly parts: ConnectParts;
  readonly options: ConnectOptions;
  readonly asked: number | undefined;
  /** The user's own ssh is started on the port, with a command for the host or none. */
  readonly ownSsh: { readonly args: readonly string[] } | undefined;
}

async function connectPort(call: PortCall, described: Connection): Promise<number> {
  const { context, gateway, parts, options, asked } = call;
  const teller = options.json === true ? jsonTeller(context.terminal) : humanTeller(context.terminal);
  const stop = context.stopSignal();
  const protocol = protocolFor(described);
  const dial = await parts.dialer(gateway, context);
  const keeper = await LinkKeeper.start({ dial, teller, stop, pause: parts.pause, random: Math.random });
  try {
    teller.tell({ status: 'connected', message: '' });
    const connection = await untilOnline(described, { client: gateway.client, teller, stop, pause: parts.pause });
    const clients = new Clients(keeper, connection.name, teller, protocol.halfClose === true);
    const listener = await listenLocally(asked, protocol.port, (socket) => clients.serve(socket));
    try {
      if (call.ownSsh) return await useSsh(call, listener, stop);
      announce(context, teller, connection, listener, options);
      await aborted(stop);
      return EXIT.ok;
    } finally {
      listener.server.close();
      clients.close();
    }
  } catch (error) {
    // Ctrl-C is how this command ends, at whatever point.
    if (stop.aborted) return EXIT.ok;
    throw error;
  } finally {
    keeper.close();
    if (stop.aborted) teller.tell({ status: 'disconnected', message: 'Disconnected', exit_code: EXIT.ok });
  }
}

function isSsh({ type, subtype }: Connection): boolean {
  return protocolOf(type, subtype) === 'ssh';
}

/** The user's own ssh has this terminal; its exit code is ours. */
async function useSsh({ context, gateway, ownSsh }: PortCall, { port }: LocalListener, stop: AbortSignal): Promise<number> {
  const { ssh_host_key: hostKey } = await gateway.client.call(getServerInfo);
  if (hostKey === undefined)
    throw new Failure('gateway_too_old', 'This gateway does not tell its SSH host key. Use --port and your own ssh');
  return runSsh({ home: context.env.home, place: { host: LOCAL_HOST, port }, hostKey, args: ownSsh?.args ?? [] }, stop);
}

interface TerminalCall {
  readonly context: Context;
  readonly gateway: Gateway;
  readonly parts: ConnectParts;
  readonly options: ConnectOptions;
  readonly escapeKey: string | undefined;
}

/** This terminal becomes the command's; its exit code is ours. */
async function connectTerminal(
  { context, gateway, parts, options, escapeKey }: TerminalCall,
  described: Connection,
  args: readonly string[],
): Promise<number> {
  const { terminal } = context;
  const { name } = described;
  assertMode(described, 'connect');
  if (options.json === true) throw usage(`${name} opens a terminal, which has no JSON. Use \`hoop exec ${name} --json\``);
  if (options.port !== undefined) throw usage(`${name} opens a terminal, and no port. Leave --port out`);
  if (terminal.stdin.isTTY !== true) throw usage(`${name} opens a terminal, and stdin is none. Use \`hoop exec ${name}\``);
  const stop = context.stopSignal({ hangUp: true });
  const waiting = { client: gateway.client, teller: humanTeller(terminal), stop, pause: parts.pause };
  const connection = await untilOnline(described, waiting);
  const dial = await parts.dialer(gateway, context);
  return withSession(dial, connection.name, 'connect', (wire) => {
    if (options.silent !== true) welcome(context, connection, escapeKey);
    return takeOver(context, wire, { args, escapeKey, timeout_ms: 0 });
  });
}

function welcome({ terminal }: Context, { name }: Connection, escapeKey: string | undefined): void {
  const way = escapeKey === undefined ? '' : `; Enter ${escapeKey}. leaves a session that hangs`;
  note(terminal, terminal.errStyle.dim(`Connected to ${name}${way}`));
}

function protocolFor(connection: Connection): LocalProtocol {
  assertMode(connection, 'connect');
  const protocol = localProtocol(protocolOf(connection.type, connection.subtype));
  if (protocol) return protocol;
  throw new Failure(
    'protocol_unsupported',
    `${connection.name} is of type ${typeOf(connection)}, which has no local port. Try \`hoop exec\``,
  );
}

/** The local clients that are being served. */
class Clients {
  readonly #keeper: LinkKeeper;
  readonly #connection: string;
  readonly #teller: Teller;
  readonly #halfClose: boolean;
  readonly #sockets = new Set<Socket>();
  #closing = false;

  constructor(keeper: LinkKeeper, connection: string, teller: Teller, halfClose: boolean) {
    this.#keeper = keeper;
    this.#connection = connection;
    this.#teller = teller;
    this.#halfClose = halfClose;
  }

  serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Until the wire takes over; a client that leaves while the gateway is asked is no error.
    socket.on('error', () => undefined);
    this.#relay(socket).catch((error: unknown) => {
      socket.destroy();
      // What breaks because we end it is no news.
      if (!this.#closing) this.#teller.tell({ status: 'error', message: asAppError(error).message });
    });
  }

  close(): void {
    this.#closing = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #relay(socket: Socket): Promise<void> {
    const remote = await this.#keeper.open(this.#connection);
    if (socket.destroyed) {
      remote.destroy();
      return;
    }
    await relay(new SocketWire(socket), remote, this.#halfClose);
  }
}

function announce(context: Context, teller: Teller, connection: Connection, listener: LocalListener, options: ConnectOptions): void {
  const { terminal } = context;
  const { bold, green, dim, yellow } = terminal.errStyle;
  const place = { host: LOCAL_HOST, port: listener.port, database: connection.default_database };
  const name = protocolOf(connection.type, connection.subtype) ?? '';
  const hints = hintsOf(context, connection, place, listener.moved);
  const facts = bannerFacts(connection, name, place, hints);
  if (options.json === true) {
    const data = { connection: connection.name, host: place.host, port: place.port, hints };
    teller.tell({ status: 'ready', message: 'Ready to accept connections', data });
    return;
  }
  if (options.silent === true) return;
  const lines = renderFacts(facts).trimEnd().split('\n');
  note(terminal, ['', ...lines.map((line) => `  ${line.startsWith('Type:') ? bold(line) : line}`), ''].join('\n'));
  if (listener.moved) note(terminal, yellow(`The usual port was taken, so this is another one; --port chooses`));
  note(terminal, `${green('Ready to accept connections!')} ${dim('Ctrl-C ends it')}`);
}

function hintsOf({ env }: Context, connection: Connection, place: LocalPlace, moved: boolean): readonly Hint[] {
  const { name, type, subtype } = connection;
  if (!wantsKubeconfig(subtype)) return localProtocol(protocolOf(type, subtype))?.hints(place) ?? [];
  const path = writeKubeconfig(env.home, name, place, moved);
  return [{ label: 'Type', text: `export KUBECONFIG=${/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}` }];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
