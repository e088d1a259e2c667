/** `*` for any run of characters, `?` for one; letters in any size. Linear: it never goes back further than to the last star. */
export function globMatches(pattern: string, text: string): boolean {
  const wanted = pattern.toLowerCase();
  const given = text.toLowerCase();
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < given.length) {
    const char = wanted[at];
    if (char === '*') {
      star = at++;
      resume = from;
    } else if (char !== undefined && (char === '?' || char === given[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++resume;
    } else return false;
  }
  while (wanted[at] === '*') at++;
  return at === wanted.length;
}

/**
 * A name of several parts (`public.users`) against a pattern of several parts, from the right. A part that one of them does not say
 * matches: `users` may be in any schema, and a pattern for `hr.users` has to hold for it.
 */
export function nameMatches(pattern: string, name: string): boolean {
  const wanted = pattern.split('.').reverse();
  const given = name.split('.').reverse();
  for (let index = 0; index < Math.min(wanted.length, given.length); index++) {
    // `master..users`: whatever is usual there.
    if (given[index] !== '' && !globMatches(wanted[index] ?? '', given[index] ?? '')) return false;
  }
  return true;
}
