import type { Finding } from './detectors/search.ts';

/** Somebody outside of this process who finds entities, such as a server with a language model. */
export interface Remote {
  /** @param threshold the least score that is of use */
  look(entities: readonly string[], threshold: number): RemoteLook;
}

/** What one mask asks them for. */
export interface RemoteLook {
  /** Asks about these texts. Never rejects: what was not answered is not known. */
  prepare(texts: readonly Buffer[]): Promise<void>;
  /** What is in a text that was prepared, in bytes; undefined when nobody said. */
  found(text: Buffer): readonly Finding[] | undefined;
}

/** What has a detector here and is found better by a model: names are in no list that is complete. */
const MODEL_BACKED: ReadonlySet<string> = new Set(['PERSON', 'LOCATION', 'NRP']);

/** What a model reads is made of words; a number alone need not be asked about. */
const OF_WORDS: ReadonlySet<string> = new Set([...MODEL_BACKED, 'ORGANIZATION']);

const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Whether an entity has the form of one: which ones there are, only the server knows. */
export function mayBeRemote(entity: string): boolean {
  return NAME.test(entity);
}

/** Whether a remote is asked for an entity; what is found here for certain is not sent anywhere. */
export function isRemote(entity: string, isKnownHere: boolean): boolean {
  return !isKnownHere || MODEL_BACKED.has(entity);
}

/** Says of a text whether anything may be in it that a remote would find: a `false` is certain. */
export function remoteSuspects(entities: readonly string[]): (bytes: Buffer) => boolean {
  const needsWords = entities.every((entity) => OF_WORDS.has(entity));
  return (bytes) => {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x80 || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || (!needsWords && byte >= 0x30 && byte <= 0x39)) return true;
    }
    return false;
  };
}
