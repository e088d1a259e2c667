import { createOrgKey, deleteOrgKey, getOrgKey, type OrgKey } from '@hoop/contract/routes/org-keys';
import type { Context } from '../context.ts';
import { Failure } from '../failure.ts';
import { isNotFound, openGateway } from '../gateway.ts';
import { print, printJson } from '../output/terminal.ts';

/** `hoop admin create orgkeys`: stdout gets the key and nothing else. */
export async function create(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  show(context, await client.call(createOrgKey), options);
}

/** `hoop admin get orgkeys` */
export async function get(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  try {
    show(context, await client.call(getOrgKey), options);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure('org_key_unknown', 'There is no organization key. `hoop admin create orgkeys` makes it');
  }
}

/** `hoop admin delete orgkeys` */
export async function remove(context: Context): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteOrgKey);
  print(context.terminal, 'organization key deleted');
}

function show({ terminal }: Context, orgKey: OrgKey, options: { readonly json?: boolean }): void {
  if (options.json === true) printJson(terminal, orgKey);
  else print(terminal, orgKey.key);
}
