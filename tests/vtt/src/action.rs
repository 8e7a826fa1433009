//! From words to an action. The table here is the whole surface of the tool.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{digest, files, process, script, streams, terminal};

/// What stands between two actions of one `vtt seq`.
///
/// A plain word, so that a task command needs no quotes and no shell.
const THEN: &str = "then";

const HELP: &str = "\
vtt ACTION [ARGUMENT...]

files
  write [-p] FILE TEXT     create or truncate FILE, never look at it first; -p makes its directories
  append FILE TEXT         add TEXT at the end
  replace FILE TEXT        write beside FILE, then rename onto it
  rewrite FILE FROM TO     read FILE, then write it with FROM replaced by TO
  readwrite FILE TEXT      open FILE for both, read it all, overwrite its start with TEXT
  concat [-p] OUT FILE...  read each FILE, then write OUT
  cp A B | mv A B          copy bytes and executable bit | rename
  rm [-r] [-f] PATH...     delete; -f: what is missing is fine
  mkdir [-p] DIR...        make directories
  ln -s TARGET LINK        make a symbolic link
  touch FILE               set the time of change to now, nothing else
  chmod +x|-x FILE         set or clear the executable bits
  write-home NAME TEXT     write below the home directory
looking
  cat FILE...              print the bytes
  ls DIR...                print the sorted names
  stat PATH...             print type and size, open nothing
  exists PATH...           print yes or no
  readlink LINK...         print the target
  tree DIR...              print a digest of names, types, executable bits and bytes
terminal and environment
  print TEXT... | print-err TEXT...    one line
  print-bytes HEX          raw bytes
  env NAME...              print NAME=value, or NAME is not set
  cat-env                  print every variable, sorted
  ask-env HEAD TAIL...     ask for variables by names in two parts, print nothing
  tell-env HEAD TAIL       print a variable by such a name
processes
  exit CODE | abort        end this way
  wait-for FILE            until FILE exists, thirty seconds at most
  spawn-daemon FILE        leave a process behind that appends to FILE until a file FILE.stop exists, thirty seconds at most
  run PROGRAM [ARGUMENT...]            run a program to its end, exit as it did
streams to other processes
  ask ADDRESS | ask-at FILE            connect to host:port or the path of a socket, which FILE holds; print what is said
  ask-itself TEXT          listen, connect to that, print what it says
  knock ADDRESS            print open or refused
  serve FILE TEXT          write an address to FILE, say TEXT to the first that connects to it
together
  seq ACTION... then ACTION...         several actions in one process
  script FILE [ARGUMENT...]            the lines of FILE, small tools of many kinds; `vtt help script` lists them
";

/// Why an action did not work.
#[derive(Debug)]
pub(crate) enum Error {
    /// The words make no sense.
    Usage(String),
    /// The system said no.
    Io { doing: String, source: io::Error },
}

fn joined(parts: &[OsString]) -> OsString {
    parts.iter().map(OsString::as_os_str).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(formatter, "{what}; see `vtt help`"),
            Self::Io { doing, source } => write!(formatter, "cannot {doing}: {source}"),
        }
    }
}

/// Names what was tried, for the message.
pub(crate) fn doing(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let doing = format!("{verb} `{}`", path.display());
    move |source| Error::Io { doing, source }
}

