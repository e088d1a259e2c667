import type { Run } from './run.ts';

/**
 * Whether a condition lets every row through, as far as its form tells (see the same for PostgreSQL). `constant` says of a name in
 * double quotes whether it may be a text here.
 */
export function isAlwaysTrue(condition: Run, isTextInDouble: boolean, depth = 0): boolean {
  // Nobody writes such a condition for its own sake.
  if (depth > DEPTH_MAX) return true;
  const inner = unwrapped(condition);
  const either = split(inner, OR);
  if (either.length > 1) return either.some((part) => isAlwaysTrue(part, isTextInDouble, depth + 1)) || coversNulls(either);
  const both = split(inner, AND);
  if (both.length > 1) return both.every((part) => isAlwaysTrue(part, isTextInDouble, depth + 1));
  if (inner.length === 0) return true;
  if (inner.length === 1 && (inner.word(0) === 'false' || inner.at(0)?.text === '0')) return false;
  if (inner.word(0) === 'current' && inner.word(1) === 'of') return false;
  return comparesWithItself(inner) || readsNoColumn(inner, isTextInDouble);
}

/** Parentheses inside of parentheses. */
const DEPTH_MAX = 30;

const OR = new Set(['or', 'xor']);
const AND = new Set(['and']);

function unwrapped(run: Run): Run {
  let inner = run;
  for (let depth = 0; depth <= DEPTH_MAX && inner.symbol(0) === '(' && inner.behind(0) === inner.length; depth++)
    inner = inner.cut(1, inner.length - 1);
  return inner;
}

/** At words outside of parentheses; the AND of a BETWEEN joins nothing. */
function split(run: Run, words: ReadonlySet<string>): readonly Run[] {
  const parts: Run[] = [];
  let from = 0;
  let isBetween = false;
  let cases = 0;
  run.findOutside((index) => {
    const word = run.word(index);
    if (word === 'case') cases++;
    else if (word === 'end' && cases > 0) cases--;
    if (word === 'between') isBetween = true;
    const doubled = words === OR ? '|' : '&';
    const isMark = run.symbol(index) === doubled && run.symbol(index + 1) === doubled;
    if (cases > 0 || !(words.has(word) || isMark)) return false;
    if (word === 'and' && isBetween) {
      isBetween = false;
      return false;
    }
    parts.push(run.cut(from, index));
    from = index + (isMark ? 2 : 1);
    return false;
  });
  parts.push(run.cut(from));
  return parts;
}

/** A name, whatever parentheses are around it. */
function nameIn(run: Run, at: number): { readonly name: string; readonly next: number } | undefined {
  if (run.symbol(at) !== '(') return run.name(at);
  const next = run.behind(at);
  const inner = unwrapped(run.cut(at, next));
  const found = inner.name(0);
  return found?.next === inner.length ? { name: found.name, next } : undefined;
}

/** Also `users.id` and `id`: where both mean anything, they mean the same. */
function isSameColumn(one: string, other: string): boolean {
  const [left, right] = [one.toLowerCase(), other.toLowerCase()];
  return left === right || left.endsWith(`.${right}`) || right.endsWith(`.${left}`);
}

function comparesWithItself(run: Run): boolean {
  const left = nameIn(run, 0);
  if (!left) return false;
  let at = left.next;
  let operator = run.word(at) === 'like' ? 'like' : '';
  if (operator !== '') at++;
  while (/^[=<>!]$/.test(run.symbol(at))) operator += run.symbol(at++);
  if (operator === 'like' && run.at(at)?.kind === 'string' && at === run.length - 1) return /^%+$/.test(run.at(at)?.text ?? '');
  const right = nameIn(run, at);
  const same = right?.next === run.length && isSameColumn(left.name, right.name);
  return same && (operator === '=' || operator === '<=' || operator === '>=' || operator === '<=>' || operator === 'like');
}

/** `x IS NULL OR x IS NOT NULL`. */
function coversNulls(parts: readonly Run[]): boolean {
  const nulls = new Set<string>();
  const others = new Set<string>();
  for (const part of parts) {
    const inner = unwrapped(part);
    const subject = inner.name(0);
    if (!subject || inner.word(subject.next) !== 'is') continue;
    const isNot = inner.word(subject.next + 1) === 'not';
    (isNot ? others : nulls).add(subject.name.toLowerCase());
  }
  return [...nulls].some((name) => others.has(name));
}

/** Words of conditions that are no columns. */
const NO_COLUMNS = new Set(
  `and or not xor is null true false unknown like in between exists select all any some distinct case when then else end div mod binary
  collate regexp rlike escape sounds interval day hour minute second month year as signed unsigned char integer int bigint varchar nvarchar
  nchar date time datetime decimal float json using current_date current_timestamp current_time localtime localtimestamp utc_date
  utc_time utc_timestamp current_user session_user system_user user second_microsecond week quarter microsecond from dual`.split(/\s+/),
);

function readsNoColumn(run: Run, isTextInDouble: boolean): boolean {
  for (let index = 0; index < run.length; index++) {
    const token = run.at(index);
    if (token?.kind === 'quoted') return false;
    if (token?.kind === 'ambiguous' && !isTextInDouble) return false;
    if (token?.kind !== 'word' || token.text.startsWith('@') || NO_COLUMNS.has(token.text)) continue;
    const next = run.at(index + 1);
    const isCall = next?.text === '(' && next.kind === 'symbol';
    const isPrefix = next?.kind === 'string' && next.from === token.to;
    if (!isCall && !isPrefix && run.word(index - 1) !== 'collate') return false;
  }
  return true;
}
