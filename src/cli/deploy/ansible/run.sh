#!/bin/sh
# Starts a command so that nobody on the box is held up, keeps what it prints, and its exit status.
# Usage: run.sh NICE IONICE-CLASS SECONDS COMMAND...
umask 077
nice=$1 class=$2 seconds=$3
shift 3
# Nothing of it is to lie elsewhere on the box.
HOME=$PWD XDG_STATE_HOME=$PWD XDG_DATA_HOME=$PWD XDG_CACHE_HOME=$PWD XDG_CONFIG_HOME=$PWD
export HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_CONFIG_HOME
if command -v timeout >/dev/null 2>&1; then
    set -- timeout -k 60 "$seconds" "$@"
fi
if command -v ionice >/dev/null 2>&1; then
    set -- ionice -c "$class" "$@"
fi
if command -v nice >/dev/null 2>&1; then
    set -- nice -n "$nice" "$@"
fi
# Its room is taken now: in the end there may be none.
echo '          ' >exit-status
"$@" >findings.ndjson 2>messages.txt </dev/null
status=$?
printf '%-10s\n' "$status" 1<>exit-status
# One file, whatever state the scan ended in. Where there is no room for it, the case and its log are fetched as they are.
[ ! -f hunt.case ] || ./huntbook case copy hunt.case copy.case >/dev/null 2>>messages.txt
exit 0
