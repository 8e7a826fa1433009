//! `vt completions`: what a shell needs to complete commands, flags and the names of tasks.
//!
//! Commands and flags are written out. Tasks differ from directory to directory, so where one may
//! stand the script asks `vt`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::{Args, Completions};
use crate::error::Error;
use crate::report::draw::page;

/// Completes a task behind the commands that take one, unless there is one already.
const BASH: &str = r#"
_vt_or_task() {
    local word before="" command="" current="${COMP_WORDS[COMP_CWORD]}"
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$before" in
            -F|--filter|-C|--dir|--color|--log|--format|--concurrency-limit|--summary-json|--profile|--against)
                before=""; continue ;;
        esac
        before="$word"
        case "$word" in
            -*) ;;
            run|why|graph) [[ -z "$command" ]] && command="$word" || { command=""; break; } ;;
            *) command=""; break ;;
        esac
    done
    case "$before" in
        -F|--filter|-C|--dir|--color|--log|--format|--concurrency-limit|--summary-json|--profile|--against) command="" ;;
    esac
    if [[ -n "$command" && "$current" != -* ]]; then
        local IFS=$'\n'
        COMPREPLY=( $(compgen -W "$("${COMP_WORDS[0]}" list --names 2>/dev/null)" -- "$current") )
        if declare -F __ltrim_colon_completions >/dev/null; then
            __ltrim_colon_completions "$current"
        fi
    else
        _vt "$@"
    fi
}
complete -F _vt_or_task -o bashdefault -o default vt
"#;

const FISH: &str = r#"
complete -c vt -n "__fish_vt_using_subcommand run" -f -a "(vt list --names 2>/dev/null)"
complete -c vt -n "__fish_vt_using_subcommand why" -f -a "(vt list --names 2>/dev/null)"
complete -c vt -n "__fish_vt_using_subcommand graph" -f -a "(vt list --names 2>/dev/null)"
"#;

/// What completes the argument that is a task, and where it is said so in the script for zsh.
const ZSH: &str = r#"
(( $+functions[_vt_tasks] )) ||
_vt_tasks() {
    local -a tasks
    tasks=(${(f)"$(vt list --names 2>/dev/null)"})
    compadd -a tasks
}
"#;

/// Runs the command.
pub(crate) fn completions(completions: &Completions) -> Result<i32, Error> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Args::command(), "vt", &mut script);
    let script = String::from_utf8(script).expect("flags and commands are text");
    let script = match completions.shell {
        Shell::Bash => script + BASH,
        Shell::Fish => script + FISH,
        Shell::Zsh => for_zsh(&script),
        _ => script,
    };
    page(script.as_bytes())
}

/// Arguments called `task` are completed by the function above, which must come before the line
/// that calls the whole.
fn for_zsh(script: &str) -> String {
    let mut text = String::new();
    for line in script.lines() {
        let is_task = line.contains("::task -- ") && line.contains(":_default'");
        if line.starts_with("if [ \"$funcstack[1]\"") {
            text.push_str(ZSH.trim_start());
            text.push('\n');
        }
        if is_task {
            text.push_str(&line.replace(":_default'", ":_vt_tasks'"));
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}
