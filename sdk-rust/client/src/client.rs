//! The calls a tool makes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vt_protocol::{
    ENDPOINT_VARIABLE, Endpoint, EnvSelector, MAX_NAME, MAX_PATH, MAX_REASON, Message, Reply,
    Tracking,
};

use crate::ClientError;
use crate::channel::Channel;

/// A connection to the runner of this step.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    line: Mutex<Line>,
}

/// The connection, and the process that made it.
#[derive(Debug)]
struct Line {
    channel: Option<Channel>,
    process: u32,
}

impl Client {
    /// Connects to the runner that the environment names; `None` when it names none.
    ///
    /// # Errors
    /// When it names one that cannot be reached or does not want us.
    pub fn connect() -> Result<Option<Self>, ClientError> {
        match std::env::var_os(ENDPOINT_VARIABLE) {
            Some(value) if !value.is_empty() => Self::connect_to(&value).map(Some),
            _ => Ok(None),
        }
    }

    /// Connects to the runner named by a value of [`ENDPOINT_VARIABLE`].
    ///
    /// # Errors
    /// When it cannot be reached or does not want us.
    pub fn connect_to(value: &OsStr) -> Result<Self, ClientError> {
        let endpoint = Endpoint::parse(value).map_err(ClientError::BadEndpoint)?;
        let channel = Channel::open(&endpoint)?;
        Ok(Self {
            endpoint,
            line: Mutex::new(Line {
                channel: Some(channel),
                process: std::process::id(),
            }),
        })
    }

    /// What is read at or below a path does not matter for the result.
    ///
    /// A relative path is taken from the current directory as it is now. That holds for the other
    /// calls with a path as well.
    ///
    /// # Errors
    /// When the path cannot be sent or the runner has gone.
    pub fn ignore_input(&self, path: impl AsRef<Path>) -> Result<(), ClientError> {
        self.tell(&Message::IgnoreInput(absolute(path.as_ref())?))
    }

    /// What is written at or below a path is not part of the result.
    ///
    /// # Errors
    /// When the path cannot be sent or the runner has gone.
    pub fn ignore_output(&self, path: impl AsRef<Path>) -> Result<(), ClientError> {
        self.tell(&Message::IgnoreOutput(absolute(path.as_ref())?))
    }

    /// The result depends on a path, even if it is not read where the runner can see it.
    ///
    /// # Errors
    /// When the path cannot be sent or the runner has gone.
    pub fn track_input(&self, path: impl AsRef<Path>) -> Result<(), ClientError> {
        self.tell(&Message::TrackInput(absolute(path.as_ref())?))
    }

    /// A path is part of the result, even if it is not written where the runner can see it.
    ///
    /// # Errors
    /// When the path cannot be sent or the runner has gone.
    pub fn track_output(&self, path: impl AsRef<Path>) -> Result<(), ClientError> {
        self.tell(&Message::TrackOutput(absolute(path.as_ref())?))
    }

    /// The result depends on a value that only the tool knows.
    ///
    /// # Errors
    /// When key or value cannot be sent or the runner has gone.
    pub fn track_value(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), ClientError> {
        self.tell(&Message::TrackValue {
            key: name(key)?,
            value: value.as_ref().to_vec(),
        })
    }

    /// This run must not be stored. The reason is shown to people; a long one is cut.
    ///
    /// # Errors
    /// When the runner has gone.
    pub fn disable_cache(&self, reason: Option<&str>) -> Result<(), ClientError> {
        let reason = reason.map(|reason| {
            let end = reason.floor_char_boundary(MAX_REASON.min(reason.len()));
            reason.get(..end).unwrap_or_default().to_owned()
        });
        self.tell(&Message::DisableCache { reason })
    }

    /// The value a variable has for the runner, whether the step was given it or not.
    ///
    /// # Errors
    /// When the name cannot be sent or the runner has gone.
    pub fn get_env(
        &self,
        variable: &str,
        tracking: Tracking,
    ) -> Result<Option<OsString>, ClientError> {
        let variable = name(variable)?;
        let reply = self.ask(|request| Message::GetEnv {
            request,
            name: variable.clone(),
            tracking,
        })?;
        match reply {
            Reply::Env { value, .. } => Ok(value.map(OsString::from_vec)),
            _ => Err(unexpected()),
        }
    }

