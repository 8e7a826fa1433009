# Goes through the rows by what a shell has built in: dash and bash take the same program.
#
# Called with `list` it says its rows. Called with `run` and the path of the room it goes through
# each row in each form, every time in the directory that was prepared for it. Whether a command
# fails does not matter here: the same has to be seen of it twice.

rows='read_each test_each write_each append_each noclobber directories source_each globs descriptors execute search pipes'
things='file dir link dirlink dangling loop chain none none/x file/x file/ dir/ link/ dirlink/inside dir/../other dirlink/../file none/../file . dir//inside'

read_each() { for thing in $things; do { read -r line < "$at$thing"; } 2> /dev/null; done; }
test_each() {
    for thing in $things; do
        test -e "$at$thing"; test -f "$at$thing"; test -d "$at$thing"; test -L "$at$thing"
        test -r "$at$thing"; test -w "$at$thing"; test -x "$at$thing"; test -s "$at$thing"
    done
    test "${at}file" -nt "${at}none"; test "${at}file" -ef "${at}link"
}
write_each() { for thing in file new link dangling none/x dir; do { true > "$at$thing"; } 2> /dev/null; done; read -r line < "${at}new"; }
append_each() { for thing in file new link; do { echo x >> "$at$thing"; } 2> /dev/null; done; { echo x <> "${at}other" >&0; }; }
noclobber() { set -C; { true > "${at}file"; } 2> /dev/null; { true > "${at}new"; } 2> /dev/null; { true >| "${at}other"; } 2> /dev/null; set +C; }
directories() {
    ( cd "${at}dirlink" && { read -r line < inside; read -r line < ../dir/inside; } 2> /dev/null; pwd -P; cd -P .. && { read -r line < file; } )
    ( cd "${at}none" || cd "${at}file"; CDPATH="${at:-.}" cd sub ) 2> /dev/null
}
source_each() { ( . "${at}dir/inside" ) 2> /dev/null; ( . "${at}none" ) 2> /dev/null; ( . "${at}script" ) 2> /dev/null; }
globs() { for found in "${at}"*/on* "${at}"no*/x "${at}"d?r/sub/leaf "${at}"[f]ile; do :; done; }
descriptors() { exec 3< "${at}file" 4> "${at}new" 5<> "${at}other"; read -r line <&3; echo x >&4; exec 3<&- 4>&- 5>&-; }
execute() { ( "${at}script"; "${at}file"; "${at}dir"; "${at}none"; "${at}outer"; exec /bin/true ) 2> /dev/null; }
search() { case $at in /*) path=$at ;; *) path=$PWD/$at ;; esac; ( PATH="${path}none:${path}dir:$path"; script; nothing; command -v script ) 2> /dev/null; }
pipes() { cat "${at}file" | while read -r line; do true > "${at}piped"; done; line=$(cat "${at}other"); ( read -r line < "${at}linked" ) & wait; }

if [ "$1" = list ]; then
    for row in $rows; do echo "$row"; done
    exit
fi
root=$2
for row in ${3:-$rows}; do
    at=$row.relative/; $row
    at=$root/$row.absolute/; $row
    exec 9< "$row.dirfd"; at=/proc/self/fd/9/; $row; exec 9<&-
    cd "$row.chdir" && at= && $row; cd "$root" || exit
    exec 9< "$row.fchdir"; cd /proc/self/fd/9 && at= && $row; cd "$root" || exit; exec 9<&-
    at=$row.through.link/; $row
    at=$row.up.link/../; $row
done
true
