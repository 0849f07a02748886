# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Fish completion of svcconnect and svcconnectd. What may stand where is said by `svcconnect complete`.

function __svcconnect_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l program svcconnect
    set -l prefix ''
    string match -q '*/svcconnect' -- $before[1]; and set program $before[1]
    for line in ($program complete -- $before "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :nospace
                # Fish sees by the = at the end that the word goes on.
            case ':prefix *'
                set prefix (string replace ':prefix ' '' -- $line)
            case :program
                set -l start (contains -i -- -- $before)
                set -l rest $before[(math $start + 1)..-1] "$current"
                complete -C (string join ' ' -- $rest)
            case '*'
                printf '%s\n' "$prefix$line"
        end
    end
end

complete -c svcconnect -f -a '(__svcconnect_complete)'
complete -c svcconnectd -f -a '(__svcconnect_complete)'
