/** A command line that has no meaning: a quote is open, or the last backslash quotes nothing. */
export class CommandLineError extends Error {}

/**
 * Cuts a command line into words as a POSIX shell does (XCU 2.2, quoting): blanks part words; '…' takes everything as it is; in "…" a
 * backslash quotes only $ ` " \ and line breaks. Nothing is expanded: no variables, no wildcards, no operators.
 * @throws CommandLineError
 */
export function splitCommandLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  const part = /[ \t\n]+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|[^ \t\n'"\\]+/y;
  while (at < line.length) {
    part.lastIndex = at;
    const found = part.exec(line);
    if (!found)
      throw new CommandLineError(
        line[at] === '\\' ? 'it ends with a backslash that quotes nothing' : `the quote ${line[at]} is not closed`,
      );
    at = part.lastIndex;
    const [text, single, double, escaped] = found;
    if (/^[ \t\n]/.test(text)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (single !== undefined) word = (word ?? '') + single;
    else if (double !== undefined)
      word = (word ?? '') + double.replace(/\\(?:\n|([$`"\\]))/g, (_, quoted: string | undefined) => quoted ?? '');
    else if (escaped === '\n') continue;
    else word = (word ?? '') + (escaped ?? text);
  }
  if (word !== undefined) words.push(word);
  return words;
}
