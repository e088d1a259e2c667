import { type Explanation, testGuardrails } from '@hoop/contract/routes/guardrails';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { commaList } from '../input/lists.ts';
import { print, printJson } from '../output/terminal.ts';

export interface TestOptions {
  readonly connection: string;
  readonly pack?: string;
  /** Patterns of columns, joined by commas. */
  readonly columns?: string;
  readonly json?: boolean;
}

/** `hoop policy test -c NAME TEXT`: what the rules of a connection would do to a text. Nothing is run. */
export async function policyTest(context: Context, text: string, { connection, pack, columns, json }: TestOptions): Promise<void> {
  const { client } = openGateway(context);
  const tried = { ...(pack === undefined ? {} : { pack }), ...(columns === undefined ? {} : { columns: [...commaList(columns)] }) };
  const explained = await client.call(testGuardrails, { body: { connection, text, ...tried } });
  if (json === true) printJson(context.terminal, explained);
  else for (const line of linesOf(explained)) print(context.terminal, line);
}

function linesOf({ verdict, message, statements, commands, unclassified, answer }: Explanation): readonly string[] {
  return [
    message === undefined ? verdict : `${verdict}: ${message}`,
    ...(unclassified === undefined ? [] : [`unclassified: ${unclassified}`]),
    ...statements.map(({ effects, tables, functions }) => {
      const uses = [...tables.map(({ name, access }) => `${access} ${name}`), ...functions.map((name) => `call ${name}`)];
      return `  ${[effects.join(' '), ...uses].join(', ')}`;
    }),
    ...commands.map(({ program, args }) => `  ${[program, ...args].join(' ')}`),
    ...(answer ? answerLines(answer) : []),
  ];
}

function answerLines({ rows_max, forbids, hides_all, results = [] }: NonNullable<Explanation['answer']>): readonly string[] {
  return [
    ...(rows_max === undefined ? [] : [`answer: at most ${rows_max} rows`]),
    ...(forbids ? ['answer: ends where a rule on output finds something'] : []),
    ...(hides_all ? ['answer: every column is hidden, because the statement is not understood'] : []),
    ...results.flatMap(({ columns }) => {
      const hidden = columns.flatMap((column, index) => (column.hidden === 'no' ? [] : [wordsOf(column, index)]));
      return hidden.length === 0 ? [] : [`answer: hidden are ${hidden.join(', ')}`];
    }),
  ];
}

type Column = NonNullable<NonNullable<Explanation['answer']>['results']>[number]['columns'][number];

function wordsOf({ name, hidden, strategy }: Column, index: number): string {
  const place = name === '' ? `column ${index + 1}` : name;
  return hidden === 'by_name' ? `${place} (by the names of its columns)` : `${place}${strategy === undefined ? '' : ` (${strategy})`}`;
}
