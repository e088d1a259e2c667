import { z } from 'zod';

/** An idle session ends after an hour, unless the connection says otherwise. */
const IDLE_SECONDS_DEFAULT = 3_600;
const IDLE_SECONDS_MAX = 7 * 24 * 3_600;

/** The secrets of a tcp connection, by the names of the API (`envvar:HOST` and so on). */
export const TcpSettings = z.object({
  HOST: z.string().min(1, 'HOST is required: the name or address of the service'),
  PORT: z.coerce.number('PORT is required: the port of the service').int().min(1).max(65_535),
  /** A session in which neither side sends anything for so long is ended; 0: never. */
  IDLE_SECONDS: z.coerce.number().int().min(0).max(IDLE_SECONDS_MAX).default(IDLE_SECONDS_DEFAULT),
  /** Records everything that is said, both ways, secrets among it; up to the limit of a transcript. */
  CAPTURE: z.enum(['on', 'off'], 'CAPTURE must be on or off').default('off'),
});
export type TcpSettings = z.output<typeof TcpSettings>;
