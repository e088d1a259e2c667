/** `npm run build:kube-apiserver`: the API server of Kubernetes, for the tests that want a real one. */
import { fileURLToPath } from 'node:url';
import { foreground, runMain, setUp } from './setup.mjs';

await runMain(async () => {
  const node = await setUp();
  return foreground(node, [fileURLToPath(new URL('kube-apiserver/build.ts', import.meta.url))]);
});
