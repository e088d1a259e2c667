import { z } from 'zod';

/** The secrets of a mysql connection, by the names of the API (`envvar:HOST` and so on). */
export const MysqlSettings = z.object({
  HOST: z.string().min(1, 'HOST is required: the name or address of the server'),
  PORT: z.coerce.number().int().min(1).max(65_535).default(3306),
  USER: z.string().min(1, 'USER is required: the database user that sessions run as'),
  PASS: z.string().default(''),
  DB: z.string().default(''),
  SSLMODE: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer'),
  /** PEM of the authority for verify-ca and verify-full; the system's authorities otherwise. */
  SSLROOTCERT: z.string().default(''),
});
export type MysqlSettings = z.output<typeof MysqlSettings>;
