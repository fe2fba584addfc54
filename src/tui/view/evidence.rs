//! What the box says about the open finding, in full: the lower part of the facts tab.

use std::fmt::Display;

use super::facts::push;
use crate::evidence::{Evidence, Observed, timeline};
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::widget::paint::StyledLine;

/// The lines, or that the box is still being asked.
pub(super) fn lines(app: &App, width: usize) -> Vec<StyledLine> {
    let gathered = app.detail.as_ref().and_then(|detail| detail.gathered.as_ref());
    let Some(gathered) = gathered else {
        return vec![StyledLine::default(), StyledLine::styled("Asking the box …", app.theme.style(Role::Dim))];
    };
    let again = app.other_box.is_none().then(|| app.keymap.first_key(Action::Refresh));
    let mut page = Page { theme: &app.theme, width, again, lines: Vec::new() };
    if let Some(why) = &app.other_box {
        page.heading("As the case keeps it");
        page.fact("", &format!("what the scan asked the box: {why}"));
    }
    page.evidence(&gathered.evidence);
    page.lines
}

/// That what the box said is of the file as it was before, if it is so, and how to renew it.
pub(super) fn outdated(app: &App) -> Option<String> {
    let detail = app.detail.as_ref().filter(|detail| detail.outdated && detail.gathered.is_some())?;
    let notice = detail.hex.window.as_ref().and_then(|window| window.notice.as_deref());
    let what = notice.unwrap_or("the file is what it was when it was scanned, and was not before");
    let key = app.keymap.first_key(Action::Refresh);
    Some(format!("! What the box said is old; {key} asks it again. By now {what}"))
}

struct Page<'t> {
    theme: &'t Theme,
    width: usize,
    /// The key that asks the box again, where it can be asked.
    again: Option<String>,
    lines: Vec<StyledLine>,
}

