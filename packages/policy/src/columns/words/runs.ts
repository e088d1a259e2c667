import type { Run } from '../../sql/words/run.ts';

/** The parts of a run between commas that stand in no parenthesis. */
export function listIn(run: Run): readonly Run[] {
  const parts: Run[] = [];
  let from = 0;
  for (;;) {
    const comma = run.findOutside((index) => run.symbol(index) === ',', from);
    parts.push(run.cut(from, comma ?? run.length));
    if (comma === undefined) return parts.filter((part) => part.length > 0);
    from = comma + 1;
  }
}

/** Where one of the words stands outside of parentheses; the end when none does. */
export function wordAt(run: Run, words: ReadonlySet<string>, start = 0): number {
  return run.findOutside((index) => words.has(run.word(index)) && run.symbol(index - 1) !== '.', start) ?? run.length;
}

/** What is between the parenthesis at `open` and the one that closes it. */
export function insideOf(run: Run, open: number): Run {
  const end = run.behind(open);
  return run.cut(open + 1, run.symbol(end - 1) === ')' && end - 1 > open ? end - 1 : end);
}

/** A name there may be quoted, or not; folded, because servers do not tell sizes of letters in names of columns apart. */
export function nameAt(run: Run, index: number): string | undefined {
  const token = run.at(index);
  return token && (token.kind === 'word' || token.kind === 'quoted' || token.kind === 'ambiguous') ? token.text.toLowerCase() : undefined;
}

/** `a`, `t.a`, `` `db`.t.a ``, `t.*`: its parts, and the place behind it. */
export function chainAt(run: Run, index: number): { readonly parts: readonly string[]; readonly next: number } | undefined {
  const first = nameAt(run, index);
  if (first === undefined) return undefined;
  const parts = [first];
  let at = index + 1;
  while (run.symbol(at) === '.') {
    const part = run.symbol(at + 1) === '*' ? '*' : nameAt(run, at + 1);
    if (part === undefined) break;
    parts.push(part);
    at += 2;
    if (part === '*') break;
  }
  return { parts, next: at };
}

/** Names in a list, such as the columns of an INSERT. */
export function namesIn(run: Run): readonly string[] {
  return listIn(run).map((part) => chainAt(part, 0)?.parts.at(-1) ?? '');
}

/** Whether a query begins there. */
export function isQuery(run: Run): boolean {
  let at = 0;
  while (run.symbol(at) === '(') at++;
  return /^(select|with|values|table)$/.test(run.word(at)) && !(run.word(at) === 'values' && run.symbol(at + 1) === '(' && at > 0);
}
