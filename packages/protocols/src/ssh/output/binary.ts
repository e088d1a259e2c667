/**
 * What text on its way to a pipe does not have, and nearly every compressed or packed piece of data has: control characters
 * that no program writes to be read. UTF-16 has them too, in which no mask would find anything.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const NO_TEXT = /[\x00-\x06\x0e-\x1a\x1c-\x1f]/;

/** Whether output of a command without a terminal is something else than text. */
export function isBinary(bytes: Buffer): boolean {
  return NO_TEXT.test(bytes.toString('latin1'));
}

/**
 * Commands by which programs speak to each other in a protocol of their own: `scp -O`, rsync, git, SFTP. What they send is packed, or
 * told by its length and its hash, so that nothing in it can be found or hidden.
 */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/(^|[\s/;&|('"`])rsync['"]?\s(.*\s)?--server(\s|$)/s, 'rsync'],
  [/(^|[\s/;&|('"`])scp['"]?\s+(-\w+\s+|--\s+)*-\w*[ft]\w*(\s|$)/s, 'scp'],
  [/(^|[\s/;&|('"`])git[\s-]+(upload-pack|receive-pack|upload-archive|shell|lfs)/s, 'git'],
  [/(^|[\s/;&|('"`])sftp-server(['"\s;&|)]|$)/s, 'sftp'],
];

/** The program whose packed data this command would bring; undefined for other commands. */
export function packingProgram(command: string): string | undefined {
  return PROGRAMS.find(([pattern]) => pattern.test(command))?.[1];
}
