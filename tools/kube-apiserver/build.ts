import { buildApiserver } from './kube-apiserver.ts';

try {
  await buildApiserver();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
