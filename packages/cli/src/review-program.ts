import { type Command, Option } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { DecideOptions, ListOptions } from './commands/reviews.ts';
import { CompletedArgument, CompletedOption } from './completion/completed.ts';

/** `hoop reviews`: what waits for people's approval. */
export function addReviews(program: Command, { context, run }: Building): void {
  const reviews = group(program, 'reviews', 'what waits for approval, and what was decided');
  withFormat(reviews.command('list').alias('ls'))
    .description('list what waits for approval, newest first: yours, and what you may decide about')
    .addOption(
      new Option('--status <status>', 'in this state instead')
        .choices(['pending', 'approved', 'rejected', 'expired', 'cancelled', 'all'])
        .default('pending'),
    )
    .addOption(new CompletedOption('--role <name>', 'only on this connection', 'connections'))
    .option('--limit <count>', 'how many, 1 to 100')
    .option('--offset <count>', 'how many to leave out first')
    .option('-q, --quiet', 'ids only')
    .action((options: ListOptions & Format) => run(async () => (await import('./commands/reviews.ts')).list(context, formatted(options))));
  withFormat(reviews.command('get'), ['text', 'json'])
    .description('show one with its whole text; invisible characters are written out')
    .addArgument(new CompletedArgument('<id>', 'the review, or a session', 'reviews'))
    .action((id: string, options: Format) => run(async () => (await import('./commands/reviews.ts')).get(context, id, formatted(options))));
  withFormat(reviews.command('approve'), ['text', 'json'])
    .description('show the text and let it run, this one time')
    .addArgument(new CompletedArgument('<id>', 'the review, or a session', 'reviews'))
    .action((id: string, options: Format) =>
      run(async () => (await import('./commands/reviews.ts')).approve(context, id, formatted(options))),
    );
  withFormat(reviews.command('reject'), ['text', 'json'])
    .description('refuse it, or take back what you asked for yourself')
    .addArgument(new CompletedArgument('<id>', 'the review, or a session', 'reviews'))
    .option('--reason <text>', 'told to whoever asked')
    .action((id: string, options: DecideOptions & Format) =>
      run(async () => (await import('./commands/reviews.ts')).reject(context, id, formatted(options))),
    );
}
