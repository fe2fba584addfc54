//! The facts tab: the file as it was scanned, and what the box says about it.

use super::reading::Reading;
use crate::finding::{FileFacts, StatedFacts};
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;

/// The tab's lines.
pub(super) fn build(app: &App, page: &mut Reading<'_>) {
    let Some(detail) = &app.detail else { return };
    if let Some(said) = super::evidence::outdated(app) {
        page.wrapped(Role::Warning, &said);
        page.blank();
    }
    let file = &detail.opened.finding.file;
    page.heading(match file.stated.as_deref() {
        None => "The file as it was scanned",
        Some(StatedFacts::Archive(_)) => "What was scanned, and the archive's file that it lies in",
        Some(StatedFacts::Kernel(_)) => "What was scanned, and the executable's file",
    });
    for (name, value) in facts(file) {
        page.fact(name, &value);
    }
    if let Some(said) = &file.stated {
        page.blank();
        page.heading(said.who());
        for (name, value) in said.lines() {
            page.fact(name, &value);
        }
    }
    if let Some(exclusion) = &detail.opened.exclusion {
        page.blank();
        page.heading("The exclusion that covers it");
        for (name, value) in [
            ("scope", exclusion.scope.to_string()),
            ("verdict", exclusion.judgement.to_string()),
            ("reason", exclusion.reason.clone()),
            (
                "scenario",
                exclusion.scenario.as_ref().map_or("", |id| app.scenario_title(&exclusion.rule, id)).to_owned(),
            ),
            ("by", exclusion.by.to_string()),
            ("host", exclusion.host.clone()),
            ("created", format!("{:.0}", exclusion.created)),
            ("expires", format!("{:.0}", exclusion.expires)),
            ("ticket", exclusion.ticket.clone().unwrap_or_default()),
            ("id", exclusion.id.to_string()),
        ] {
            if !value.is_empty() {
                page.fact(name, &text::escape_str(&value));
            }
        }
    }
    super::evidence::build(app, page);
}

/// What `stat` says, in its order; safe text.
fn facts(file: &FileFacts) -> Vec<(&'static str, String)> {
    let named = |id: u32, name: &Option<String>| match name {
        Some(name) => format!("{} ({id})", text::escape_str(name)),
        None => format!("{id}, which has no name on the box"),
    };
    // Whoever sets a time back sets that of the content: the birth of the inode stays.
    let set_back = file.born.is_some_and(|born| born > file.modified);
    let remark =
        if set_back { ": after it was modified, so the time of the content was set, or came with a copy" } else { "" };
    let born = file.born.map_or_else(|| "unknown".to_owned(), |born| format!("{}{remark}", born.to_the_second()));
    // A kernel that keeps parts of a second for the inode gives the content's time some too; tools often set none.
    let whole = file.modified.nanos == 0 && file.changed.nanos != 0;
    let whole = if whole { ": to a whole second, as tools set it" } else { "" };
    vec![
        ("path", text::escape_path(&file.path).into_owned()),
        file.digest.labelled(),
        ("size", size(file.size)),
        ("owner", named(file.uid, &file.owner)),
        ("group", named(file.gid, &file.group)),
        ("mode", format!("{:04o} {}", file.mode & 0o7777, mode_letters(file.mode))),
        ("links", text::count(file.links)),
        ("inode", format!("{} on device {:#x}", file.ino, file.dev)),
        ("accessed", file.accessed.to_the_second()),
        ("modified", format!("{}{whole}", file.modified.to_the_second())),
        ("changed", file.changed.to_the_second()),
        ("born", born),
        (
            "noatime",
            if file.noatime {
                "left alone by the scan".into()
            } else {
                "may be the scan's own: the kernel did not let it read without a trace".into()
            },
        ),
    ]
}

fn size(bytes: u64) -> String {
    let rounded = if bytes < 1024 { String::new() } else { format!(" ({})", text::bytes(bytes)) };
    format!("{}{rounded}", text::counted(bytes, "byte"))
}

/// `rwsr-xr-x`, as `ls(1)` has it.
fn mode_letters(mode: u32) -> String {
    let mut letters = String::new();
    for (shift, special, sign) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift & 7;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => sign,
            (true, false) => sign.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::{facts, mode_letters};
    use crate::evidence::testing;
    use crate::finding::{Digest, FileTime, Sha256};

    #[test]
    fn a_data_digest_is_not_shown_as_a_sha256() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "x").unwrap();
        let mut file = testing::facts(&path);
        let value = Sha256::of(b"x");
        assert!(facts(&file).contains(&("sha256", value.to_string())));
        file.digest = Digest::DataOnly(value);
        let shown = facts(&file);
        assert!(shown.iter().all(|(name, said)| *name != "sha256" && *said != value.to_string()));
        let (_, said) = shown.iter().find(|(name, _)| *name == "digest").unwrap();
        assert_eq!(*said, format!("data:{value} ({})", Digest::NO_SHA256));
    }

    #[test]
    fn times_are_told_to_the_second_and_a_time_that_was_set_is_still_seen() {
        let at = |nanos| FileTime { seconds: 1_795_000_000, nanos };
        let mut file = crate::finding::FileFacts { modified: at(250_000_000), changed: at(1), ..Default::default() };
        file.born = Some(at(2));
        let told =
            |file: &_, wanted| facts(file).into_iter().find(|(name, _)| *name == wanted).map(|(_, said)| said).unwrap();
        for name in ["modified", "changed", "born"] {
            assert_eq!(told(&file, name), "2026-11-18T11:06:40Z");
        }
        file.modified = at(0);
        assert_eq!(told(&file, "modified"), "2026-11-18T11:06:40Z: to a whole second, as tools set it");
        // A file system that keeps whole seconds says nothing by them.
        file.changed = at(0);
        assert_eq!(told(&file, "modified"), "2026-11-18T11:06:40Z");
        assert!(!told(&file, "noatime").contains("O_NOATIME"));
    }

    #[test]
    fn modes_read_as_ls_writes_them() {
        assert_eq!(mode_letters(0o100_644), "rw-r--r--");
        assert_eq!(mode_letters(0o104_755), "rwsr-xr-x");
        assert_eq!(mode_letters(0o1777), "rwxrwxrwt");
        assert_eq!(mode_letters(0o2640), "rw-r-S---");
    }
}
