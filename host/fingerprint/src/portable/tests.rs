use super::*;

fn abs(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

fn place(text: &str, token: &'static str) -> Place {
    Place {
        text: text.as_bytes().to_vec(),
        token,
    }
}

#[test]
fn a_place_counts_by_its_name_at_path_boundaries_only() {
    let of = |text: &str, root: &str| {
        let places = [place(root, "workspace"), place("/home/u", "home")];
        digest(text.as_bytes(), &places)
    };
    let same = |one: &str, other: &str| of(one, "/home/u/a") == of(other, "/srv/b");
    assert!(same("#!/home/u/a/x", "#!/srv/b/x"));
    assert!(same("X=\"/home/u/a:/home/u/z\"", "X=\"/srv/b:/home/u/z\""));
    assert!(same("file:///home/u/a", "file:///srv/b"));
    assert!(!same("/home/u/ab", "/srv/bb"));
    assert!(!same("x/home/u/a/x", "x/srv/b/x"));
    assert!(!same("/home/u/a/x", "/srv/b/y"));
    // What stands for a place is not taken for the text of it.
    assert!(!same("workspace/x", "/srv/b/x"));
}

#[test]
fn a_relative_path_is_one_from_its_beginning() {
    let of = |text: &str, to: &str| digest(text.as_bytes(), &[place(to, "yarn cache")]);
    let same = |one: &str, other: &str| of(one, "../../r/c") == of(other, "../r/c");
    assert!(same("\"../../r/c/x\"", "\"../r/c/x\""));
    assert!(same("$basedir/../../r/c/x", "$basedir/../r/c/x"));
    assert!(!same("\"../../../r/c/x\"", "\"../../r/c/x\""));
}

#[test]
fn fields_that_are_written_anew_do_not_count() {
    let volatile = volatile(b".modules.yaml");
    assert!(is_field(b"  \"prunedAt\": \"Tue\",", volatile));
    assert!(is_field(b"prunedAt: Tue", volatile));
    assert!(!is_field(b"prunedAtAll: Tue", volatile));
    assert!(!is_field(b"layoutVersion: 5", volatile));
}

#[test]
fn what_installers_write_is_recognised_by_its_place() {
    for path in [
        "/w/node_modules/.bin/tsc",
        "/w/node_modules/.modules.yaml",
        "/w/node_modules/.pnpm-workspace-state-v1.json",
        "/w/.pnp.cjs",
        "/v/lib/python3.12/site-packages/x.pth",
    ] {
        assert!(is_installed_text(&abs(path)), "{path}");
    }
    for path in ["/w/bin/tsc", "/w/.bin/tsc", "/w/modules.yaml", "/w/x.pth"] {
        assert!(!is_installed_text(&abs(path)), "{path}");
    }
}

#[test]
fn who_somebody_is_does_not_count() {
    let of = |path: &str, text: &str| settings::state(&abs(path), text.as_bytes());
    let npm = "/home/u/.npmrc";
    for nothing in [
        "",
        "# x\n",
        "//registry.example/:_authToken=npm_x\n",
        "_auth = x\nemail=a@b\n",
        "update-notifier=false\n",
    ] {
        assert_eq!(of(npm, nothing), State::Missing, "{nothing}");
    }
    assert_ne!(of(npm, "legacy-peer-deps=true"), State::Missing);
    assert_ne!(
        of(npm, "registry=https://a/"),
        of(npm, "registry=https://b/")
    );
    assert_eq!(
        of(npm, "registry=https://a/\n//a/:_authToken=1"),
        of(npm, "//a/:_authToken=2\nregistry=https://a/")
    );
    let git = "/home/u/.gitconfig";
    for nothing in [
        "[user]\n\tname = a\n\temail = b\n[gpg \"ssh\"]\n\tprogram = c\n",
        "[core]\n\teditor = vim\n",
        "[url \"git@x:\"]\n\tinsteadOf = https://x\n[alias]\n\tco = checkout",
    ] {
        assert_eq!(of(git, nothing), State::Missing, "{nothing}");
    }
    assert_ne!(of(git, "[core]\n\tautocrlf = true\n"), State::Missing);
    assert_ne!(
        of(git, "[core]\n\tautocrlf = true\n"),
        of(git, "[core]\n\tautocrlf = input\n")
    );
    assert_eq!(
        of(git, "[core]\n\tautocrlf = true\n"),
        of(
            "/home/u/.config/git/config",
            "[user]\nname=x\n[core]\neditor=vi\nautocrlf = true"
        )
    );
}
