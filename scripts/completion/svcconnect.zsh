#compdef svcconnect svcconnectd
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Zsh completion of svcconnect and svcconnectd. What may stand where is said by `svcconnect complete`.

_svcconnect()
{
    local line program=svcconnect
    local -a before names shown lines options

    [[ $words[1] != */svcconnect ]] || program=$words[1]
    before=("${(@)words[1,CURRENT-1]}")
    lines=("${(@f)$($program complete -- "${before[@]}" "$PREFIX" 2>/dev/null)}")
    for line in "${lines[@]}"; do
        case $line in
        '') ;;
        :files) _files ;;
        :nospace) options+=(-S '') ;;
        :prefix*) compset -P '*=' ;;
        :program)
            shift $(( ${words[(i)--]} )) words
            (( CURRENT -= ${#before} - ${#words} + 1 ))
            _normal
            return
            ;;
        *)
            names+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
            ;;
        esac
    done
    (( ! ${#names} )) || compadd -l -d shown "${options[@]}" -a names
}

if [[ $funcstack[1] == _svcconnect ]]; then
    _svcconnect "$@"
else
    compdef _svcconnect svcconnect svcconnectd
fi
