import {
  decodeResize,
  type ExitMessage,
  encodeTerminalFrame,
  encodeTerminalMessage,
  StartMessage,
  TERMINAL_FRAMES,
  type TerminalFrame,
  type TerminalFrameKind,
  TerminalFrameReader,
} from '@hoop/contract/terminal';
import { FRAME_KINDS } from '@hoop/contract/tunnel';
import { Refusal, toPlain } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { TunnelServer } from '@hoop/tunnel/server';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { FakeGateway, type Handlers } from './fake-gateway.ts';
import { connection, serverInfo } from './fixtures.ts';
import { Shell } from './shell.ts';

/** The command's end of one session, in the hands of a test. */
export class CommandEnd {
  readonly #stream: FrameStream;
  readonly #wire: StreamWire;
  readonly #input: Buffer[] = [];
  readonly #seen: string[] = [];
  #waiting: { holds(): boolean; resolve(): void }[] = [];
  #open: Promise<void> = Promise.resolve();
  start: StartMessage | undefined;
  /** The client went away. */
  gone = false;

  constructor(stream: FrameStream) {
    this.#stream = stream;
    this.#wire = new StreamWire(stream, 'test');
    const reader = new TerminalFrameReader();
    const done = (): void => {
      this.gone = true;
      this.#look();
    };
    this.#wire
      .pump(async (chunk) => {
        await this.#open;
        for (const frame of reader.push(chunk)) this.#take(frame);
        this.#look();
      })
      .then(done, done);
  }

  get input(): Buffer {
    return Buffer.concat(this.#input);
  }

  /** What came besides input, in order: `inputEnd`, `resize 80x24`, `signal INT`. */
  get seen(): readonly string[] {
    return this.#seen;
  }

  /** Resolves when it holds; looked at whenever something came. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  /** Reads nothing more until the promise resolves, as a program that is busy. */
  stall(until: Promise<void>): void {
    this.#open = until;
  }

  say(kind: 'stdout' | 'stderr' | 'notice', text: string | Uint8Array): void | Promise<void> {
    return this.raw(TERMINAL_FRAMES[kind], Buffer.from(text));
  }

  raw(kind: TerminalFrameKind, payload: Uint8Array): void | Promise<void> {
    return this.#wire.write(Buffer.from(encodeTerminalFrame(kind, payload)));
  }

  exit(message: ExitMessage): void {
    void this.#wire.write(Buffer.from(encodeTerminalMessage(TERMINAL_FRAMES.exit, message)));
    this.#wire.end();
  }

  refuse(code: string, message: string): void {
    void this.#stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(toPlain(new Refusal(code, message)))));
    this.#stream.end();
  }

  #take({ kind, payload }: TerminalFrame): void {
    if (kind === TERMINAL_FRAMES.input) this.#input.push(Buffer.from(payload));
    else if (kind === TERMINAL_FRAMES.start) this.start = StartMessage.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    else this.#seen.push(nameOf(kind, payload));
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ holds, resolve }) => {
      if (!holds()) return true;
      resolve();
      return false;
    });
  }
}

function nameOf(kind: number, payload: Uint8Array): string {
  if (kind === TERMINAL_FRAMES.inputEnd) return 'inputEnd';
  if (kind === TERMINAL_FRAMES.signal) return `signal ${Buffer.from(payload).toString('utf8')}`;
  const size = kind === TERMINAL_FRAMES.resize ? decodeResize(payload) : undefined;
  return size === undefined ? `kind ${kind}` : `resize ${size.columns}x${size.rows}`;
}

/** A custom connection `demo` behind a real tunnel, whose command is a `CommandEnd`, and the API that leads to it. */
export class CommandRig implements AsyncDisposable {
  readonly #tunnel: TunnelServer;
  readonly #ends: CommandEnd[];
  #next: ((end: CommandEnd) => void) | undefined;
  readonly api: FakeGateway;
  readonly shell: Shell;

  private constructor(tunnel: TunnelServer, api: FakeGateway, ends: CommandEnd[]) {
    this.#tunnel = tunnel;
    this.#ends = ends;
    this.api = api;
    this.shell = Shell.at(api);
  }

  static async start(handlers: Handlers = {}): Promise<CommandRig> {
    const ends: CommandEnd[] = [];
    let take = (end: CommandEnd): void => void ends.push(end);
    const tunnel = new TunnelServer({
      tls: undefined,
      plaintext: 'loopback',
      log: silentLog(),
      authenticateAgent: () => Promise.reject(new Refusal('unauthenticated', 'no agents here')),
      onAgent: () => undefined,
      onClient: (stream, request) => {
        request.proven();
        take(new CommandEnd(stream));
      },
    });
    const port = await tunnel.listen('127.0.0.1', 0);
    const api = await FakeGateway.start({
      getConnection: () => connection({ type: 'custom', subtype: '', command: ['bash'] }),
      getServerInfo: () => serverInfo({ grpc_url: `grpc://127.0.0.1:${port}` }),
      ...handlers,
    });
    const rig = new CommandRig(tunnel, api, ends);
    take = (end) => rig.#take(end);
    return rig;
  }

  /** The next session's command, once it was told to start. */
  async command(): Promise<CommandEnd> {
    const end = this.#ends.shift() ?? (await new Promise<CommandEnd>((resolve) => (this.#next = resolve)));
    await end.until(() => end.start !== undefined || end.gone);
    return end;
  }

  /** The gateway is gone. */
  cut(): void {
    this.#tunnel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tunnel.close();
    this.shell[Symbol.dispose]();
    await this.api[Symbol.asyncDispose]();
  }

  #take(end: CommandEnd): void {
    const next = this.#next;
    this.#next = undefined;
    if (next) next(end);
    else this.#ends.push(end);
  }
}
