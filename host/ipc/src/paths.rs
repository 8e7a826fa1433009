//! Turns the path of a hint into paths of the workspace.

use std::path::Path;

use vt_base::{AbsPath, RelPath};

use crate::Trespass;

/// The workspace and the package a hint must stay inside.
pub(crate) struct Bounds {
    root: AbsPath,
    package_dir: RelPath,
}

impl Bounds {
    pub(crate) fn new(root: &AbsPath, package_dir: RelPath) -> Self {
        Self {
            root: resolve(root),
            package_dir,
        }
    }

    /// The workspace paths that a hint about `path` concerns: where it leads, and the name it has
    /// if its last component is a symlink.
    pub(crate) fn clamp(&self, path: &AbsPath) -> Result<Vec<RelPath>, Trespass> {
        let named = match (path.parent(), path.as_path().file_name()) {
            (Some(parent), Some(name)) => resolve(&parent).join(name),
            _ => path.clone(),
        };
        let mut inside = Vec::new();
        for place in [resolve(path), named] {
            let Some(relative) = place.relative_to(&self.root) else {
                // Above the workspace it covers the workspace, which is worth more than a shrug.
                if self.root.starts_with(&place) {
                    return Err(Trespass::CoversPackage);
                }
                continue;
            };
            if self.package_dir.starts_with(&relative) {
                return Err(Trespass::CoversPackage);
            }
            if !inside.contains(&relative) {
                inside.push(relative);
            }
        }
        if inside.is_empty() {
            return Err(Trespass::OutsideWorkspace);
        }
        Ok(inside)
    }
}

/// The real path as far as it exists, and the rest as it was written.
fn resolve(path: &AbsPath) -> AbsPath {
    let mut existing = Some(path.as_path());
    while let Some(ancestor) = existing {
        if let Ok(real) = ancestor.canonicalize() {
            let rest = path
                .as_path()
                .strip_prefix(ancestor)
                .unwrap_or(Path::new(""));
            return AbsPath::new(real.join(rest)).unwrap_or_else(|_| path.clone());
        }
        existing = ancestor.parent();
    }
    path.clone()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _keep: tempfile::TempDir,
        outer: AbsPath,
        bounds: Bounds,
    }

    fn place() -> Place {
        let keep = tempfile::tempdir().unwrap();
        let outer = AbsPath::new(keep.path().canonicalize().unwrap()).unwrap();
        for directory in ["w/packages/app/src", "w/packages/lib", "elsewhere"] {
            std::fs::create_dir_all(outer.join(directory)).unwrap();
        }
        let bounds = Bounds::new(&outer.join("w"), RelPath::new("packages/app").unwrap());
        Place {
            _keep: keep,
            outer,
            bounds,
        }
    }

    fn rel(paths: &[&str]) -> Vec<RelPath> {
        paths
            .iter()
            .map(|path| RelPath::new(path).unwrap())
            .collect()
    }

    #[test]
    fn paths_that_exist_and_paths_that_do_not_are_taken() {
        let place = place();
        let clamp = |path: &str| place.bounds.clamp(&place.outer.join(path));
        assert_eq!(
            clamp("w/packages/app/src").unwrap(),
            rel(&["packages/app/src"])
        );
        assert_eq!(
            clamp("w/packages/app/dist/deep").unwrap(),
            rel(&["packages/app/dist/deep"])
        );
        assert_eq!(clamp("w/packages/lib").unwrap(), rel(&["packages/lib"]));
    }

    #[test]
    fn the_package_and_everything_above_it_is_refused() {
        let place = place();
        for path in [
            "w/packages/app",
            "w/packages",
            "w",
            ".",
            "w/packages/app/src/..",
        ] {
            let path = place.outer.join(path);
            assert_eq!(place.bounds.clamp(&path), Err(Trespass::CoversPackage));
        }
        let root = AbsPath::new("/").unwrap();
        assert_eq!(place.bounds.clamp(&root), Err(Trespass::CoversPackage));
    }

    #[test]
    fn paths_outside_are_told_apart_by_component() {
        let place = place();
        for path in ["elsewhere", "w2/src", "elsewhere/missing"] {
            let path = place.outer.join(path);
            assert_eq!(place.bounds.clamp(&path), Err(Trespass::OutsideWorkspace));
        }
    }

    #[test]
    fn a_symlink_counts_by_both_names_and_cannot_smuggle_the_package() {
        let place = place();
        let app = place.outer.join("w/packages/app");
        symlink(place.outer.join("w/packages/lib"), app.join("lib")).unwrap();
        symlink(&app, app.join("self")).unwrap();
        symlink(place.outer.join("elsewhere"), app.join("away")).unwrap();
        symlink(place.outer.join("w"), place.outer.join("alias")).unwrap();
        let clamp = |path: &str| place.bounds.clamp(&place.outer.join(path));
        assert_eq!(
            clamp("w/packages/app/lib").unwrap(),
            rel(&["packages/lib", "packages/app/lib"])
        );
        assert_eq!(
            clamp("alias/packages/app/lib/new").unwrap(),
            rel(&["packages/lib/new"])
        );
        assert_eq!(
            clamp("w/packages/app/away").unwrap(),
            rel(&["packages/app/away"])
        );
        assert_eq!(clamp("w/packages/app/self"), Err(Trespass::CoversPackage));
    }
}
