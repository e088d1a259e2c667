import { initial } from './001-initial.ts';
import { fleet } from './002-fleet.ts';
import { reviews } from './003-reviews.ts';
import { maskedColumns } from './004-masked-columns.ts';
import { sshKeys } from './005-ssh-keys.ts';
import type { Migration } from './migration.ts';

/** Every migration, in order. A new one is a file and a line here. */
export const MIGRATIONS: readonly Migration[] = [initial, fleet, reviews, maskedColumns, sshKeys];
