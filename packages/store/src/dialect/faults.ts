import { type AppError, asAppError, Bug, Misconfigured, Refusal, TargetFault } from '@hoop/core/errors';

/** The code of the error that a broken unique constraint becomes, where no aggregate gives it a better name. */
export const CONFLICT = 'store_conflict';

/** The code of the error that a broken foreign key becomes. */
export const BROKEN_REFERENCE = 'store_reference';

/** What both databases can tell of a failed statement, in one language. */
export type FaultReason = 'unique' | 'reference' | 'busy' | 'unavailable' | 'full' | 'corrupt' | 'out_of_range' | 'other';

/**
 * The error that callers of the store see: never the driver's own, whose text differs per database and may quote a value.
 * The driver's error is kept as the cause.
 */
export function storeFault(reason: FaultReason, cause: unknown): AppError {
  switch (reason) {
    case 'unique':
      return new Refusal(CONFLICT, 'A record with this name exists already', { cause });
    case 'reference':
      return new Refusal(BROKEN_REFERENCE, 'The record refers to another one that does not exist', { cause });
    case 'out_of_range':
      return new Refusal('store_value', 'A number or text in the request cannot be stored. Check its size', { cause });
    case 'busy':
      return new TargetFault('store_busy', 'The store is busy. Try again in a moment', { cause });
    case 'unavailable':
      return new TargetFault('store_unavailable', 'The store cannot be reached. Check that its database server runs', { cause });
    case 'full':
      return new TargetFault('store_full', 'The store cannot write. Check free space and permissions of its disk', { cause });
    case 'corrupt':
      return new Misconfigured('store_corrupt', "The store's file is damaged or no store at all. Restore it from a backup", { cause });
    case 'other':
      return new Bug('store_failed', 'A statement of the store failed', { cause });
  }
}

/** Gives a broken unique constraint the words of the caller. */
export async function orConflict<T>(work: Promise<T>, code: string, message: string): Promise<T> {
  return work.catch((error: unknown) => {
    const fault = asAppError(error);
    throw fault.code === CONFLICT ? new Refusal(code, message, { cause: error }) : fault;
  });
}

/** Gives a broken foreign key the words of the caller. */
export async function orBrokenReference<T>(work: Promise<T>, code: string, message: string): Promise<T> {
  return work.catch((error: unknown) => {
    const fault = asAppError(error);
    throw fault.code === BROKEN_REFERENCE ? new Refusal(code, message, { cause: error }) : fault;
  });
}
