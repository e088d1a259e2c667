import type { Answer, Client } from '../../column.ts';

/** What a text means: a request line, and below an empty line its body. */
export interface Said {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export function said(text: string): Said {
  const [line = '', ...rest] = text.split('\n\n');
  const [method = '', path = ''] = line.split(' ');
  return { method, path, body: rest.join('\n\n') };
}

/** What came back, once all of it has. */
export interface Heard {
  readonly status: number;
  readonly body: string;
}

/** What differs between the versions of HTTP. */
export interface Channel {
  send(request: Said): Promise<Heard>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Reads nothing any more. */
  stall(): void;
  destroy(): void;
}

/** A client of one connection that asks one thing after the other. @throws Error with what it was told when it is not let in */
export async function enter(channel: Channel): Promise<Client> {
  const { status, body } = await channel.send(said('GET /'));
  if (status >= 400) {
    channel.destroy();
    throw new Error(body);
  }
  let before: Promise<unknown> = Promise.resolve();
  const ask = (text: string): Promise<Answer> => {
    const mine = before.then(() => channel.send(said(text))).then(answerOf, (error: Error) => ({ rows: [], error: error.message }));
    before = mine;
    return mine;
  };
  const leave = async (): Promise<void> => {
    channel.destroy();
    await channel.closed;
  };
  return { ask, ended: channel.closed.then(() => ''), vanish: () => channel.destroy(), stall: () => channel.stall(), leave };
}

function answerOf({ status, body }: Heard): Answer {
  if (status >= 400) return { rows: [], error: body };
  return { rows: body === '' ? [] : body.replace(/\n$/, '').split('\n') };
}
