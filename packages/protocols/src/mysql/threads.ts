/** Whose sessions may be stopped by whom: those of one user on one connection. */
export interface Owner {
  readonly connection: string;
  readonly userId: string;
}

/** A session as others of its owner may ask for its end. */
export interface Thread {
  readonly owner: Owner;
  /** The number that the target knows it by. */
  readonly targetId: number;
  /** True while something runs there. */
  readonly busy: () => boolean;
}

/**
 * Clients know their session by a number that the gateway made up before there was a target, and `KILL QUERY` names it on another
 * connection. Here it becomes the target's own number. One map a process: both sessions are in it, because an agent serves all of a
 * connection.
 */
const threads = new Map<string, Thread>();

const keyOf = ({ connection, userId }: Owner, shownId: number): string => JSON.stringify([connection, userId, shownId]);

/** Returns how to take it out again. */
export function enterThread(shownId: number, thread: Thread): () => void {
  const key = keyOf(thread.owner, shownId);
  threads.set(key, thread);
  return () => {
    if (threads.get(key) === thread) threads.delete(key);
  };
}

/** Undefined for a number that is none of ours, or somebody else's: then it means whatever the target takes it for. */
export function findThread(owner: Owner, shownId: number): Thread | undefined {
  return threads.get(keyOf(owner, shownId));
}

/** The number in a `KILL` of a client, with where it stands; undefined for any other text. */
export function killedBy(
  text: string,
): { readonly id: number; readonly from: number; readonly to: number; readonly query: boolean } | undefined {
  const match = KILL.exec(text);
  const id = match?.groups?.id;
  if (!match || id === undefined) return undefined;
  const from = match[0].lastIndexOf(id);
  return { id: Number(id), from, to: from + id.length, query: /query/i.test(match[0]) };
}

/** As programs write it, in a comment for servers that know it too. */
const KILL = /^\s*KILL\s+(?:HARD\s+|SOFT\s+)?(?:CONNECTION\s+|QUERY\s+|\/\*!\d{5,6}\s+QUERY\s*\*\/\s*)?(?<id>\d{1,10})\s*;?\s*$/i;
