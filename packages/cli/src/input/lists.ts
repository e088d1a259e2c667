import { usage } from '../failure.ts';

/** The parts of `a,b,c`, without empty ones. */
export function commaList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Gathers a flag that may be given several times. */
export function gather(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** `key=value` pairs, from several flags or joined by commas. @throws Failure with the flag's name. */
export function pairs(flag: string, texts: readonly string[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const text of texts.flatMap(commaList)) {
    const at = text.indexOf('=');
    if (at <= 0) throw usage(`${flag} "${text}" is no pair. Write it as key=value`);
    found[text.slice(0, at).trim()] = text.slice(at + 1).trim();
  }
  return found;
}
