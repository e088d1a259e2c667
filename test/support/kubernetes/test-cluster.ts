import type { Pods } from './pods.ts';

/** A cluster that kubectl is tried against. */
export interface TestCluster {
  /** Where its pods run. */
  readonly pods: Pods;
  /** The secrets of a connection to it. */
  settings(): Record<string, string>;
  /** Makes a pod that runs; what more its metadata have. */
  addPod(name: string, more?: object): Promise<void>;
  /** How many clients watch the pods of a namespace. */
  watchers(): Promise<number>;
  close(): Promise<void>;
}
