import { type Explanation, testGuardrails } from '@hoop/contract/routes/guardrails';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { print, printJson } from '../output/terminal.ts';

export interface TestOptions {
  readonly connection: string;
  readonly pack?: string;
  readonly json?: boolean;
}

/** `hoop policy test -c NAME TEXT`: what the rules of a connection would do to a text. Nothing is run. */
export async function policyTest(context: Context, text: string, { connection, pack, json }: TestOptions): Promise<void> {
  const { client } = openGateway(context);
  const explained = await client.call(testGuardrails, { body: { connection, text, ...(pack === undefined ? {} : { pack }) } });
  if (json === true) printJson(context.terminal, explained);
  else for (const line of linesOf(explained)) print(context.terminal, line);
}

function linesOf({ verdict, message, statements, commands, unclassified }: Explanation): readonly string[] {
  return [
    message === undefined ? verdict : `${verdict}: ${message}`,
    ...(unclassified === undefined ? [] : [`unclassified: ${unclassified}`]),
    ...statements.map(({ effects, tables, functions }) => {
      const uses = [...tables.map(({ name, access }) => `${access} ${name}`), ...functions.map((name) => `call ${name}`)];
      return `  ${[effects.join(' '), ...uses].join(', ')}`;
    }),
    ...commands.map(({ program, args }) => `  ${[program, ...args].join(' ')}`),
  ];
}
