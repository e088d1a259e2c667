import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own, gone with what is in it when the process ends, however the test went. */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `hoop-test-${name}-`));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
