import { type Command, Option } from 'commander';
import { CompletedOption } from './completion/completed.ts';

/** The filters of a list of sessions, for `sessions list` and `admin get sessions`. */
export function withSessionFilters(command: Command): Command {
  return command
    .addOption(new CompletedOption('--user <email>', 'only of this user', 'users'))
    .addOption(new CompletedOption('--role <name>', 'only on this connection', 'connections'))
    .option('--type <type>', 'only of this type, such as database')
    .addOption(new Option('--status <status>', 'only in this state').choices(['open', 'ready', 'done']))
    .option('--start-date <date>', 'only from then on')
    .option('--end-date <date>', 'only until then')
    .option('--limit <count>', 'how many, 1 to 100')
    .option('--offset <count>', 'how many to leave out first');
}
