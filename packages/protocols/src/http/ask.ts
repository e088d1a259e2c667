import type { Duplex, Readable, Writable } from 'node:stream';
import type { AnswerHead, HeaderList, RequestHead, ResetMessage } from './message.ts';
import { answerWith } from './words.ts';

/** One request of a client, whichever version of HTTP it came in. */
export interface Ask {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names in lower case; `host` is the authority that the client asked for. */
  readonly headers: HeaderList;
  readonly bodyKind: RequestHead['body'];
  readonly upgrade: string | undefined;
  readonly body: Readable;
  /** Writes the head; what follows goes into the stream that it returns. */
  answer(head: AnswerHead): Writable | Duplex;
  /** Calls back when the answer is out, or nobody waits for it any more. */
  onGone(listener: () => void): void;
  /** Ends it when there is no whole answer any more. */
  abort(): void;
}

/** A client's connection, in whichever version of HTTP. */
export interface Served {
  /** Ends it once the answers that are open are out. */
  close(): void;
}

/** Answers a request by ourselves. */
export function answerOurselves(ask: Ask, reset: ResetMessage, more: HeaderList = []): void {
  const { head, body } = answerWith(reset, ask.headers);
  const out = ask.answer({ status: head.status, headers: [...head.headers, ...(more as [string, string][])] });
  out.end(ask.method === 'HEAD' ? undefined : body);
}
