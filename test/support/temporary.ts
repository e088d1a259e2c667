import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './at-exit.ts';

/** A directory of its own, gone with what is in it when the process ends, however the test went. */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `hoop-test-${name}-`));
  atExit(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
