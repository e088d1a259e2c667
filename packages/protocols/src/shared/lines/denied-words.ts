import type { Denial } from '@hoop/core/action';
import type { Mask } from '@hoop/core/gate';

/** What stands on a terminal below a line that was denied, with the prompt under it where the program believes it to be. */
export function deniedWords({ message }: Denial, prompt: string, mask: Mask | undefined): Buffer {
  return Buffer.concat([Buffer.from(`\r\n\x1b[31m${oneLine(message)}\x1b[0m\r\n`), hidden(Buffer.from(prompt), mask)]);
}

/** What a rule has to say about a line that is handed over, behind that line. */
export function warningWords(notice: string): Buffer {
  return Buffer.from(`\r\n\x1b[33m${oneLine(notice)}\x1b[0m`);
}

/** Words of ours may have in them what a rule found, and that must not steer the terminal. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
}

/** A prompt is output, and what it shows may have been masked when it was drawn first. */
function hidden(prompt: Buffer, mask: Mask | undefined): Buffer {
  try {
    return mask?.suspects(prompt) ? mask.apply(prompt, {}) : prompt;
  } catch {
    return Buffer.alloc(0);
  }
}
