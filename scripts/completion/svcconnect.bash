# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Bash completion of svcconnect: commands, options, service names (asked of the daemon when it answers).

_svcconnect_service_names()
{
    # Compact and indented JSON both have `"name": "v1"`; no other member of the list is called so.
    svcconnect ${socket:+--socket "$socket"} services --json ${namespace:+-n "$namespace"} 2>/dev/null |
        grep -o '"name": *"[^"]*"' | sed 's/.*"\([^"]*\)"$/\1/'
}

# The names that the help of `set` lists, each with its "=".
_svcconnect_settings()
{
    svcconnect help set 2>/dev/null | sed -n 's/^  \([A-Za-z][A-Za-z.]*=\).*/\1/p'
}

_svcconnect()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="apply register deregister drain eject unject health weight route canary delete set attach detach run status
        services endpoints aliases routes settings tasks hosts events credentials registry doctor help version"
    local command="" second="" socket="" namespace="" options="" position=0 i word

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --socket)
            socket=${COMP_WORDS[++i]}
            ;;
        -n | --namespace)
            namespace=${COMP_WORDS[++i]}
            ;;
        --address | --id | --weight | --health | --protocol | --cgroup | --service | --client | --on-empty | -f | --file | --from | \
            --to | --strategy | --step | --percent | --interval | --max-failures | --min-connects | --timeout | --for)
            ((i++))
            ;;
        --)
            if [[ $command == run ]]; then
                # The rest is a command line of its own.
                if declare -F _command_offset >/dev/null; then
                    _command_offset $((i + 1))
                else
                    mapfile -t COMPREPLY < <(compgen -c -f -- "$current")
                fi
                return
            fi
            ;;
        -*) ;;
        *)
            if [[ -z $command ]]; then
                command=$word
            elif [[ $command == @(route|canary|delete|credentials|registry|help) && -z $second ]]; then
                second=$word
            else
                ((position++))
            fi
            ;;
        esac
    done

    case $previous in
    --socket | --cgroup)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    -f | --file)
        # As file names: a directory ends in a slash and can be gone into.
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --health)
        mapfile -t COMPREPLY < <(compgen -W "HEALTHY UNHEALTHY" -- "$current")
        return
        ;;
    --protocol)
        mapfile -t COMPREPLY < <(compgen -W "tcp udp" -- "$current")
        return
        ;;
    --strategy)
        mapfile -t COMPREPLY < <(compgen -W "linear canary" -- "$current")
        return
        ;;
    --on-empty)
        mapfile -t COMPREPLY < <(compgen -W "refuse unhealthy" -- "$current")
        return
        ;;
    --service | --client | --from | --to)
        mapfile -t COMPREPLY < <(compgen -W "$(_svcconnect_service_names)" -- "$current")
        return
        ;;
    -n | --namespace | --address | --id | --weight | --step | --percent | --interval | --max-failures | --min-connects | --timeout | --for)
        return
        ;;
    esac

    if [[ $current == -* ]]; then
        options="--socket --json --help"
        case $command in
        "") options+=" --version" ;;
        apply) options+=" --namespace --file --dry-run" ;;
        register) options+=" --namespace --address --id --weight --health --protocol" ;;
        attach) options+=" --namespace --cgroup --service" ;;
        detach) options+=" --cgroup --all" ;;
        run) options+=" --namespace --service --" ;;
        events) options+=" --namespace --follow" ;;
        route)
            options+=" --namespace --client"
            [[ $second != set ]] || options+=" --on-empty"
            ;;
        deregister) options+=" --namespace --now" ;;
        drain) options+=" --namespace --timeout --kill" ;;
        eject) options+=" --namespace --for" ;;
        canary)
            options+=" --namespace --client"
            [[ $second != start ]] ||
                options+=" --from --to --strategy --step --percent --interval --max-failures --min-connects"
            ;;
        unject | health | weight | delete | set | services | endpoints | aliases | routes | settings | tasks | hosts)
            options+=" --namespace"
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
        return
    fi

    case $command:$second:$position in
    ::*)
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
        ;;
    help::*)
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
        ;;
    help:route:0 | route::*)
        mapfile -t COMPREPLY < <(compgen -W "set show clear" -- "$current")
        ;;
    help:canary:0 | canary::*)
        mapfile -t COMPREPLY < <(compgen -W "start status pause resume promote abort clear" -- "$current")
        ;;
    help:delete:0 | delete::*)
        mapfile -t COMPREPLY < <(compgen -W "service" -- "$current")
        ;;
    help:registry:0 | registry::*)
        mapfile -t COMPREPLY < <(compgen -W "accept" -- "$current")
        ;;
    set::0)
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W "$(_svcconnect_service_names) $(_svcconnect_settings)" -- "$current")
        ;;
    set::*)
        # The value follows; = ends a word for readline, so that only names are completed.
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W "$(_svcconnect_settings)" -- "$current")
        ;;
    register::0 | deregister::0 | drain::0 | eject::0 | unject::0 | health::0 | weight::0 | delete:service:0 | settings::0)
        mapfile -t COMPREPLY < <(compgen -W "$(_svcconnect_service_names)" -- "$current")
        ;;
    health::2)
        mapfile -t COMPREPLY < <(compgen -W "healthy unhealthy" -- "$current")
        ;;
    esac
}

complete -F _svcconnect svcconnect
