//! Understands messages: what is worth recording goes into the reports, questions get answers.
//!
//! Knows no sockets. A message that makes no sense is an error, which ends its connection and
//! counts against the run.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};

use vt_base::{AbsPath, EnvClass, EnvMap};
use vt_protocol::{MAX_FRAME, Message, Reply, Tracking};

use crate::paths::Bounds;
use crate::query::channel_name;
use crate::{EnvQuery, Hint, OptOut, Options, Refused, Reports};

/// How many messages one step may send.
const MAX_MESSAGES: usize = 100_000;

/// How much of what was said is kept, in bytes.
const MAX_KEPT: usize = 32 << 20;

/// How many hints that were not taken are listed.
const MAX_REFUSED: usize = 100;

/// The reports of one step while they are being made.
pub(crate) struct Recorder {
    bounds: Bounds,
    options: Options,
    reports: Reports,
    messages: usize,
    kept: usize,
}

impl Recorder {
    pub(crate) fn new(mut options: Options) -> Self {
        let bounds = Bounds::new(&options.root, options.package_dir.clone());
        options
            .env
            .retain(|name, _| !name.to_str().is_some_and(channel_name));
        Self {
            bounds,
            options,
            reports: Reports::default(),
            messages: 0,
            kept: 0,
        }
    }

    /// Notes that something went wrong. The first time stands.
    pub(crate) fn fail(&mut self, failure: impl Into<String>) {
        self.reports.failure.get_or_insert_with(|| failure.into());
    }

    pub(crate) fn seal(self) -> Reports {
        self.reports
    }

    /// Takes one message of a client that has said hello.
    pub(crate) fn take(&mut self, message: Message) -> Result<Option<Reply>, String> {
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(format!("more than {MAX_MESSAGES} messages were sent"));
        }
        match message {
            Message::Hello { .. } => return Err("a second hello was sent".to_owned()),
            Message::IgnoreInput(path) => self.hint(Hint::IgnoreInput, &path)?,
            Message::IgnoreOutput(path) => self.hint(Hint::IgnoreOutput, &path)?,
            Message::TrackInput(path) => self.hint(Hint::TrackInput, &path)?,
            Message::TrackOutput(path) => self.hint(Hint::TrackOutput, &path)?,
            Message::TrackValue { key, value } => {
                self.keep(key.len() + value.len())?;
                self.reports.values.insert(key, value);
            }
            Message::DisableCache { reason } => {
                self.reports.opt_out.get_or_insert_with(|| OptOut {
                    reason: reason.map(|reason| reason.replace(char::is_control, " ")),
                });
            }
            Message::GetEnv {
                request,
                name,
                tracking,
            } => return self.get_env(request, name, tracking).map(Some),
            Message::GetEnvs {
                request,
                selector,
                tracking,
            } => return self.get_envs(request, selector.into(), tracking).map(Some),
        }
        Ok(None)
    }

    fn keep(&mut self, bytes: usize) -> Result<(), String> {
        self.kept += bytes;
        if self.kept > MAX_KEPT {
            return Err(format!("more than {MAX_KEPT} bytes were reported"));
        }
        Ok(())
    }

    fn hint(&mut self, hint: Hint, path: &[u8]) -> Result<(), String> {
        let path = AbsPath::new(OsStr::from_bytes(path))
            .map_err(|_| "a path is not absolute".to_owned())?;
        match self.bounds.clamp(&path) {
            Ok(places) => {
                self.keep(places.iter().map(|place| place.as_bytes().len()).sum())?;
                let list = match hint {
                    Hint::IgnoreInput => &mut self.reports.ignored_inputs,
                    Hint::IgnoreOutput => &mut self.reports.ignored_outputs,
                    Hint::TrackInput => &mut self.reports.tracked_inputs,
                    Hint::TrackOutput => &mut self.reports.tracked_outputs,
                };
                list.extend(places);
            }
            Err(trespass) => {
                if self.reports.refused.len() < MAX_REFUSED {
                    self.reports.refused.insert(Refused {
                        path: path.to_string(),
                        hint,
                        trespass,
                    });
                }
            }
        }
        Ok(())
    }

    fn untracked(&mut self, names: &str) -> Result<(), String> {
        if !self.reports.untracked.contains(names) {
            self.keep(names.len())?;
            self.reports.untracked.insert(names.to_owned());
        }
        Ok(())
    }

    fn get_env(&mut self, request: u32, name: String, tracking: Tracking) -> Result<Reply, String> {
        let value = self.options.env.get(OsStr::new(&name)).cloned();
        let is_apart = channel_name(&name) || self.options.untracked.matches(&name);
        if tracking == Tracking::Untracked && !is_apart && !self.options.declared.matches(&name) {
            self.untracked(&name)?;
        }
        let counts = tracking == Tracking::Tracked
            && !channel_name(&name)
            && !self.options.untracked.matches(&name)
            && !self.options.declared.matches(&name);
        if counts && !self.reports.envs.contains_key(&name) {
            self.keep(name.len() + value.as_ref().map_or(0, |value| value.len()))?;
            self.reports.envs.insert(name, value.clone());
        }
        let value = value.map(OsStringExt::into_vec);
        within_a_frame(Reply::Env { request, value })
    }

    /// Whether a variable is none of the answers when everything is asked for: no step sees it.
    fn withholds(&self, query: &EnvQuery, name: &str) -> bool {
        let Options {
            declared,
            untracked,
            ..
        } = &self.options;
        query.asks_for_everything()
            && EnvClass::of(name) == EnvClass::Withheld
            && !declared.matches(name)
            && !untracked.matches(name)
    }

    fn get_envs(
        &mut self,
        request: u32,
        query: EnvQuery,
        tracking: Tracking,
    ) -> Result<Reply, String> {
        let Some(selection) = query.selection() else {
            return Err("a query is not a valid glob".to_owned());
        };
        let pairs: Vec<(String, Vec<u8>)> = utf8_names(&self.options.env)
            .filter(|(name, _)| selection.selects(name) && !self.withholds(&query, name))
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect();
        let reply = within_a_frame(Reply::Envs { request, pairs })?;
        if tracking == Tracking::Untracked {
            let names = match &query {
                EnvQuery::Glob(glob) => glob.clone(),
                EnvQuery::Prefix(prefix) => format!("{prefix}*"),
            };
            self.untracked(&names)?;
        }
        if tracking == Tracking::Tracked && !self.reports.queries.contains_key(&query) {
            let matches = query.match_set(
                &self.options.env,
                &self.options.declared,
                &self.options.untracked,
            );
            self.keep(
                matches
                    .iter()
                    .map(|(name, value)| name.len() + value.len())
                    .sum(),
            )?;
            self.reports.queries.insert(query, matches);
        }
        Ok(reply)
    }
}

fn within_a_frame(reply: Reply) -> Result<Reply, String> {
    if reply.encode().len() > MAX_FRAME {
        return Err("the answer is longer than a message".to_owned());
    }
    Ok(reply)
}

fn utf8_names(env: &EnvMap) -> impl Iterator<Item = (&str, &OsStr)> {
    env.iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
}
