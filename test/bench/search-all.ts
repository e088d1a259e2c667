import { parentPort, workerData } from 'node:worker_threads';
import { ENTITIES, Search } from '@hoop/policy/detectors/search';
import { textOf } from '../fuzz/hostile-bytes.ts';

/** Searches a text for everything, as a thread of its own whose memory is limited, and says how much it took outside of its heap. */
const text = textOf(workerData.piece, workerData.bytes);
const search = new Search(new Map(ENTITIES.map((entity) => [entity, 0])));
search.find(textOf(workerData.piece, 1_024));
const before = process.memoryUsage().arrayBuffers;
search.find(text);
parentPort?.postMessage({ external: process.memoryUsage().arrayBuffers - before });
