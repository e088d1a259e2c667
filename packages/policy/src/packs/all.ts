import { COMMAND_PACKS } from './commands.ts';
import { MSSQL_PACKS } from './mssql.ts';
import { MYSQL_PACKS } from './mysql.ts';
import type { Pack } from './pack.ts';
import { POSTGRES_PACKS } from './postgres.ts';

/** Every pack of this release. */
export const PACKS: readonly Pack[] = [...POSTGRES_PACKS, ...MYSQL_PACKS, ...MSSQL_PACKS, ...COMMAND_PACKS];

/** The pack of this name; undefined when there is none. */
export function packNamed(id: string): Pack | undefined {
  return PACKS.find((pack) => pack.id === id);
}
