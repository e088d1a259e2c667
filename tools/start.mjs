/** `npm start`: the whole system with a demo database, from a fresh clone. `npm start -- --help` says what can be chosen. */
import { fileURLToPath } from 'node:url';
import { foreground, runMain, setUp } from './setup.mjs';

await runMain(async () => {
  const node = await setUp();
  return foreground(node, [fileURLToPath(new URL('demo/main.ts', import.meta.url)), ...process.argv.slice(2)]);
});
