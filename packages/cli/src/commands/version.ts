import { VERSION } from '@hoop/core/version';
import type { Context } from '../context.ts';
import { print, printJson } from '../output/terminal.ts';

/** `hoop version` */
export function showVersion(context: Context, options: { readonly json?: boolean }): void {
  const version = VERSION;
  const platform = `${process.platform}/${process.arch}`;
  if (options.json === true) printJson(context.terminal, { version, node: process.versions.node, platform });
  else print(context.terminal, `hoop ${version} (Node.js ${process.versions.node}, ${platform})`);
}
