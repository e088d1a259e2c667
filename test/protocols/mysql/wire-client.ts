import net from 'node:net';
import tls from 'node:tls';
import { within } from '../../support/until.ts';

/*
 * A client of our own making, for what no driver does: wrong bytes, odd orders, single bytes. It shares no code with the
 * adapter, so that a mistake of the one is not the mistake of the other.
 */

const FLAGS = {
  foundRows: 0x2,
  database: 0x8,
  localFiles: 0x80,
  protocol41: 0x200,
  tls: 0x800,
  transactions: 0x2000,
  secure: 0x8000,
  multi: 0x70000,
  plugin: 0x80000,
  deprecateEof: 0x1000000,
} as const;

export function int16(value: number): Buffer {
  return Buffer.from([value & 255, (value >>> 8) & 255]);
}

export function int32(value: number): Buffer {
  return Buffer.from([value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255]);
}

export function text(value: string): Buffer {
  return Buffer.concat([Buffer.from(value), Buffer.from([0])]);
}

/** One packet of less than 16 MiB. */
export function packet(sequence: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([body.length & 255, (body.length >>> 8) & 255, body.length >>> 16, sequence & 255]), body]);
}

/** A payload over as many packets as it takes. */
export function packets(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const out: Buffer[] = [];
  for (let at = 0, sequence = 0; at <= body.length; at += 0xffffff, sequence++)
    out.push(packet(sequence, body.subarray(at, at + 0xffffff)));
  return Buffer.concat(out);
}

const command = (code: number, ...parts: readonly Buffer[]): Buffer => packets(Buffer.from([code]), ...parts);

export const quit = command(0x01);
export const initDatabase = (name: string): Buffer => command(0x02, Buffer.from(name));
export const query = (sql: string): Buffer => command(0x03, Buffer.from(sql));
export const fieldList = (table: string): Buffer => command(0x04, text(table));
export const statistics = command(0x09);
export const processInfo = command(0x0a);
export const processKill = (id: number): Buffer => command(0x0c, int32(id));
export const ping = command(0x0e);
export const changeUser = command(0x11, text('root'), Buffer.from([0]), text('mysql'));
export const binlogDump = command(0x12, int32(4), int16(0), int32(1), Buffer.from('bin.000001'));
export const registerReplica = command(0x15, int32(1), Buffer.alloc(14));
export const prepare = (sql: string): Buffer => command(0x16, Buffer.from(sql));
export const longData = (statement: number, parameter: number, data: string): Buffer =>
  command(0x18, int32(statement), int16(parameter), Buffer.from(data));
export const closeStatement = (statement: number): Buffer => command(0x19, int32(statement));
export const resetStatement = (statement: number): Buffer => command(0x1a, int32(statement));
export const setOption = (option: number): Buffer => command(0x1b, int16(option));
export const fetch = (statement: number, rows: number): Buffer => command(0x1c, int32(statement), int32(rows));
export const resetConnection = command(0x1f);

/** Execution with text parameters; null is NULL, undefined was sent ahead. `flags` 1 asks for a cursor. */
export function execute(statement: number, parameters: readonly (string | null | undefined)[] = [], flags = 0): Buffer {
  const head = [int32(statement), Buffer.from([flags]), int32(1)];
  if (parameters.length === 0) return command(0x17, ...head);
  const nulls = Buffer.alloc((parameters.length + 7) >>> 3);
  parameters.forEach((value, index) => {
    if (value === null) nulls[index >>> 3] = (nulls[index >>> 3] ?? 0) | (1 << (index & 7));
  });
  const types = parameters.map(() => int16(0xfd));
  const values = parameters.flatMap((value) => (typeof value === 'string' ? [lenencText(value)] : []));
  return command(0x17, ...head, nulls, Buffer.from([1]), ...types, ...values);
}

export function lenencText(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 251) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  return Buffer.concat([Buffer.from([0xfd, bytes.length & 255, (bytes.length >>> 8) & 255, bytes.length >>> 16]), bytes]);
}

/** One packet of the server. */
export interface Reply {
  readonly sequence: number;
  readonly body: Buffer;
}

export const isError = ({ body }: Reply): boolean => body[0] === 0xff;
export const isEof = ({ body }: Reply): boolean => body[0] === 0xfe && body.length < 9;

/** `CODE (STATE): message`. */
export function wordsOf({ body }: Reply): string {
  const words = body.toString('utf8', 3);
  const code = body.readUInt16LE(1);
  return words.startsWith('#') ? `${code} (${words.slice(1, 6)}): ${words.slice(6)}` : `${code}: ${words}`;
}

