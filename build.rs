//! Tells the program which commit it is built from and how. In a debug build nothing is asked, so that a commit costs no
//! new build of everything.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let told = |name: &str| std::env::var(name).unwrap_or_default();
    let release = told("PROFILE") == "release";
    let commit = if release { of_git().or_else(of_crate) } else { None };
    println!("cargo::rustc-env=HUNTBOOK_COMMIT={}", commit.unwrap_or_default());
    println!("cargo::rustc-env=HUNTBOOK_PROFILE={}", profile(&told("OUT_DIR")).unwrap_or_else(|| told("PROFILE")));
    println!("cargo::rustc-env=HUNTBOOK_TARGET={}", told("TARGET"));
}

/// The commit of the working copy, and whether files that it has were changed since; nothing without git or a copy.
fn of_git() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    // The copy may lie within another that does not have these files, such as a packager's.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = git(&["rev-parse", "HEAD"])?;
    for watched in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let log = PathBuf::from(git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    if log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changed| !changed.is_empty());
    Some(if changed { format!("{commit} with changes") } else { commit })
}

/// The commit that `cargo package` wrote into the crate.
fn of_crate() -> Option<String> {
    let kept = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = kept.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    commit.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| commit.to_owned())
}

/// The profile's name, which cargo tells in no other way: `OUT_DIR` is TARGET/PROFILE/build/CRATE/out.
fn profile(out: &str) -> Option<String> {
    Some(Path::new(out).ancestors().nth(3)?.file_name()?.to_str()?.to_owned())
}
