import { isUtf8 } from 'node:buffer';
import { Refusal } from '@hoop/core/errors';
import { RE2JS } from 're2js';
import type { Found } from './detector.ts';

/** An entity of an administrator's own, as it is written in a rule. */
export interface CustomEntity {
  readonly name: string;
  /** An RE2 pattern; '' for none. */
  readonly pattern: string;
  /** Words or phrases, found as they are, in upper or lower case, where they are not a part of a word. */
  readonly words: readonly string[];
  /** Between 0 and 1: of each value that is found. */
  readonly score: number;
}

type Ranged = (from: number, to: number) => void;

const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;
const PATTERN_CHARACTERS_MAX = 4_096;
const WORDS_MAX = 200;
const WORD_CHARACTERS_MAX = 254;

export interface CompiledCustom {
  readonly entity: string;
  find(bytes: Buffer, found: Found): void;
}

/**
 * Compiles an entity. Patterns run on an engine that is linear in the length of the text, at 10 to 20 MB/s.
 * @throws Refusal `invalid_rule` with what is wrong with it
 */
export function compileCustom({ name, pattern, words, score }: CustomEntity): CompiledCustom {
  if (!NAME.test(name)) throw new Refusal('invalid_rule', 'The name of a custom entity has upper case letters, digits and _, at most 64');
  if (!(score >= 0 && score <= 1)) throw new Refusal('invalid_rule', `The score of ${name} must be between 0 and 1`);
  const wanted = words.filter((word) => word.trim() !== '');
  if (pattern === '' && wanted.length === 0) throw new Refusal('invalid_rule', `${name} needs a regex or a deny list`);
  if (wanted.length > WORDS_MAX) throw new Refusal('invalid_rule', `${name} may list at most ${WORDS_MAX} words`);
  if (wanted.some((word) => word.length > WORD_CHARACTERS_MAX)) {
    throw new Refusal('invalid_rule', `A word in the deny list of ${name} may have at most ${WORD_CHARACTERS_MAX} characters`);
  }
  const compiled = pattern === '' ? undefined : compilePattern(name, pattern);
  const low = wanted.map((word) => word.toLowerCase());
  return {
    entity: name,
    find(bytes, found) {
      // Bytes that are no text would be read as characters of other lengths.
      const text = isUtf8(bytes) ? bytes.toString('utf8', 0, bytes.length) : bytes.toString('latin1', 0, bytes.length);
      const toBytes = (): Ranged => {
        if (text.length === bytes.length) return (from, to) => found(from, to, score);
        const place = placesIn(text);
        return (from, to) => found(place(from), place(to), score);
      };
      if (compiled) findPattern(compiled, text, toBytes());
      if (low.length > 0) findWords(low, text, toBytes);
    },
  };
}

function compilePattern(name: string, source: string): RE2JS {
  if (source.length > PATTERN_CHARACTERS_MAX) {
    throw new Refusal('invalid_rule', `The regex of ${name} may have at most ${PATTERN_CHARACTERS_MAX} characters`);
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL | RE2JS.MULTILINE);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal('invalid_rule', `The regex of ${name} cannot be used: ${why}. Look-around and back-references are not supported`, {
      cause,
    });
  }
  if (compiled.matcher('').matches())
    throw new Refusal('invalid_rule', `The regex of ${name} fits an empty text, so it would fit everywhere`);
  return compiled;
}

function findPattern(pattern: RE2JS, text: string, found: Ranged): void {
  const matcher = pattern.matcher(text);
  while (matcher.find()) if (matcher.end() > matcher.start()) found(matcher.start(), matcher.end());
}

const WORD = /[\p{L}\p{N}_]/u;

function findWords(words: readonly string[], text: string, foundOf: () => Ranged): void {
  // A letter whose lower case is longer would move all places behind it.
  const lowered = text.toLowerCase();
  const low = lowered.length === text.length ? lowered : text;
  for (const word of words) {
    const found = foundOf();
    for (let at = low.indexOf(word); at >= 0; at = low.indexOf(word, at + word.length)) {
      const end = at + word.length;
      const isWhole =
        !(WORD.test(low[at - 1] ?? ' ') && WORD.test(word[0] ?? ' ')) && !(WORD.test(low[end] ?? ' ') && WORD.test(word.at(-1) ?? ' '));
      if (isWhole) found(at, end);
    }
  }
}

/** Places in a string as places in its UTF-8 bytes. They must be asked for in ascending order, and then it is linear. */
function placesIn(text: string): (at: number) => number {
  let chars = 0;
  let bytes = 0;
  return (at) => {
    bytes += Buffer.byteLength(text.slice(chars, at));
    chars = at;
    return bytes;
  };
}
