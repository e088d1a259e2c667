import { StringDecoder } from 'node:string_decoder';
import type { Context, Input } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** Longest answer to a prompt. */
const ANSWER_LENGTH_MAX = 4_096;

/** Asks on stderr and reads from stdin, a line each; one object for a dialogue, since a pipe may hold several answers in one chunk. */
export class Prompt {
  readonly #context: Context;
  readonly #decoder = new StringDecoder('utf8');
  #text = '';

  constructor(context: Context) {
    this.#context = context;
  }

  /** Asks for something that may be seen. */
  async line(question: string): Promise<string> {
    if (this.#context.stdin.isTTY === true) this.#context.stderr.write(question);
    return (await this.#nextLine(question)).trim();
  }

  /** Asks for something that must not be seen. @throws Failure on Ctrl-C, or where a terminal would echo it. */
  async secret(question: string): Promise<string> {
    const { stdin, stderr } = this.#context;
    if (stdin.isTTY !== true) return this.#nextLine(question);
    if (stdin.setRawMode === undefined) throw new Failure('echo', 'This terminal would show the password. Pipe it into stdin instead');
    stderr.write(question);
    stdin.setRawMode(true);
    try {
      return await readHidden(stdin);
    } finally {
      stdin.setRawMode(false);
      stderr.write('\n');
    }
  }

  async #nextLine(question: string): Promise<string> {
    while (!this.#text.includes('\n') && this.#text.length <= ANSWER_LENGTH_MAX) {
      const chunk = await nextChunk(this.#context.stdin);
      if (chunk === undefined) break;
      this.#text += this.#decoder.write(chunk);
    }
    if (this.#text === '')
      throw new Failure('input_ended', `The input ended where an answer was needed to "${question.trim()}"`, EXIT.usage);
    const end = this.#text.indexOf('\n');
    const line = end < 0 ? this.#text : this.#text.slice(0, end);
    this.#text = end < 0 ? '' : this.#text.slice(end + 1);
    return line.replace(/\r$/, '');
  }
}

async function readHidden(stdin: Input): Promise<string> {
  const decoder = new StringDecoder('utf8');
  const typed: string[] = [];
  while (typed.length <= ANSWER_LENGTH_MAX) {
    const chunk = await nextChunk(stdin);
    if (chunk === undefined) break;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: arrow and function keys send escape sequences
    for (const key of decoder.write(chunk).replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, '')) {
      if (key === '\r' || key === '\n') return typed.join('');
      if (key === '\x03' || (key === '\x04' && typed.length === 0)) throw new Failure('cancelled', 'Cancelled', EXIT.interrupted);
      if (key === '\x7f' || key === '\b') typed.pop();
      else if (key === '\x15') typed.length = 0;
      else if (key >= ' ') typed.push(key);
    }
  }
  throw new Failure('input_ended', 'The input ended before the password was typed', EXIT.usage);
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