/** The cells of a row in the text format. */
export function cellsOf({ body }: Reply): (string | null)[] {
  const cells: (string | null)[] = [];
  for (let at = 0; at < body.length; ) {
    const first = body[at++] ?? 0;
    if (first === 0xfb) {
      cells.push(null);
      continue;
    }
    let length = first;
    if (first === 0xfc) [length, at] = [body.readUInt16LE(at), at + 2];
    else if (first === 0xfd) [length, at] = [body.readUIntLE(at, 3), at + 3];
    else if (first === 0xfe) [length, at] = [Number(body.readBigUInt64LE(at)), at + 8];
    cells.push(body.toString('utf8', at, at + length));
    at += length;
  }
  return cells;
}

export interface Result {
  /** The first cell of each row, of all results. */
  readonly rows: string[];
  error?: string;
}

/** `packet`: one of any kind; `prepared`: a statement's number and its columns; `rows`: up to an EOF; `result`: one result or several. */
export type AnswerForm = 'packet' | 'prepared' | 'rows' | 'result';

export interface LoginOptions {
  readonly user: string;
  readonly password: string;
  readonly database?: string;
  readonly encrypted?: boolean;
  readonly localFiles?: boolean;
  /** Claims what nobody offered. */
  readonly extraFlags?: number;
}

