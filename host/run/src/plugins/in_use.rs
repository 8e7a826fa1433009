//! All that may speak about the steps of a run, and the policies it is held to.

use vt_base::RelPath;
use vt_config::{Project, Rule};
use vt_rules::{Directive, Matches, StaticRule};

use super::error::{Place, PluginError};
use super::{Entry, Loaded, Outlines, Policies, load_plugins, needs_lock};
use crate::context::Purpose;
use crate::world::{World, cache_directory};

/// All that may speak about the steps of a run, and the policies it is held to.
#[derive(Debug)]
pub(crate) struct InUse {
    pub(crate) policies: Policies,
    pub(crate) plugins: Vec<Loaded>,
    /// The rules that the configuration makes itself.
    pub(crate) rules: Vec<StaticRule>,
    /// What is remembered of the plugins.
    pub(crate) outlines: Outlines,
}

impl InUse {
    /// Finds, reads and judges it.
    ///
    /// # Errors
    /// The first that cannot be used as it is, or may not be.
    pub(crate) fn load(
        project: &Project,
        world: &World,
        purpose: Purpose,
    ) -> Result<Self, PluginError> {
        let policies = Policies::load(project, &world.plugins)?;
        let auditor = policies.auditor.clone();
        let loaded = Self::held_to(policies, project, world);
        if let (Err(PluginError::Denied(denied)), Purpose::Run) = (&loaded, purpose) {
            // What is denied is an error, and no second one is needed for where it is kept.
            let _ = auditor.note(None, &[Entry::Denied(denied)]);
        }
        loaded
    }

    fn held_to(policies: Policies, project: &Project, world: &World) -> Result<Self, PluginError> {
        let mut outlines = if needs_lock(project) {
            let directory = cache_directory(project, world.cache_dir.as_ref());
            Outlines::read(&directory, &project.root)
        } else {
            Outlines::default()
        };
        let plugins = load_plugins(project, &world.plugins, &policies, &mut outlines)?;
        let rules = project.settings.rules.iter();
        let rules = rules.map(|rule| {
            policies.admit_rules(&rule.name)?;
            made(project, rule)
        });
        let rules = rules.collect::<Result<_, PluginError>>()?;
        Ok(Self {
            policies,
            plugins,
            rules,
            outlines,
        })
    }
}

/// A rule of the configuration, with nothing in it that a rule may not say.
fn made(project: &Project, rule: &Rule) -> Result<StaticRule, PluginError> {
    let wrong = |reason: String| PluginError::Rule {
        place: Place {
            file: rule.file.clone(),
            position: rule.position,
        },
        rule: rule.name.clone(),
        reason,
    };
    let directives = rule.statements.iter().map(|said| {
        Directive::from_texts(said.directive, said.texts.clone())
            .ok_or_else(|| wrong(format!("`{}` has no such form", said.directive)))
    });
    let matches = Matches {
        programs: rule.programs.clone(),
        dependencies: rule.dependencies.clone(),
    };
    let directives = directives.collect::<Result<Vec<_>, PluginError>>()?;
    let made = StaticRule::new(rule.name.clone(), matches, directives)
        .map_err(|reason| wrong(reason.to_owned()))?;
    let check = |directory: &RelPath| match made.say(directory) {
        Ok(_) => Ok(()),
        Err((said, reason)) => Err(wrong(format!("`{said}`: {reason}"))),
    };
    if made.climbs() {
        // Where a path leads that goes up depends on where the package lies.
        let meant = project.packages.iter().filter(|package| {
            let mut wanted = rule.dependencies.iter();
            rule.dependencies.is_empty()
                || wanted.any(|name| package.dependencies.contains_key(name))
        });
        meant
            .map(|package| &package.directory)
            .try_for_each(check)?;
    } else {
        let anywhere = RelPath::new("package").expect("a plain name is a path");
        check(&anywhere)?;
    }
    Ok(made)
}
