/** Sequences that move the cursor, colour, or set a title: `ESC [ …`, `ESC ] … BEL`, `ESC P … ESC \`, and two-character ones. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * What a terminal was told, as text to read: without colours and movements, with typing mistakes as they were corrected, and without
 * anything that could drive the reader's terminal.
 */
export function plainText(text: string): string {
  return text.replace(SEQUENCE, '').replace(/\r+\n/g, '\n').split('\n').map(plainLine).join('\n');
}

/** A line that was begun anew (progress bars) counts as it was last. */
function plainLine(line: string): string {
  const last = line.split('\r').findLast((part) => part !== '') ?? '';
  const characters: string[] = [];
  for (const character of last) {
    if (character === '\b') characters.pop();
    else characters.push(character);
  }
  return characters.join('').replace(CONTROL, '');
}
