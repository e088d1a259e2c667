import type { Run } from '../../sql/words/run.ts';
import { rowOf } from '../output.ts';
import { derived, stricterOf, type Treatment } from '../patterns.ts';
import { type Reading, takesAway } from '../reading.ts';
import { type Found, resolveName, resolveQualified, type Scope, sourceOf } from '../scope.ts';
import { readQuery } from './queries.ts';
import { chainAt, insideOf, isQuery } from './runs.ts';

/** How the value of an expression has to be hidden. What only chooses rows is read in the same way, for what it does. */
export function hiddenIn(run: Run, scope: Scope, reading: Reading): Treatment | undefined {
  const { hidden, isColumn } = readExpression(run, scope, reading);
  return isColumn ? hidden : derived(hidden);
}

/** The same, with whether it is a column as it is. */
function readExpression(run: Run, scope: Scope, reading: Reading): Found {
  const whole = chainAt(run, 0);
  if (whole && whole.next === run.length && whole.parts.at(-1) !== '*') return resolve(whole.parts, scope, reading);
  return { hidden: readParts(run, scope, reading), isColumn: false };
}

function resolve(parts: readonly string[], scope: Scope, reading: Reading): Found {
  return parts.length === 1 ? resolveName(parts[0] ?? '', scope, reading) : resolveQualified(parts, scope, reading);
}

/** What only counts or numbers rows. */
const COUNTS = /^(count|row_number|rank|dense_rank|percent_rank|cume_dist|ntile|exists|count_big)$/;
/** What reads what it is not given. */
const READS = /^(load_file|openrowset|opendatasource|openquery)$/;

/** What keeps what it is given, where another statement finds it. */
const KEEPS = /^(last_insert_id|get_lock|is_free_lock|sys_eval|sys_exec|sys_set|sp_set_session_context)$/;

function readParts(run: Run, scope: Scope, reading: Reading): Treatment | undefined {
  let hidden: Treatment | undefined;
  let assigns = false;
  for (let index = 0; index < run.length; ) {
    reading.step();
    const open = run.symbol(index) === '(';
    const chain = open ? undefined : chainAt(run, index);
    if (open) {
      const inner = insideOf(run, index);
      const found = isQuery(inner) ? rowOf(readQuery(inner, scope, reading)) : readParts(inner, scope, reading);
      if (found && KEEPS.test(run.word(index - 1))) reading.deny(takesAway(`${run.word(index - 1)}()`));
      if (!COUNTS.test(run.word(index - 1))) hidden = stricterOf(hidden, found);
      index = run.behind(index);
    } else if (chain) {
      const name = chain.parts.at(-1) ?? '';
      if (run.at(index)?.kind === 'word' && RESERVED.has(name)) {
        index++;
        continue;
      }
      if (run.symbol(chain.next) !== '(') hidden = stricterOf(hidden, readChain(chain.parts, scope, reading));
      else if (READS.test(name)) hidden = stricterOf(hidden, reading.read(reading.strictest));
      else hidden = stricterOf(hidden, reading.read(derived(reading.known.routine(chain.parts)?.row)));
      index = chain.next;
    } else {
      assigns ||= run.symbol(index) === ':' && run.symbol(index + 1) === '=';
      index++;
    }
  }
  if (assigns && hidden) reading.deny(takesAway('A variable'));
  return hidden;
}

/** Words that are no names unless they are quoted. */
const RESERVED: ReadonlySet<string> = new Set(
  'and or xor not case when then else end as is null in like rlike regexp between div mod distinct true false by asc desc from where group order having limit over partition rows range interval collate binary separator escape for values default'.split(
    ' ',
  ),
);

function readChain(parts: readonly string[], scope: Scope, reading: Reading): Treatment | undefined {
  if (parts.at(-1) !== '*') return resolve(parts, scope, reading).hidden;
  const source = sourceOf(parts.slice(0, -1), scope);
  return reading.read(source ? source.row() : reading.patterns.ofRow([]));
}
