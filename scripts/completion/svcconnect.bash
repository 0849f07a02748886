# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Bash completion of svcconnect and svcconnectd. What may stand where is said by `svcconnect complete`.

_svcconnect()
{
    local rest=${COMP_LINE:0:COMP_POINT} word blank cut candidate program=svcconnect prefix="" i
    local -a words=()

    # Bash takes words apart at : and =; on the line they are one where nothing is between them.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        blank=${rest%%[![:space:]]*}
        rest=${rest#"$blank"}
        ((i < COMP_CWORD)) || word=$rest
        rest=${rest#"$word"}
        if [[ $i -gt 0 && -z $blank && ${#words[@]} -gt 0 ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    # What readline has as the word under the cursor begins behind this.
    word=${words[${#words[@]} - 1]}
    cut=${COMP_WORDS[COMP_CWORD]}
    [[ $cut != [:=] ]] || cut=""
    [[ $word != *"$cut" ]] || prefix=${word%"$cut"}
    # The command of the same build answers for a daemon that is called by its path.
    [[ ${words[0]} != */svcconnect ]] || program=${words[0]}

    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        case $candidate in
        :files)
            compopt -o filenames 2>/dev/null
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cut")
            ;;
        :nospace) compopt -o nospace 2>/dev/null ;;
        :prefix*) ;; # readline has it cut off already
        :program)
            for ((i = 1; i < COMP_CWORD; i++)); do
                [[ ${COMP_WORDS[i]} != -- ]] || break
            done
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            else
                mapfile -t COMPREPLY < <(compgen -c -f -- "$cut")
            fi
            return
            ;;
        *)
            candidate=${candidate#"$prefix"}
            [[ $candidate != *[!A-Za-z0-9_./:=@,%+-]* ]] || printf -v candidate %q "$candidate"
            COMPREPLY+=("$candidate")
            ;;
        esac
    done < <("$program" complete -- "${words[@]}" 2>/dev/null)
}

complete -F _svcconnect svcconnect svcconnectd
