/** `npm run docs`: writes the pages that are made from code. */
import { fileURLToPath } from 'node:url';
import { foreground, runMain, setUp } from './setup.mjs';

await runMain(async () => {
  const node = await setUp();
  return foreground(node, [fileURLToPath(new URL('docs/write.ts', import.meta.url))]);
});
