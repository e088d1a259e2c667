import { UTF8MB4 } from './start.ts';

/*
 * Drivers take the version of the greeting for the server's, and use what it has as they log in. What a target of another version has in
 * its place is told to it in their stead.
 */

/** How transactions are isolated: MySQL's name since 5.7.20, and MariaDB's since 11.1. */
const NEW_NAME = /@@((?:session|global)\s*\.\s*)?transaction_(isolation|read_only)\b/gi;

/** Without quotes a name is nothing else than a name, and without other letters its bytes are the same in every character set. */
const PLAIN = /^[^'"`\\\u0080-\uffff]*$/;

/** The collation that MySQL 8 has for utf8mb4, as Connector/Python asks for it. */
const NEW_COLLATION = /^\s*SET\s+NAMES\s+'?utf8mb4'?\s+COLLATE\s+'?utf8mb4_0900_ai_ci'?\s*;?\s*$/i;
const UTF8MB4_0900 = 255;

/** A statement as a server of this version knows it; the text itself where it may stay. */
export function inItsWords(text: string, version: string): string {
  if (text.includes('@@'))
    return PLAIN.test(text) && !isSince(version, [5, 7, 20], [11, 1]) ? text.replaceAll(NEW_NAME, '@@$1tx_$2') : text;
  return NEW_COLLATION.test(text) && !hasNewCollation(version) ? 'SET NAMES utf8mb4' : text;
}

/** The number of a collation that a server of this version knows: of one that it does not, it takes its own default, which may be latin1. */
export function itsCollation(collation: number, version: string): number {
  return collation === UTF8MB4_0900 && !hasNewCollation(version) ? UTF8MB4 : collation;
}

function hasNewCollation(version: string): boolean {
  return isSince(version, [8, 0, 1], [11, 4, 5]);
}

/** MariaDB from 10 on says it behind a 5.5.5 for programs that compare first digits; newest ones say it alone. */
function isSince(version: string, mysql: readonly number[], mariadb: readonly number[]): boolean {
  const maria = /(\d+)\.(\d+)\.(\d+)-MariaDB/i.exec(version);
  if (maria) return isAtLeast(maria, mariadb);
  const own = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return !own || isAtLeast(own, mysql);
}

/** By the numbers that a pattern found, the most important one first. */
function isAtLeast(found: RegExpExecArray, least: readonly number[]): boolean {
  for (const [index, number] of least.entries()) {
    const own = Number(found[index + 1]);
    if (own !== number) return own > number;
  }
  return true;
}
