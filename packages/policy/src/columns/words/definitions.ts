import { Doubt } from '../../sql/facts.ts';
import { LEXICONS, tokensOf } from '../../sql/tokens.ts';
import { Run } from '../../sql/words/run.ts';
import type { DefinitionReaders } from '../at-target.ts';
import { opaque } from '../output.ts';
import { NO_SCOPE, tableSource } from '../scope.ts';
import { hiddenIn } from './expressions.ts';
import { readQuery } from './queries.ts';
import { lookInside } from './statements.ts';

/** Definitions as MySQL and MariaDB write them down: every name quoted, and said whole. */
export const MYSQL_DEFINITIONS: DefinitionReaders = {
  folds: true,
  query: (text, reading) => readQuery(runOf(text), NO_SCOPE, reading),
  expression: (text, table, reading) => {
    const source = tableSource(reading, table, []);
    return hiddenIn(runOf(text), { ...NO_SCOPE, relations: [{ alias: table.at(-1) ?? '', table, source }] }, reading);
  },
  routine: ({ definition }, reading) => {
    const { runsText, isHidden } = lookInside(runOf(definition), reading);
    if (runsText) throw new Doubt('a body runs a text that cannot be read');
    return [{ star: [opaque(isHidden ? reading.strictest : undefined)] }];
  },
};

function runOf(text: string): Run {
  const run = new Run(tokensOf(text, LEXICONS.mysql));
  if (run.length === 0) throw new Doubt('a definition is not shown');
  return run;
}
