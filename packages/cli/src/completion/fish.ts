import { type Choice, type Flag, helpTopics, type Node } from './model.ts';

/** The completion script of fish 3 and later. */
export function fishScript(nodes: readonly Node[]): string {
  return `# fish completion for hoop. Load it with: hoop completion fish | source

# Prints the command that is being typed, such as "admin create agent", and how many arguments it has so far.
function __hoop_at
    set -l at ''
    set -l place 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch "$word"
            case --
                return
            case '-*'
                switch "$at $word"
${indent(20, valueFlags(nodes))}
                end
            case '*'
                switch "$at/$word"
${indent(20, children(nodes))}
                    case '*'
                        set place (math $place + 1)
                end
        end
    end
    echo "$at:$place"
end

function __hoop_in
    string match -q -- "$argv[1]:*" (__hoop_at)
end

function __hoop_place
    string match -q -- "$argv[1]:$argv[2]" (__hoop_at)
end

function __hoop_ask
    set -l program (commandline -opc)[1]
    $program __complete $argv[1] 2>/dev/null
end

complete -c hoop -f
${nodes.flatMap((node) => [...commandsOf(node), ...argumentsOf(node, nodes), ...node.flags.map((flag) => flagLine(node, flag, nodes))]).join('\n')}
`;
}

function valueFlags(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    const names = node.flags.filter((flag) => flag.takesValue).flatMap((flag) => flag.names);
    return names.length === 0 ? [] : [`case ${names.map((name) => quoted(`${node.path} ${name}`)).join(' ')}`, '    set skip 1'];
  });
}

function children(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.children.flatMap((child) => [
      `case ${child.names.map((name) => quoted(`${node.path}/${name}`)).join(' ')}`,
      `    set at ${quoted(`${node.path} ${child.names[0]}`.trim())}`,
    ]),
  );
}

function commandsOf(node: Node): readonly string[] {
  return node.children.map(
    (child) => `complete -c hoop -n "__hoop_place '${node.path}' 0" -a ${child.names[0]} -d ${quoted(child.description)}`,
  );
}

function argumentsOf(node: Node, nodes: readonly Node[]): readonly string[] {
  return node.arguments.flatMap(({ choice, variadic }, place) => {
    const answer = answerOf(choice, nodes);
    return answer === undefined ? [] : [`complete -c hoop -n "__hoop_place '${node.path}' '${variadic ? '*' : place}'" ${answer}`];
  });
}

function flagLine(node: Node, flag: Flag, nodes: readonly Node[]): string {
  const names = flag.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  const answer = answerOf(flag.value, nodes) ?? '';
  // Without -f fish would offer file names beside the answers.
  const value = flag.takesValue ? ` -r ${answer === '-F' ? answer : `-f ${answer}`.trimEnd()}` : '';
  return `complete -c hoop -n "__hoop_in '${node.path}'" ${names}${value} -d ${quoted(flag.description)}`;
}

function answerOf(choice: Choice, nodes: readonly Node[]): string | undefined {
  if (choice === undefined) return undefined;
  if ('words' in choice) return `-a ${quoted(choice.words.join(' '))}`;
  if (choice.completes === 'files') return '-F';
  if (choice.completes === 'commands') return `-a ${quoted(helpTopics(nodes).join(' '))}`;
  return `-a '(__hoop_ask ${choice.completes})'`;
}

/** A text for fish as one word. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function indent(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n');
}
