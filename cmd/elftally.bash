# bash completion for elftally(1)

# The IDs of a table, rules or causes.
_elftally_ids()
{
    elftally "$1" --format json 2>/dev/null | grep -o '"id": *"[a-z0-9-]*"' | sed 's/.*"\([a-z0-9-]*\)"$/\1/'
}

_elftally_limits()
{
    elftally --help 2>/dev/null | sed -n '/^Limits:/,$s/^  \([a-z]*\) .*/\1/p'
}

_elftally()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command=compare options words i

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        compare | rules | causes | normalise | digest | verify | batch | merge)
            command=${COMP_WORDS[i]}
            break
            ;;
        -p | --policy | -f | --format | -o | --output | --explain | --bytes | --color | --width | --limit | \
            -j | --jobs | --map | \
            --vendor-debug | --rebuilt-debug | --vendor-buildinfo | --rebuilt-buildinfo)
            ((i++))
            [[ ${COMP_WORDS[i]-} == = ]] && ((i++))
            ;;
        -* | =) ;;
        *) break ;;
        esac
    done

    # --option=value arrives as three words.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    COMPREPLY=()
    case $previous in
    -p | --policy)
        mapfile -t COMPREPLY < <(compgen -W 'exact standard semantic' -- "$current"; compgen -f -- "$current")
        compopt -o filenames
        return
        ;;
    -f | --format)
        words='text json junit'
        [[ $command == merge ]] && words='json junit'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
        ;;
    --explain)
        mapfile -t COMPREPLY < <(compgen -W 'roots all none' -- "$current")
        return
        ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current")
        return
        ;;
    --limit)
        mapfile -t COMPREPLY < <(compgen -W "$(_elftally_limits)" -S = -- "$current")
        compopt -o nospace
        return
        ;;
    --fail-on)
        mapfile -t COMPREPLY < <(compgen -W 'different inconclusive' -- "$current")
        return
        ;;
    --bytes | --width | -j | --jobs | --shard | --map)
        return
        ;;
    -C | --directory | --reports)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        compopt -o filenames
        return
        ;;
    -o | --output | --vendor-debug | --rebuilt-debug | --vendor-buildinfo | --rebuilt-buildinfo)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames
        return
        ;;
    esac

    case $command in
    rules | causes) options='--format --help' ;;
    normalise) options='--policy --output --limit --no-sandbox --help' ;;
    digest) options='--policy --limit --no-sandbox --help' ;;
    verify) options='--limit --no-sandbox --help' ;;
    batch)
        options='--output --resume --shard --jobs --directory --policy --explain --reports --times --fail-on --quiet'
        options+=' --limit --no-sandbox --help'
        ;;
    merge) options='--output --format --summary --fail-on --help' ;;
    *)
        options='--policy --format --output --quiet --all --explain --bytes --digest --color --width'
        options+=' --jobs --map --vendor-debug --rebuilt-debug --vendor-buildinfo --rebuilt-buildinfo --limit --no-sandbox --help'
        options+=' --version'
        ;;
    esac

    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [[ $command == rules || $command == causes ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_elftally_ids "$command")" -- "$current")
    else
        words=
        ((COMP_CWORD == 1)) && words='compare rules causes normalise digest verify batch merge'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; compgen -f -- "$current")
        compopt -o filenames
    fi
}

complete -F _elftally elftally
