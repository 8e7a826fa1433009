//! `vtt script FILE [ARGUMENT...]`: small tools of the kinds that builds are made of, a line each.
//!
//! A line is an operation, what it works on, and what its result is made of ([`source`]). A result tells everything
//! that it was made of, so that whoever compares results sees what was looked at. `script/help.txt` lists all of it.

mod helper;
mod memory;
mod results;
mod source;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::action::{Error, doing};
use crate::terminal;

/// What a script can say.
pub(crate) const HELP: &str = include_str!("script/help.txt");

/// Whether the script goes on, or the exit code it ends with.
type Next = Option<u8>;

/// Runs the lines of a file until one of them ends it.
pub(crate) fn run(words: &[OsString]) -> Result<u8, Error> {
    let Some((file, arguments)) = words.split_first() else {
        return Err(Error::Usage("`script` wants a file".to_owned()));
    };
    let file = Path::new(file);
    let text = fs::read_to_string(file).map_err(doing("read", file))?;
    let arguments: Vec<String> = arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(code) = operation(&words, &arguments)? {
            return Ok(code);
        }
    }
    Ok(0)
}

fn operation(words: &[&str], arguments: &[String]) -> Result<Next, Error> {
    let made_of = |sources: &[&str]| source::all(sources, arguments);
    match words {
        [] => Ok(()),
        ["say", sources @ ..] => terminal::write(made_of(sources)?.as_bytes()),
        ["need", file] if Path::new(file).exists() => Ok(()),
        ["need", file] => {
            terminal::write(format!("{file} is missing\n").as_bytes())?;
            return Ok(Some(1));
        }
        ["refuse", text, sources @ ..] => {
            if made_of(sources)?.contains(text) {
                terminal::write(format!("{text} is refused\n").as_bytes())?;
                return Ok(Some(3));
            }
            Ok(())
        }
        ["snapshot", file, sources @ ..] => {
            let is_update = arguments.iter().any(|argument| argument == "-u");
            return results::snapshot(Path::new(file), &made_of(sources)?, is_update);
        }
        ["emit", file, sources @ ..] => results::emit(Path::new(file), &made_of(sources)?),
        ["replace", file, sources @ ..] => results::replace(Path::new(file), &made_of(sources)?),
        ["compare", file, sources @ ..] => results::compare(Path::new(file), &made_of(sources)?),
        ["missing", file, sources @ ..] => results::missing(Path::new(file), &made_of(sources)?),
        ["create", file, sources @ ..] => results::create(Path::new(file), &made_of(sources)?),
        ["log", file, sources @ ..] => results::append(Path::new(file), &made_of(sources)?),
        ["temporary", name, sources @ ..] => {
            let text = made_of(sources)?;
            results::temporary(name, &text)
        }
        ["leave", name, sources @ ..] => {
            let text = made_of(sources)?;
            results::emit(&source::temporary().join(name), &text)
        }
        ["memo", directory, file, sources @ ..] => {
            let text = made_of(sources)?;
            memory::memo(&source::place(directory), Path::new(file), &text)
        }
        ["incremental", memory, out, from, manner] => {
            memory::incremental(Path::new(memory), Path::new(out), Path::new(from), manner)
        }
        ["wipe", directory] => results::wipe(Path::new(directory)),
        ["empty", directory] => results::empty(Path::new(directory)),
        ["prune", directory, from] => results::prune(Path::new(directory), Path::new(from)),
        ["copy", from, to] => results::copy(Path::new(from), Path::new(to)),
        ["link", from, to] => results::link(Path::new(from), Path::new(to)),
        ["symlink", text, to] => results::symbolic_link(text, Path::new(to)),
        ["mode", file, digits] => results::mode(Path::new(file), digits),
        ["tag", directory] => memory::tag(Path::new(directory)),
        ["helper", file, sources @ ..] => {
            results::emit(Path::new(file), &helper::ask_own(sources)?)
        }
        _ => Err(Error::Usage(format!(
            "`{}` is no operation",
            words.join(" ")
        ))),
    }
    .map(|()| None)
}

/// What a process that [`helper`] starts does.
pub(crate) fn answer(words: &[OsString]) -> Result<(), Error> {
    helper::answer(words)
}
