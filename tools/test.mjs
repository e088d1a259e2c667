/** `npm test`: everything that is checked, from a fresh clone. `npm test -- PATTERN` runs the test files whose path has PATTERN in it. */
import { fileURLToPath } from 'node:url';
import { foreground, runMain, setUp } from './setup.mjs';

await runMain(async () => {
  const node = await setUp();
  return foreground(node, [fileURLToPath(new URL('check/main.ts', import.meta.url)), ...process.argv.slice(2)]);
});
