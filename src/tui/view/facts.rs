//! The facts tab: the file as it was scanned, and what the box says about it.

use super::evidence::outdated;
use super::scenarios::push_wrapped;
use crate::finding::{FileFacts, FileTime, StatedFacts};
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::App;
use crate::tui::widget::paint::{self, StyledLine};

/// The tab's lines.
pub(super) fn lines(app: &App, width: usize) -> Vec<StyledLine> {
    let Some(detail) = &app.detail else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(said) = outdated(app) {
        push_wrapped(&mut lines, &app.theme, Role::Warning, &said, width);
        lines.push(StyledLine::default());
    }
    let file = &detail.opened.finding.file;
    let title = match file.said.as_deref() {
        None => "The file as it was scanned",
        Some(StatedFacts::Archive(_)) => "What was scanned, and the archive's file that it lies in",
        Some(StatedFacts::Kernel(_)) => "What was scanned, and the executable's file",
    };
    lines.push(StyledLine::styled(title, app.theme.style(Role::Heading)));
    for (name, value) in facts(&detail.opened.finding.file) {
        push(&mut lines, &app.theme, name, &value, width);
    }
    if let Some(said) = &detail.opened.finding.file.said {
        lines.push(StyledLine::default());
        lines.push(StyledLine::styled(said.who(), app.theme.style(Role::Heading)));
        for (name, value) in said.lines() {
            push(&mut lines, &app.theme, name, &value, width);
        }
    }
    if let Some(exclusion) = &detail.opened.exclusion {
        lines.push(StyledLine::default());
        lines.push(StyledLine::styled("The exclusion that covers it", app.theme.style(Role::Heading)));
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
                push(&mut lines, &app.theme, name, &text::escape_str(&value), width);
            }
        }
    }
    lines.extend(super::evidence::lines(app, width));
    lines
}

/// Adds a name and its value, in as many lines as it takes.
pub(super) fn push(lines: &mut Vec<StyledLine>, theme: &Theme, name: &str, value: &str, width: usize) {
    for (index, piece) in text::wrap(value, width.saturating_sub(12).max(8)).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let pieces = paint::Pieces::new(theme)
            .add(Role::FieldName, format!(" {}", text::fit(name, 11)))
            .add(Role::FieldValue, piece);
        lines.push(pieces.line());
    }
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
    let born = file.born.map_or_else(|| "unknown".to_owned(), |born| format!("{}{remark}", time(born)));
    vec![
        ("path", text::escape_path(&file.path).into_owned()),
        file.digest.labelled(),
        ("size", size(file.size)),
        ("owner", named(file.uid, &file.owner)),
        ("group", named(file.gid, &file.group)),
        ("mode", format!("{:04o} {}", file.mode & 0o7777, mode_letters(file.mode))),
        ("links", text::count(file.links)),
        ("inode", format!("{} on device {:#x}", file.ino, file.dev)),
        ("accessed", time(file.accessed)),
        ("modified", time(file.modified)),
        ("changed", time(file.changed)),
        ("born", born),
        (
            "noatime",
            if file.noatime {
                "left alone by the scan".into()
            } else {
                "may be the scan's own (O_NOATIME refused)".into()
            },
        ),
    ]
}

fn size(bytes: u64) -> String {
    let rounded = if bytes < 1024 { String::new() } else { format!(" ({})", text::bytes(bytes)) };
    format!("{}{rounded}", text::counted(bytes, "byte"))
}

fn time(time: FileTime) -> String {
    time.to_string()
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
    use crate::finding::{Digest, Sha256};

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
    fn modes_read_as_ls_writes_them() {
        assert_eq!(mode_letters(0o100_644), "rw-r--r--");
        assert_eq!(mode_letters(0o104_755), "rwsr-xr-x");
        assert_eq!(mode_letters(0o1777), "rwxrwxrwt");
        assert_eq!(mode_letters(0o2640), "rw-r-S---");
    }
}
