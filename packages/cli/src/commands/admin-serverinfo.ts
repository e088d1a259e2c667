import { getServerInfo } from '@hoop/contract/routes/server';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { type Cell, renderFacts } from '../output/table.ts';
import { printJson } from '../output/terminal.ts';

/** `hoop admin serverinfo` */
export async function serverInfo(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const info = await client.call(getServerInfo);
  if (options.json === true) {
    printJson(context.terminal, info);
    return;
  }
  const { feature_flags, tls_ca, ...facts } = info;
  const rows: readonly (readonly [string, Cell])[] = [
    ...Object.entries(facts),
    ['tls_ca', tls_ca === undefined ? '' : 'made by the gateway itself (shown with --json)'],
    ...Object.entries(feature_flags).map(([name, on]): readonly [string, Cell] => [`feature ${name}`, on ? 'on' : 'off']),
  ];
  context.terminal.stdout.write(renderFacts(rows));
}
