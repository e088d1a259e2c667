import { z } from 'zod';

const Flag = z.stringbool({ error: 'ALLOW_LOCAL_FORWARD and ALLOW_REMOTE_FORWARD are true or false' }).default(false);

/** The secrets of an ssh connection, by the names of the API (`envvar:HOST` and so on). */
export const SshSettings = z
  .object({
    HOST: z.string().min(1, 'HOST is required: the name or address of the host'),
    PORT: z.coerce.number().int().min(1).max(65_535).default(22),
    USER: z.string().min(1, 'USER is required: the account that sessions run as'),
    PASS: z.string().default(''),
    /** A private key in PEM or OpenSSH's format, and its passphrase. */
    AUTHORIZED_SERVER_KEYS: z.string().default(''),
    PASSPHRASE: z.string().default(''),
    /** The host's public keys, as in known_hosts or as bare keys, one a line. Empty: the first one that is seen is kept. */
    HOST_KEY: z.string().default(''),
    /** Connections from the client to somewhere behind the host (`ssh -L`, `-D`, `-J`, `-W`). */
    ALLOW_LOCAL_FORWARD: Flag,
    /** Connections from the host to somewhere behind the client (`ssh -R`). */
    ALLOW_REMOTE_FORWARD: Flag,
  })
  .refine(({ PASS, AUTHORIZED_SERVER_KEYS }) => PASS !== '' || AUTHORIZED_SERVER_KEYS !== '', {
    message: 'PASS or AUTHORIZED_SERVER_KEYS is required: the password or the private key of USER',
    path: ['PASS'],
  });
export type SshSettings = z.output<typeof SshSettings>;
