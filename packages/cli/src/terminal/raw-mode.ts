import { execFileSync } from 'node:child_process';
import type { Input } from '../output/terminal.ts';

const STTY_MS_MAX = 2_000;

/**
 * Makes a terminal pass everything on as it is, in both directions. Node.js does so for what is typed only; of what is shown the terminal
 * would still turn each line feed into a new line, and programs use line feeds to move the cursor straight down.
 */
export function enterRawMode(stdin: Input): void {
  stdin.setRawMode?.(true);
  if (stdin.fd === undefined) return;
  try {
    execFileSync('stty', ['-opost'], { stdio: [stdin.fd, 'ignore', 'ignore'], timeout: STTY_MS_MAX });
  } catch {
    // A system without stty: most programs look right even so.
  }
}

/** Puts back everything that was before, what is shown included: Node.js remembers the whole state. */
export function leaveRawMode(stdin: Input): void {
  stdin.setRawMode?.(false);
}
