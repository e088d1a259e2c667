import { z } from 'zod';

/** Any names: they are the command's environment. */
export const TerminalSettings = z.record(
  z.string(),
  z.string().refine((value) => !value.includes('\0'), 'An environment variable cannot hold a zero byte'),
);
export type TerminalSettings = z.output<typeof TerminalSettings>;