/** A connection, packet by packet. */
export class WireClient {
  socket: net.Socket;
  /** Everything that came since the last `takeBytes`. */
  #received: Buffer[] = [];
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #over = false;
  #wake: (() => void) | undefined;
  /** The number that the server's greeting gave this session. */
  threadId = 0;
  greeting: Buffer = Buffer.alloc(0);

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.#listen();
  }

  static async connect({ host, port }: { readonly host: string; readonly port: number }): Promise<WireClient> {
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new WireClient(socket);
  }

  /** Logs in with the password in clear text, or without one. @throws Error with the server's words */
  async login(options: LoginOptions): Promise<void> {
    this.greeting = (await within('a greeting', this.reply())).body;
    this.threadId = this.greeting.readUInt32LE(this.greeting.indexOf(0, 1) + 1);
    let flags = FLAGS.protocol41 | FLAGS.transactions | FLAGS.secure | FLAGS.multi | FLAGS.plugin | (options.extraFlags ?? 0);
    if (options.database !== undefined) flags |= FLAGS.database;
    if (options.localFiles) flags |= FLAGS.localFiles;
    const head = (more: number): Buffer => Buffer.concat([int32(flags | more), int32(0x1000000), Buffer.from([45]), Buffer.alloc(23)]);
    let sequence = 1;
    if (options.encrypted) {
      this.send(packet(sequence++, head(FLAGS.tls)));
      await this.#startTls();
    }
    const plugin = options.password === '' ? 'mysql_native_password' : 'mysql_clear_password';
    const proof = options.password === '' ? Buffer.alloc(0) : text(options.password);
    const database = options.database === undefined ? Buffer.alloc(0) : text(options.database);
    const identity = [text(options.user), Buffer.from([proof.length]), proof, database, text(plugin)];
    this.send(packet(sequence, head(options.encrypted ? FLAGS.tls : 0), ...identity));
    const answer = await within('an answer to the login', this.reply());
    if (isError(answer)) throw new Error(wordsOf(answer));
    if (answer.body[0] !== 0) throw new Error(`The server wants more than this client knows: ${answer.body.toString('latin1')}`);
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next packet; a payload of several is joined. @throws Error when the connection ends before */
  async reply(): Promise<Reply> {
    const parts: Buffer[] = [];
    while (true) {
      const head = Buffer.from(await this.#bytes(4));
      const length = head.readUIntLE(0, 3);
      parts.push(Buffer.from(await this.#bytes(length)));
      if (length < 0xffffff) return { sequence: head[3] ?? 0, body: Buffer.concat(parts) };
    }
  }

  /** The whole answer to a query, to its last result. */
  async result(): Promise<Result> {
    const result: Result = { rows: [] };
    for (let more = true; more; ) {
      const first = await this.reply();
      if (isError(first)) return { ...result, error: wordsOf(first) };
      if (first.body[0] === 0) {
        more = (statusOfOk(first.body) & 8) !== 0;
        continue;
      }
      while (!isEof(await this.reply()));
      for (let row = await this.reply(); ; row = await this.reply()) {
        if (isError(row)) return { ...result, error: wordsOf(row) };
        if (isEof(row)) {
          more = (row.body.readUInt16LE(3) & 8) !== 0;
          break;
        }
        result.rows.push(cellsOf(row)[0] ?? 'NULL');
      }
    }
    return result;
  }

  ask(sql: string): Promise<Result> {
    this.send(query(sql));
    return within(`an answer to ${sql.slice(0, 60)}`, this.result());
  }

  /** Number, parameters and columns of a prepared statement. @throws Error with the server's words */
  async prepared(sql: string): Promise<number> {
    this.send(prepare(sql));
    const reply = await this.reply();
    if (isError(reply)) throw new Error(wordsOf(reply));
    const lists = (reply.body.readUInt16LE(5) > 0 ? 1 : 0) + (reply.body.readUInt16LE(7) > 0 ? 1 : 0);
    for (let list = 0; list < lists; list++) while (!isEof(await this.reply()));
    return reply.body.readUInt32LE(1);
  }

  /** Waits for one whole answer of this form, without looking into rows. */
  async answer(form: AnswerForm): Promise<void> {
    if (form === 'packet') {
      await this.reply();
      return;
    }
    if (form === 'prepared') {
      const reply = await this.reply();
      if (isError(reply)) return;
      for (const at of [5, 7]) if (reply.body.readUInt16LE(at) > 0) while (!isEof(await this.reply()));
      return;
    }
    if (form === 'rows') {
      await this.#end();
      return;
    }
    for (let more = true; more; ) {
      const first = await this.reply();
      if (isError(first)) return;
      if (first.body[0] === 0) more = (statusOfOk(first.body) & 8) !== 0;
      else {
        const status = await this.#end();
        // With a cursor the rows come when they are asked for.
        if (status === undefined || status & 0x40) return;
        const end = await this.#end();
        more = end !== undefined && (end & 8) !== 0;
      }
    }
  }

  /** The status in the next EOF; undefined for an error instead. */
  async #end(): Promise<number | undefined> {
    while (true) {
      const reply = await this.reply();
      if (isError(reply)) return undefined;
      if (isEof(reply)) return reply.body.readUInt16LE(3);
    }
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Reply[]> {
    const replies: Reply[] = [];
    while (true) {
      while (this.#unreadBytes === 0 && !this.#over) await within('the server closes the connection', this.#more());
      if (this.#unreadBytes === 0) return replies;
      replies.push(await this.reply());
    }
  }

  /** Every byte since the last call. */
  takeBytes(): Buffer {
    return Buffer.concat(this.#received.splice(0));
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Gone without a word: a reset, where the socket is not inside TLS. */
  vanish(): void {
    if (this.socket instanceof tls.TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  async #startTls(): Promise<void> {
    this.socket.removeAllListeners();
    const secure = tls.connect({ socket: this.socket, rejectUnauthorized: false });
    await new Promise((resolve, reject) =>
      secure
        .once('secureConnect', resolve)
        .once('error', reject)
        .once('close', () => reject(new Error('closed'))),
    );
    secure.removeAllListeners('error');
    this.socket = secure;
    this.#listen();
  }

  #listen(): void {
    const wake = (): void => this.#wake?.();
    this.socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#unread.push(chunk);
      this.#unreadBytes += chunk.length;
      wake();
    });
    const over = (): void => {
      this.#over = true;
      wake();
    };
    this.socket.on('end', over).on('close', over).on('error', over);
  }

  /** @throws Error when the connection ends before */
  async #bytes(count: number): Promise<Buffer> {
    while (this.#unreadBytes < count) {
      if (this.#over) throw new Error(`The server closed the connection (${this.#unreadBytes} of ${count} bytes came)`);
      await this.#more();
    }
    const [first] = this.#unread;
    const whole = first && first.length >= count ? first : Buffer.concat(this.#unread);
    this.#unread = whole === first ? this.#unread.slice(1) : [];
    if (whole.length > count) this.#unread.unshift(whole.subarray(count));
    this.#unreadBytes -= count;
    return whole.subarray(0, count);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Behind affected rows and the last insert id, both small here or with their own length byte. */
function statusOfOk(body: Buffer): number {
  let at = 1;
  for (let number = 0; number < 2; number++) {
    const first = body[at] ?? 0;
    at += first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
  }
  return body.readUInt16LE(at);
}
