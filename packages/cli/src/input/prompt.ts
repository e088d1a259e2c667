import { StringDecoder } from 'node:string_decoder';
import { EXIT } from '../exit-codes.ts';
import { Exit, usage } from '../failure.ts';
import type { Input, Terminal } from '../output/terminal.ts';

/** Longest answer to a prompt; a pasted file is not one. */
const ANSWER_LENGTH_MAX = 4_096;

const KEYS = {
  enter: ['\r', '\n'],
  erase: ['\x7f', '\b'],
  eraseLine: '\x15',
  interrupt: '\x03',
  endOfInput: '\x04',
  escape: '\x1b',
} as const;

/**
 * Asks questions on stderr and reads answers from stdin, a line each, from a terminal or from a pipe.
 * One object for a whole dialogue, since a pipe may hold several answers in one chunk.
 */
export class Prompt {
  readonly #terminal: Terminal;
  readonly #lines: LineReader;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#lines = new LineReader(terminal.stdin);
  }

  /** Asks for something that may be seen. @throws Failure when the input ended. */
  async line(question: string): Promise<string> {
    if (this.#terminal.stdin.isTTY === true) this.#terminal.stderr.write(question);
    return (await this.#next(question)).trim();
  }

  /**
   * Asks for something that must not be seen: nothing of it is echoed.
   * @throws Failure when the input ended, or when the terminal would show what is typed. @throws Exit on Ctrl-C.
   */
  async secret(question: string): Promise<string> {
    const { stdin, stderr } = this.#terminal;
    if (stdin.isTTY !== true) return this.#next(question);
    if (stdin.setRawMode === undefined) throw usage('This terminal would show the password. Pipe it into stdin instead');
    stderr.write(question);
    stdin.setRawMode(true);
    try {
      return await readHidden(stdin);
    } finally {
      stdin.setRawMode(false);
      stderr.write('\n');
    }
  }

  /** Lets go of stdin, so that the process can end. */
  close(): void {
    this.#lines.close();
  }

  async #next(question: string): Promise<string> {
    const line = await this.#lines.next();
    if (line === undefined) throw usage(`The input ended where an answer was needed to "${question.trim().replace(/:$/, '')}"`);
    return line;
  }
}

/** Reads a stream to its end as text. */
export async function readAll(stream: AsyncIterable<Buffer | string>, bytes_max: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > bytes_max) throw usage(`The input is longer than ${bytes_max} bytes. Split it`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lines of a stream, taken one at a time; what was read beyond a line waits for the next call. */
class LineReader {
  readonly #stdin: Input;
  readonly #decoder = new StringDecoder('utf8');
  #text = '';

  constructor(stdin: Input) {
    this.#stdin = stdin;
  }

  async next(): Promise<string | undefined> {
    while (true) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) return this.#take(end, 1);
      if (this.#text.length > ANSWER_LENGTH_MAX) throw usage(`An answer is longer than ${ANSWER_LENGTH_MAX} characters`);
      const chunk = await nextChunk(this.#stdin);
      if (chunk === undefined) return this.#text === '' ? undefined : this.#take(this.#text.length, 0);
      this.#text += this.#decoder.write(chunk);
    }
  }

  close(): void {
    this.#stdin.pause();
  }

  #take(end: number, skip: number): string {
    const line = this.#text.slice(0, end).replace(/\r$/, '');
    this.#text = this.#text.slice(end + skip);
    return line;
  }
}

async function readHidden(stdin: Input): Promise<string> {
  const decoder = new StringDecoder('utf8');
  let typed: string[] = [];
  while (true) {
    const chunk = await nextChunk(stdin);
    if (chunk === undefined) throw usage('The input ended before the password was typed');
    const keys = [...withoutEscapes(decoder.write(chunk))];
    for (const key of keys) {
      if (KEYS.enter.some((enter) => enter === key)) return typed.join('');
      if (key === KEYS.interrupt || (key === KEYS.endOfInput && typed.length === 0)) throw new Exit(EXIT.interrupted);
      if (KEYS.erase.some((erase) => erase === key)) typed.pop();
      else if (key === KEYS.eraseLine) typed = [];
      else if (key >= ' ') typed.push(key);
    }
    if (typed.length > ANSWER_LENGTH_MAX) throw usage(`A password is at most ${ANSWER_LENGTH_MAX} characters`);
  }
}

/** Arrow and function keys send escape sequences, which are no part of a password; so do the marks of a bracketed paste. */
function withoutEscapes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return text.replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, '');
}

function nextChunk(stdin: Input): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      stdin.off('data', onData).off('end', onEnd).off('error', onError);
      stdin.pause();
      settle();
    };
    const onData = (chunk: Buffer | string): void => finish(() => resolve(Buffer.from(chunk as string)));
    const onEnd = (): void => finish(() => resolve(undefined));
    const onError = (error: Error): void => finish(() => reject(error));
    if (stdin.readableEnded || stdin.destroyed) {
      resolve(undefined);
      return;
    }
    stdin.on('data', onData).on('end', onEnd).on('error', onError);
    stdin.resume();
  });
}
