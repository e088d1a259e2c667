import type { StatementFacts } from '../facts.ts';
import { readNames } from './query.ts';
import type { Run } from './run.ts';

/** What is shown as the statement that would make it again has the hash or the password in it. */
export function readShown(run: Run, facts: StatementFacts): void {
  const [first, second] = [run.word(1), run.word(2)];
  const isOthers = first === 'grants' && second === 'for' && run.word(3) !== 'current_user';
  if (isOthers || (first === 'create' && second === 'user')) facts.table('mysql.user', 'read');
  if (first === 'create' && second === 'server') facts.table('mysql.servers', 'read');
}

/** What stood in a column, a partition or a tablespace is gone with it. */
export function readAltered(run: Run, facts: StatementFacts): void {
  for (let index = 1; index < run.length; index++) {
    const [word, before] = [run.word(index), run.word(index - 1)];
    if (word === 'partition' && (before === 'drop' || before === 'truncate')) facts.does(before);
    if (word === 'discard') facts.does('drop');
    if (before === 'drop' && !KEPT.has(word)) facts.does('drop');
  }
}

/** What may be dropped of a table without its values. */
const KEPT = new Set('index key primary foreign constraint check default partition'.split(' '));

/** Tables that are a file of the server or a table of another one, and files that are made. */
export function readStorage(run: Run, facts: StatementFacts): void {
  for (let index = 1; index < run.length; index++) {
    const word = run.word(index);
    if (word === 'directory' && /^(data|index)$/.test(run.word(index - 1))) facts.does('file_write');
    if ((word === 'datafile' || word === 'undofile') && run.at(index + 1)?.kind === 'string') facts.does('file_write');
    const value = run.at(run.symbol(index + 1) === '=' ? index + 2 : index + 1)?.text.toLowerCase() ?? '';
    if (word === 'engine' && /^(connect|federatedx?|spider|s3)$/.test(value)) facts.does('file_read', 'file_write');
  }
  if (run.word(0) === 'server') facts.does('file_read');
}

/** `LIKE t`, `(LIKE t)`, `UNION = (a, b)`: tables that a new one is made after, or is made of. */
export function readKin(run: Run, facts: StatementFacts): void {
  for (let index = 1; index < run.length; index++) {
    if (run.word(index) === 'like') readNames(run, index + 1, facts, 'read');
    if (run.word(index) !== 'union') continue;
    const open = run.symbol(index + 1) === '=' ? index + 2 : index + 1;
    if (run.symbol(open) === '(') readNames(run.cut(open + 1, run.behind(open) - 1), 0, facts, 'read');
  }
}

/** Settings of files, and those whose text is run for others. */
const FILES = /(_file|_dir|_dirs|_filename)$|^(datadir|tmpdir|basedir|log_error|plugin_load(_add)?)$/;
const TEXTS = /^init_(connect|slave|replica)$/;

/** What may stand before the name of a setting. */
const BEFORE_SETTING = /^(@|@?(global|persist|persist_only|session|local))$/;

/** What SET does with each of its settings: MariaDB has roles and passwords among them. Gives the texts that others will run. */
export function readSettings(run: Run, facts: StatementFacts): readonly Run[] {
  const texts: Run[] = [];
  for (let from = 1; from < run.length; ) {
    const end = run.findOutside((index) => run.symbol(index) === ',', from) ?? run.length;
    const each = run.cut(from, end);
    from = end + 1;
    let at = 0;
    // A user's variable has one @ at its name.
    while (BEFORE_SETTING.test(each.word(at)) || each.symbol(at) === '.') at++;
    const name =
      each
        .at(at)
        ?.text.toLowerCase()
        .replace(/^@(?=@)/, '') ?? '';
    const next = each.word(at + 1);
    if (name === 'password') facts.does('grant');
    if (name === 'role' || (name === 'default' && next === 'role') || name === 'authorization') facts.does('set_role');
    if (FILES.test(name) && !name.startsWith('@')) facts.does('file_write');
    const is = each.findOutside((index) => each.symbol(index) === '=') ?? each.length;
    if (TEXTS.test(name)) texts.push(each.cut(is + 1));
  }
  return texts;
}
