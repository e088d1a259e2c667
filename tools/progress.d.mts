/** Says on stderr what is being done and how long it took, while `work` runs. */
export function step<T>(what: string, work: () => Promise<T>): Promise<T>;