impl Page<'_> {
    fn heading(&mut self, title: &str) {
        self.lines.push(StyledLine::default());
        self.lines.push(StyledLine::styled(title.to_owned(), self.theme.style(Role::Heading)));
    }

    fn fact(&mut self, name: &str, value: &str) {
        push(&mut self.lines, self.theme, name, &text::escape_str(value), self.width);
    }

    /// What was found, or that nothing was, or why that is not known.
    fn section<T>(&mut self, title: &str, observed: &Observed<T>, nothing: &str, show: impl FnOnce(&mut Self, &T)) {
        self.heading(title);
        match observed {
            Observed::Found(found) => show(self, found),
            Observed::NotFound => self.fact("", nothing),
            Observed::Unknown(why) => self.fact("unknown", why),
        }
    }

    /// Things that say themselves what they are.
    fn list<T: Display>(&mut self, title: &str, name: &str, observed: &Observed<Vec<T>>, nothing: &str) {
        self.section(title, observed, nothing, |page, items| {
            for item in items {
                page.fact(name, &item.to_string());
            }
        });
    }

    fn evidence(&mut self, evidence: &Evidence) {
        if !evidence.live.is_empty() {
            self.heading("LIVE: connected to what the match names");
            for socket in &evidence.live {
                self.fact("live", &socket.to_string());
            }
        }
        self.file(evidence);
        self.origin(evidence);
        self.section("Package", &evidence.package, "no package of this box ships it", |page, owner| {
            page.fact("package", &owner.to_string());
        });
        self.section("Schedules", &evidence.schedules, "nothing that runs by itself names it", |page, schedules| {
            for schedule in schedules {
                page.fact("names it", &schedule.to_string());
                page.fact("runs", &schedule.command);
            }
        });
        self.section(
            "Other places that start programs",
            &evidence.persistence,
            "none that is known names it",
            |page, places| {
                for place in places {
                    if let Some(kind) = place.place {
                        page.fact("place", &format!("{}, {} of ATT&CK", kind.kind, kind.technique));
                    }
                    page.fact("names it", &place.to_string());
                    page.fact("says", &place.command);
                }
            },
        );
        self.section("Processes", &evidence.processes, "none runs, maps, opens or names it", |page, processes| {
            for process in processes {
                page.fact("process", &process.to_string());
                let parents: Vec<_> = process.parents.iter().map(ToString::to_string).collect();
                if !parents.is_empty() {
                    page.fact("parents", &parents.join(" ← "));
                }
            }
        });
        for process in &evidence.left_out {
            self.fact("left out", &process.to_string());
        }
        self.list("Sockets of those processes", "socket", &evidence.sockets, "none");
        self.section("Accounts", &evidence.accounts, "none", |page, accounts| {
            for account in accounts {
                page.fact("account", &account.to_string());
                for grant in &account.sudo {
                    page.fact("sudo", &format!("{} ({}:{})", grant.text, text::escape_path(&grant.path), grant.line));
                }
            }
        });
        self.list("Management and security tools", "tool", &evidence.tools, "none that is known");
        self.timeline(evidence);
        if !evidence.gaps.is_empty() {
            self.heading("What could not be read");
            for gap in &evidence.gaps {
                self.fact(&gap.probe, &gap.text);
            }
        }
        if evidence.gathered_at == jiff::Timestamp::UNIX_EPOCH {
            return;
        }
        self.heading("Asked");
        let again = self.again.as_ref().map_or_else(String::new, |key| format!("; {key} asks again"));
        self.fact("at", &format!("{:.0}, took {} ms{again}", evidence.gathered_at, evidence.took.as_millis()));
    }

    /// Where the content comes from, as far as somebody else vouches for it.
    fn origin(&mut self, evidence: &Evidence) {
        self.heading("Where it comes from");
        if let Observed::Found(line) = &evidence.first_line {
            self.fact("begins", line);
        }
        if let Observed::Found(content) = &evidence.content {
            self.fact("is", &content.to_string());
        }
        match &evidence.checkout {
            Observed::Found(checkout) => self.fact("git", &checkout.to_string()),
            Observed::NotFound => self.fact("git", "it lies in no checkout"),
            Observed::Unknown(why) => self.fact("git", &format!("unknown: {why}")),
        }
        if let Some(layer) = &evidence.layer {
            self.fact("container", &layer.to_string());
        }
        for copy in &evidence.copies {
            let what = if copy.is_mirrored { "the same content as its original" } else { "the same content" };
            self.fact("copy", &format!("{}: {what}", text::escape_path(&copy.path)));
        }
        if let Observed::Found(neighbours) = &evidence.neighbours {
            for neighbour in neighbours {
                self.fact("as young", &neighbour.to_string());
            }
        }
    }

    /// What happened around the file, in one order: its own times, what names it, what runs it, what the logs tell.
    fn timeline(&mut self, evidence: &Evidence) {
        self.heading("What happened around it, by the box's clock");
        for (at, said) in timeline::of(evidence) {
            self.fact(&at, &said);
        }
        if let Observed::Unknown(why) = &evidence.events {
            self.fact("unknown", why);
        }
    }

    fn file(&mut self, evidence: &Evidence) {
        self.section("The file now", &evidence.file, "it is gone", |page, file| {
            let since = if file.since_scan.is_empty() { "nothing".to_owned() } else { file.since_scan.join(", ") };
            page.fact("changed", &format!("since the scan: {since}"));
            if !file.writers.is_empty() {
                page.fact("writers", &format!("besides the owner: {}", file.writers.join(", ")));
            }
            if let Observed::Found(xattrs) = &file.xattrs {
                for xattr in xattrs {
                    page.fact("xattr", &format!("{} = {}", xattr.name, xattr.value));
                }
            }
            if let Observed::Found(flags) = &file.flags {
                page.fact("flags", &flags.join(", "));
            }
        });
        self.section("The folders above it", &evidence.folders, "none", |page, folders| {
            for folder in folders {
                let writers = if folder.writers.is_empty() {
                    String::new()
                } else {
                    format!("; also {} can write", folder.writers.join(", "))
                };
                let said = format!(
                    "{} {}:{} {:04o}{writers}",
                    text::escape_path(&folder.path),
                    folder.owner,
                    folder.group,
                    folder.mode & 0o7777
                );
                page.fact("folder", &said);
            }
        });
    }
}