/// Runs one action and gives the exit code it asks for.
pub(crate) fn run(words: &[OsString]) -> Result<u8, Error> {
    let (name, arguments) = words
        .split_first()
        .ok_or_else(|| Error::Usage("no action".to_owned()))?;
    let name = name
        .to_str()
        .ok_or_else(|| Error::Usage("unreadable action".to_owned()))?;
    if name == "seq" {
        return sequence(arguments);
    }
    let (flags, rest) = flags(name, arguments);
    let has = |flag: &str| flags.iter().any(|given| *given == flag);
    let paths = || rest.iter().map(PathBuf::from).collect::<Vec<_>>();
    match name {
        "write" => {
            two(name, rest).and_then(|(file, text)| files::write(Path::new(file), text, has("-p")))
        }
        "append" => two(name, rest).and_then(|(file, text)| files::append(Path::new(file), text)),
        "replace" => two(name, rest).and_then(|(file, text)| files::replace(Path::new(file), text)),
        "rewrite" => {
            three(name, rest).and_then(|(file, from, to)| files::rewrite(Path::new(file), from, to))
        }
        "readwrite" => {
            two(name, rest).and_then(|(file, text)| files::read_write(Path::new(file), text))
        }
        "concat" => match paths().split_first() {
            Some((out, sources)) => files::concat(out, sources, has("-p")),
            None => Err(Error::Usage("`concat` wants an output".to_owned())),
        },
        "cp" => two(name, rest).and_then(|(from, to)| files::copy(Path::new(from), Path::new(to))),
        "mv" => {
            two(name, rest).and_then(|(from, to)| files::rename(Path::new(from), Path::new(to)))
        }
        "rm" => each(&paths(), |path| files::remove(path, has("-r"), has("-f"))),
        "mkdir" => each(&paths(), |path| files::make_directory(path, has("-p"))),
        "ln" if has("-s") => two(name, rest)
            .and_then(|(target, link)| files::link(Path::new(target), Path::new(link))),
        "touch" => each(&paths(), files::touch),
        "chmod" => {
            two(name, rest).and_then(|(mode, file)| files::set_executable(Path::new(file), mode))
        }
        "write-home" => {
            two(name, rest).and_then(|(file, text)| files::write_home(Path::new(file), text))
        }
        "cat" => each(&paths(), terminal::cat),
        "ls" => each(&paths(), terminal::list),
        "stat" => each(&paths(), terminal::stat),
        "exists" => each(&paths(), terminal::exists),
        "readlink" => each(&paths(), terminal::read_link),
        "tree" => each(&paths(), digest::print),
        "print" => terminal::print(rest),
        "print-err" => terminal::print_error(rest),
        "print-bytes" => one(name, rest).and_then(terminal::print_bytes),
        "env" => rest
            .iter()
            .try_for_each(|name| terminal::print_variable(name)),
        // The name in two parts is no word of the command.
        "ask-env" => {
            for parts in rest.chunks(2) {
                let _ = std::env::var_os(joined(parts));
            }
            Ok(())
        }
        "tell-env" => terminal::print_variable(&joined(rest)),
        "cat-env" => terminal::print_environment(),
        "exit" => return one(name, rest).and_then(process::exit_code),
        "abort" => std::process::abort(),
        "wait-for" => one(name, rest).and_then(|file| process::wait_for(Path::new(file))),
        "spawn-daemon" => one(name, rest).and_then(|file| process::spawn_daemon(Path::new(file))),
        // What `spawn-daemon` leaves behind.
        "linger" => one(name, rest).and_then(|file| process::linger(Path::new(file))),
        "ask" => one(name, rest).and_then(streams::ask),
        "ask-at" => one(name, rest).and_then(|file| streams::ask_at(Path::new(file))),
        "ask-itself" => one(name, rest).and_then(streams::ask_itself),
        "knock" => one(name, rest).and_then(streams::knock),
        "serve" => two(name, rest).and_then(|(file, text)| streams::serve(Path::new(file), text)),
        "run" => return process::run(arguments),
        "script" => return script::run(arguments),
        // What an operation of a script starts.
        "answer" => script::answer(arguments),
        "help" if rest == ["script"] => terminal::write(script::HELP.as_bytes()),
        "help" => terminal::write(HELP.as_bytes()),
        _ => Err(Error::Usage(format!("unknown action `{name}`"))),
    }
    .map(|()| 0)
}

/// Runs the actions between the `then`s until one asks for another exit code than 0.
fn sequence(words: &[OsString]) -> Result<u8, Error> {
    for action in words.split(|word| word == THEN) {
        let code = run(action)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// Leading flags of the actions that take any. Texts may begin with a dash, hence the table.
fn flags<'a>(name: &str, arguments: &'a [OsString]) -> (Vec<&'a OsStr>, &'a [OsString]) {
    let known: &[&str] = match name {
        "write" | "concat" | "mkdir" => &["-p"],
        "rm" => &["-r", "-f"],
        "ln" => &["-s"],
        _ => &[],
    };
    let count = arguments
        .iter()
        .take_while(|word| known.iter().any(|flag| *word == flag))
        .count();
    let (flags, rest) = arguments.split_at(count);
    (flags.iter().map(OsString::as_os_str).collect(), rest)
}

fn each(paths: &[PathBuf], action: impl FnMut(&Path) -> Result<(), Error>) -> Result<(), Error> {
    paths.iter().map(PathBuf::as_path).try_for_each(action)
}

fn one<'a>(name: &str, words: &'a [OsString]) -> Result<&'a OsStr, Error> {
    match words {
        [only] => Ok(only),
        _ => Err(Error::Usage(format!("`{name}` wants one argument"))),
    }
}

fn two<'a>(name: &str, words: &'a [OsString]) -> Result<(&'a OsStr, &'a OsStr), Error> {
    match words {
        [first, second] => Ok((first, second)),
        _ => Err(Error::Usage(format!("`{name}` wants two arguments"))),
    }
}

fn three<'a>(
    name: &str,
    words: &'a [OsString],
) -> Result<(&'a OsStr, &'a OsStr, &'a OsStr), Error> {
    match words {
        [first, second, third] => Ok((first, second, third)),
        _ => Err(Error::Usage(format!("`{name}` wants three arguments"))),
    }
}
