import { Argument, Option } from 'commander';

/** What a word on the command line can be, where only the gateway or the disk knows. */
export type Completes =
  | 'connections'
  | 'agents'
  | 'users'
  | 'sessions'
  | 'reviews'
  | 'credentials'
  | 'guardrails'
  | 'datamasking-rules'
  | 'resources'
  | 'config-attributes'
  | 'commands'
  | 'files';

/** An argument that a shell can complete. */
export class CompletedArgument extends Argument {
  readonly completes: Completes;

  constructor(name: string, description: string, completes: Completes) {
    super(name, description);
    this.completes = completes;
  }
}

/** A flag whose value a shell can complete. */
export class CompletedOption extends Option {
  readonly completes: Completes;

  constructor(flags: string, description: string, completes: Completes) {
    super(flags, description);
    this.completes = completes;
  }
}

export function completesOf(part: Argument | Option): Completes | undefined {
  return part instanceof CompletedArgument || part instanceof CompletedOption ? part.completes : undefined;
}
