import { type Choice, helpTopics, type Node, quoted } from './model.ts';

/** The completion script of zsh, for `source <(…)` and for a file `_hoop` in `$fpath`. */
export function zshScript(nodes: readonly Node[]): string {
  return `#compdef hoop
# zsh completion for hoop. Load it with: source <(hoop completion zsh)

_hoop() {
  local at='' flag='' word
  local -i i=2 place=0
  local -a items
  while (( i < CURRENT )); do
    word=\${words[i]}
    flag=''
    case $word in
    --) return ;;
    -*)
      case "$at $word" in
${indent(6, valueFlags(nodes))}
      esac
      if [[ -n $flag ]] && (( i + 1 < CURRENT )); then
        (( i++ ))
        flag=''
      fi
      ;;
    *)
      case "$at/$word" in
${indent(6, children(nodes))}
      *) (( place++ )) ;;
      esac
      ;;
    esac
    (( i++ ))
  done
  if [[ -n $flag ]]; then
    case "$at $flag" in
${indent(4, flagValues(nodes))}
    esac
  elif [[ $PREFIX == -* ]]; then
    case $at in
${indent(4, flagNames(nodes))}
    esac
    _describe -t flags flag items
  else
    case "$at:$place" in
${indent(4, places(nodes))}
    esac
  fi
}

_hoop_ask() {
  local -a found
  found=(\${(f)"$(\${words[1]} __complete $1 2>/dev/null)"})
  compadd -a found
}

if [[ \${funcstack[1]} == _hoop ]]; then
  _hoop "$@"
else
  compdef _hoop hoop
fi
`;
}

function valueFlags(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    const names = node.flags.filter((flag) => flag.takesValue).flatMap((flag) => flag.names);
    return names.length === 0 ? [] : [`${names.map((name) => `'${node.path} ${name}'`).join(' | ')}) flag=$word ;;`];
  });
}

function children(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.children.map((child) => {
      const words = child.names.map((name) => `'${node.path}/${name}'`).join(' | ');
      return `${words}) at='${`${node.path} ${child.names[0]}`.trim()}' ;;`;
    }),
  );
}

function flagValues(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) =>
    node.flags.flatMap((flag) => {
      const answer = answerOf(flag.value, nodes);
      return answer === undefined ? [] : [`${flag.names.map((name) => `'${node.path} ${name}'`).join(' | ')}) ${answer} ;;`];
    }),
  );
}

function flagNames(nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) => {
    const items = node.flags.flatMap((flag) => flag.names.map((name) => item(name, flag.description)));
    return `'${node.path}') items=(${items.join(' ')}) ;;`;
  });
}

function places(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (node.children.length > 0) {
      const items = node.children.map((child) => item(child.names[0] ?? '', child.description));
      return [`'${node.path}:0') items=(${items.join(' ')}); _describe -t commands command items ;;`];
    }
    return node.arguments.flatMap(({ choice, variadic }, place) => {
      const answer = answerOf(choice, nodes);
      return answer === undefined ? [] : [`'${node.path}:'${variadic ? '*' : place}) ${answer} ;;`];
    });
  });
}

function answerOf(choice: Choice, nodes: readonly Node[]): string | undefined {
  if (choice === undefined) return undefined;
  if ('words' in choice) return `compadd -- ${choice.words.join(' ')}`;
  if (choice.completes === 'files') return '_files';
  if (choice.completes === 'commands') return `compadd -- ${helpTopics(nodes).join(' ')}`;
  return `_hoop_ask ${choice.completes}`;
}

/** `_describe` takes `name:description`. */
function item(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${description}`);
}

function indent(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n');
}
