import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof SHELLS)[number];

/** What can follow the words so far: `''`, `check`, `local up`. */
interface Place {
  readonly words: string;
  readonly next: readonly { readonly word: string; readonly what: string }[];
  /** Whether a plan's name may stand here. */
  readonly takesPlan: boolean;
}

/** A script for a shell, made from the verbs and options that there are. */
export function completionScript(shell: CompletionShell, stepgate: Command, isHidden: (verb: string) => boolean): string {
  const places = placesOf(stepgate, '', isHidden);
  return { bash, zsh, fish }[shell](places);
}

function placesOf(command: Command, words: string, isHidden: (verb: string) => boolean): readonly Place[] {
  const verbs = command.commands.filter((one) => !isHidden(one.name()));
  const options = command.options.filter((option) => !option.hidden && option.long !== undefined);
  const next = [
    ...verbs.map((verb) => ({ word: verb.name(), what: verb.description() })),
    ...command.registeredArguments.flatMap(({ argChoices }) => (argChoices ?? []).map((word) => ({ word, what: '' }))),
    ...options.map((option) => ({ word: option.long ?? '', what: option.description })),
    { word: '--help', what: 'show help' },
  ];
  const takesPlan = command.registeredArguments.some((argument) => argument.name() === 'plan' && !argument.required);
  return [{ words, next, takesPlan }, ...verbs.flatMap((verb) => placesOf(verb, `${words} ${verb.name()}`.trim(), isHidden))];
}

/** The words up to the cursor that are no option, as one text: a place is known by its verbs. */
function bash(places: readonly Place[]): string {
  return `# stepgate completion bash: source it, or put it into a file that bash-completion reads
_stepgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="\${COMP_WORDS[1]}" words plans
  [ "$COMP_CWORD" -le 1 ] && verb=''
  [ "$verb" = local ] && [ "$COMP_CWORD" -gt 2 ] && verb="local \${COMP_WORDS[2]}"
  case "$verb" in
${caseLines(places, (words, plans) => `words='${words}'; plans=${plans}`)}
  esac
  [ "$plans" = yes ] && words="$words $(for plan in migrations/*/plan.yaml; do [ -f "$plan" ] && plan="\${plan%/plan.yaml}" && printf '%s ' "\${plan##*/}"; done)"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _stepgate stepgate
`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef stepgate
# stepgate completion zsh: put it into a file _stepgate of a folder of $fpath, or eval it after compinit
_stepgate() {
  local verb="\${words[2]}" plans
  local -a found
  (( CURRENT <= 2 )) && verb=''
  [[ "$verb" == local ]] && (( CURRENT > 3 )) && verb="local \${words[3]}"
  case "$verb" in
${caseLines(places, (words, plans) => `found=(${words}); plans=${plans}`)}
  esac
  [[ "$plans" == yes ]] && found+=(migrations/*/plan.yaml(N:h:t))
  compadd -a found
}
compdef _stepgate stepgate
`;
}

function caseLines(places: readonly Place[], set: (words: string, plans: string) => string): string {
  return places
    .map(({ words, next, takesPlan }) => `    '${words}') ${set(next.map(({ word }) => word).join(' '), takesPlan ? 'yes' : 'no')} ;;`)
    .join('\n');
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ words, next, takesPlan }) => {
    const [verb, inner] = words.split(' ');
    const inners = places.flatMap((place) => (place.words.startsWith(`${words} `) ? [place.words.slice(words.length + 1)] : []));
    const isThere = verb === undefined || verb === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${inner ?? verb}`;
    const isOpen = inners.length === 0 || words === '' ? isThere : `${isThere}; and not __fish_seen_subcommand_from ${inners.join(' ')}`;
    const condition = `complete -c stepgate -n '${isOpen}'`;
    const plans = takesPlan ? [`${condition} -f -a '(__stepgate_plans)'`] : [];
    return [...next.map((one) => `${condition} ${fishWord(one)}`), ...plans];
  });
  return `# stepgate completion fish: put it into ~/.config/fish/completions/stepgate.fish
function __stepgate_plans
  for plan in migrations/*/plan.yaml
    basename (dirname $plan)
  end
end
${lines.join('\n')}
`;
}

function fishWord({ word, what }: Place['next'][number]): string {
  const described = what === '' ? '' : ` -d '${what.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return word.startsWith('--') ? `-l ${word.slice(2)}${described}` : `-f -a ${word}${described}`;
}