    /// All variables the runner has that a selector names.
    ///
    /// # Errors
    /// When the selector cannot be sent or is no valid glob, or the runner has gone.
    pub fn get_envs(
        &self,
        selector: &EnvSelector,
        tracking: Tracking,
    ) -> Result<BTreeMap<String, OsString>, ClientError> {
        let (EnvSelector::Glob(text) | EnvSelector::Prefix(text)) = selector;
        if text.len() > MAX_NAME {
            return Err(ClientError::BadArgument("a selector of that length"));
        }
        let reply = self.ask(|request| Message::GetEnvs {
            request,
            selector: selector.clone(),
            tracking,
        })?;
        match reply {
            Reply::Envs { pairs, .. } => Ok(pairs
                .into_iter()
                .map(|(name, value)| (name, OsString::from_vec(value)))
                .collect()),
            _ => Err(unexpected()),
        }
    }

    fn tell(&self, message: &Message) -> Result<(), ClientError> {
        self.with_channel(|channel| channel.send(message))
    }

    fn ask(&self, question: impl Fn(u32) -> Message) -> Result<Reply, ClientError> {
        self.with_channel(|channel| channel.ask(&question))
    }

    /// Uses the connection, and once a new one if the old one turns out to be broken. Saying
    /// something twice does no harm, whereas not saying it might.
    fn with_channel<T>(
        &self,
        mut call: impl FnMut(&mut Channel) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut line = self.line();
        if let Some(channel) = &mut line.channel {
            match call(channel) {
                Err(ClientError::Broken(_)) => line.channel = None,
                Err(error @ ClientError::BadArgument(_)) => return Err(error),
                Err(error) => {
                    line.channel = None;
                    return Err(error);
                }
                done => return done,
            }
        }
        let mut channel = Channel::open(&self.endpoint)?;
        let done = call(&mut channel)?;
        line.channel = Some(channel);
        Ok(done)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // The connection is put back only when a call succeeded, so that a panic elsewhere
        // leaves nothing half said.
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if line.process != process {
            // The socket is shared with the process we were forked from, and two voices on one
            // connection would garble each other.
            line.channel = None;
            line.process = process;
        }
        line
    }
}

fn absolute(path: &Path) -> Result<Vec<u8>, ClientError> {
    if path.as_os_str().is_empty() {
        return Err(ClientError::BadArgument("an empty path"));
    }
    let path = if path.is_absolute() {
        path.to_owned()
    } else {
        std::env::current_dir()
            .map_err(ClientError::NoCurrentDirectory)?
            .join(path)
    };
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() > MAX_PATH {
        return Err(ClientError::BadArgument("a path of that length"));
    }
    if bytes.contains(&0) {
        return Err(ClientError::BadArgument("a path that holds a NUL"));
    }
    Ok(bytes.to_vec())
}

fn name(text: &str) -> Result<String, ClientError> {
    if text.is_empty() || text.contains('\0') {
        return Err(ClientError::BadArgument(
            "a name that is empty or holds a NUL",
        ));
    }
    if text.len() > MAX_NAME {
        return Err(ClientError::BadArgument("a name of that length"));
    }
    Ok(text.to_owned())
}

fn unexpected() -> ClientError {
    ClientError::Refused("the answer is of another kind than the question".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_makes_no_sense_is_an_error() {
        let error = Client::connect_to(OsStr::new("nonsense")).unwrap_err();
        assert!(matches!(error, ClientError::BadEndpoint(_)));
    }

    #[test]
    fn a_runner_that_is_not_there_is_an_error() {
        let value = format!("/nowhere/at/all:{}", "0".repeat(32));
        let error = Client::connect_to(OsStr::new(&value)).unwrap_err();
        assert!(matches!(error, ClientError::Unreachable(_)));
    }

    #[test]
    fn arguments_that_the_runner_would_call_a_violation_are_not_sent() {
        assert!(absolute(Path::new("")).is_err());
        assert!(absolute(Path::new("a\0b")).is_err());
        assert!(absolute(Path::new(&"a/".repeat(MAX_PATH))).is_err());
        assert!(name("").is_err());
        assert!(name(&"A".repeat(MAX_NAME + 1)).is_err());
    }

    #[test]
    fn relative_paths_are_taken_from_the_current_directory() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            absolute(Path::new("a/b")).unwrap(),
            here.join("a/b").as_os_str().as_bytes()
        );
        assert_eq!(absolute(Path::new("/a")).unwrap(), b"/a");
    }
}
