/**
 * Drivers, mostly of Java, ask for the isolation of transactions as they log in, by the name that it has in the version which they were
 * greeted with. Older servers, and MariaDB before 11.1, have it under another one.
 */
const NEW_NAME = /@@((?:session|global)\s*\.\s*)?transaction_(isolation|read_only)\b/gi;

/** Without quotes a name is nothing else than a name, and without other letters its bytes are the same in every character set. */
const PLAIN = /^[^'"`\\\u0080-\uffff]*$/;

/** The text with names of variables as a server of this version has them; the text itself where it may stay. */
export function withItsVariables(text: string, version: string): string {
  return text.includes('@@') && !hasNewNames(version) && PLAIN.test(text) ? text.replaceAll(NEW_NAME, '@@$1tx_$2') : text;
}

/** MariaDB from 10 on says it behind a 5.5.5 for programs that compare first digits; newest ones say it alone. */
function hasNewNames(version: string): boolean {
  const mariadb = /(\d+)\.(\d+)\.\d+-MariaDB/i.exec(version);
  if (mariadb) return isAtLeast(mariadb, [11, 1]);
  const mysql = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return !mysql || isAtLeast(mysql, [5, 7, 20]);
}

/** By the numbers that a pattern found, the most important one first. */
function isAtLeast(found: RegExpExecArray, least: readonly number[]): boolean {
  for (const [index, number] of least.entries()) {
    const own = Number(found[index + 1]);
    if (own !== number) return own > number;
  }
  return true;
}
