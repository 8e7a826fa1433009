//! A rule that is data: it says the same about every step it speaks for.
//!
//! What it may say, and how that is checked, is what holds for components.

use vt_base::{Digest, Invocation, RelPath, StableHasher};

use crate::answer::believe;
use crate::manifest::is_word;
use crate::{Directive, Matches, PackageFacts};

/// Rises when what a rule says comes to mean something else.
const FORMAT: u64 = 1;

/// A rule that is data.
#[derive(Clone, Debug)]
pub struct StaticRule {
    name: String,
    matches: Matches,
    directives: Vec<Directive>,
    digest: Digest,
}

impl StaticRule {
    /// Makes a rule.
    ///
    /// # Errors
    /// When it has no name to be shown by, or speaks for every step.
    pub fn new(
        name: String,
        matches: Matches,
        directives: Vec<Directive>,
    ) -> Result<Self, &'static str> {
        if !is_word(&name) {
            return Err("its `name` is not a plain word");
        }
        if matches.programs.is_empty() && matches.dependencies.is_empty() {
            return Err("it matches every step");
        }
        let mut hasher = StableHasher::new("vt static rule");
        hasher.number(FORMAT).text(&name);
        for directive in &directives {
            hasher.text(directive.name());
            hasher.texts(directive.texts().into_iter());
        }
        Ok(Self {
            name,
            matches,
            digest: hasher.finish(),
            directives,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of what it says.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether it has anything to say about a step.
    #[must_use]
    pub fn speaks_for(&self, invocation: &Invocation, package: &PackageFacts) -> bool {
        self.matches.take(invocation, package)
    }

    /// Whether a path leads above the package, so that what it means depends on where that lies.
    #[must_use]
    pub fn climbs(&self) -> bool {
        let texts = self.directives.iter().flat_map(Directive::texts);
        let mut parts = texts.flat_map(|text| text.split('/'));
        parts.any(|part| part == "..")
    }

    /// What it says of a step of this package; paths are relative to the workspace root.
    ///
    /// # Errors
    /// The first statement that a rule may not make, and why it may not.
    pub fn say(&self, package_dir: &RelPath) -> Result<Vec<Directive>, (String, String)> {
        believe(&self.directives, package_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(says: Directive) -> StaticRule {
        let matches = Matches {
            programs: vec!["tool".into()],
            dependencies: Vec::new(),
        };
        StaticRule::new("ours".into(), matches, vec![says]).unwrap()
    }

    #[test]
    fn a_rule_is_held_to_what_components_are_held_to() {
        let package = RelPath::new("packages/a").unwrap();
        assert_eq!(
            rule(Directive::Output("dist/**".into())).say(&package),
            Ok(vec![Directive::Output("packages/a/dist/**".into())])
        );
        for bad in ["**", "../*", "../../../x", "/etc"] {
            let (shown, reason) = rule(Directive::IgnoreInput(bad.into()))
                .say(&package)
                .unwrap_err();
            assert!(shown.contains(bad) && !reason.is_empty(), "{bad}");
        }
        assert!(rule(Directive::IgnoreInput("../../x/**".into())).climbs());
        assert!(!rule(Directive::IgnoreInput("a..b/**".into())).climbs());
    }

    #[test]
    fn a_rule_has_a_name_and_speaks_for_something() {
        let all = StaticRule::new("ours".into(), Matches::default(), Vec::new());
        assert_eq!(all.unwrap_err(), "it matches every step");
        let nameless = StaticRule::new("a b".into(), Matches::default(), Vec::new());
        assert_eq!(nameless.unwrap_err(), "its `name` is not a plain word");
    }
}
