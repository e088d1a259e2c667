import type { Command } from 'commander';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { modelOf } from '../completion/model.ts';
import { zshScript } from '../completion/zsh.ts';
import type { Context } from '../context.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** `hoop completion bash|zsh|fish`: a script made from the command tree; names come from the gateway while one types. */
export function printCompletion(context: Context, program: Command, shell: keyof typeof SCRIPTS): void {
  context.terminal.stdout.write(SCRIPTS[shell](modelOf(program)));
}
