import type { RunOptions } from '@hoop/agent/embedded/main';
import { commaList } from '../input/lists.ts';

export interface RunFlags extends Omit<RunOptions, 'review' | 'dataMasking'> {
  readonly review?: string;
  readonly dataMasking?: string;
}

/** `hoop run [flags] [-- command]`: ends with the command's exit code. @throws Misconfigured, CommandFault */
export async function runBeside(command: readonly string[], flags: RunFlags): Promise<number> {
  const { runEmbedded } = await import('@hoop/agent/embedded/main');
  const { review = '', dataMasking = '', ...options } = flags;
  return runEmbedded({ ...options, review: commaList(review), dataMasking: commaList(dataMasking) }, command);
}
