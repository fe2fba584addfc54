//! What the box says about the open finding, in full: the lower part of the facts tab.

use std::fmt::Display;

use super::reading::Reading;
use crate::evidence::reference::Reference;
use crate::evidence::{Evidence, Observed, STILL_ASKED};
use crate::text;
use crate::theme::Role;
use crate::tui::keymap::Action;
use crate::tui::state::App;

/// The lines, or that the box is still being asked.
pub(super) fn build(app: &App, page: &mut Reading<'_>) {
    let gathered = app.detail.as_ref().and_then(|detail| detail.gathered.as_ref());
    let Some(gathered) = gathered else {
        page.blank();
        return page.wrapped(Role::Dim, "Asking the box …");
    };
    let again = app.other_box.is_none().then(|| app.keymap.first_key(Action::Refresh));
    let mut page = Page { again, reading: page };
    if let Some(why) = &app.other_box {
        page.heading("As the case keeps it");
        page.fact("", &format!("what the scan asked the box: {why}"));
    }
    if !gathered.is_whole {
        page.heading("Asking the box …");
        page.fact("…", "what stands below is what it has answered by now");
    }
    page.evidence(&gathered.evidence);
}

/// That what the box said is of the file as it was before, if it is so, and how to renew it.
pub(super) fn outdated(app: &App) -> Option<String> {
    let detail = app.detail.as_ref().filter(|detail| detail.outdated && detail.gathered.is_some())?;
    let notice = detail.hex.window.as_ref().and_then(|window| window.notice.as_deref());
    let what = notice.unwrap_or("the file is as it was scanned again; it was another when the box was asked");
    let key = app.keymap.first_key(Action::Refresh);
    Some(format!("! What the box said is old; {key} asks it again. By now {what}"))
}

struct Page<'p, 't> {
    /// The key that asks the box again, where it can be asked.
    again: Option<String>,
    reading: &'p mut Reading<'t>,
}

impl Page<'_, '_> {
    fn heading(&mut self, title: &str) {
        self.reading.blank();
        self.reading.heading(title);
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.reading.fact(name, &text::escape_str(value));
    }

    /// A fact that can be looked up.
    fn fact_to(&mut self, name: &str, value: &str, to: Reference) {
        self.reading.fact_to(name, &text::escape_str(value), Some(to));
    }

    /// What was found, or that nothing was, or why that is not known.
    fn section<T>(&mut self, title: &str, observed: &Observed<T>, nothing: &str, show: impl FnOnce(&mut Self, &T)) {
        self.heading(title);
        match observed {
            Observed::Found(found) => show(self, found),
            Observed::NotFound => self.fact("", nothing),
            Observed::Unknown(why) if why == STILL_ASKED => self.fact("…", why),
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
            let to = Reference::Package(owner.manager.to_string(), owner.package.clone());
            page.fact_to("package", &owner.to_string(), to);
        });
        self.section("Schedules", &evidence.schedules, "nothing that runs by itself names it", |page, schedules| {
            for schedule in schedules {
                page.fact_to("names it", &schedule.to_string(), Reference::from(schedule));
                if let Some(unit) = &schedule.unit {
                    page.fact_to("unit", unit, Reference::Unit(unit.clone()));
                }
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
                    page.fact_to("names it", &place.to_string(), Reference::from(place));
                    page.fact("says", &place.command);
                }
            },
        );
        self.section("Processes", &evidence.processes, "none runs, maps, opens or names it", |page, processes| {
            for process in processes {
                page.fact_to("process", &process.to_string(), Reference::Process(process.pid));
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
            Observed::Found(checkout) => {
                self.fact_to("git", &checkout.to_string(), Reference::File(checkout.path.clone(), None));
            }
            Observed::NotFound => self.fact("git", "it lies in no checkout"),
            Observed::Unknown(why) => self.fact("git", &format!("unknown: {why}")),
        }
        if let Some(layer) = &evidence.layer {
            self.fact("container", &layer.to_string());
        }
        for copy in &evidence.copies {
            let what = if copy.is_mirrored { "the same content as its original" } else { "the same content" };
            let said = format!("{}: {what}", text::escape_path(&copy.path));
            self.fact_to("copy", &said, Reference::File(copy.path.clone(), None));
        }
        if let Observed::Found(neighbours) = &evidence.neighbours {
            for neighbour in neighbours {
                self.fact_to("as young", &neighbour.to_string(), Reference::File(neighbour.path.clone(), None));
            }
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
                page.fact_to("folder", &said, Reference::File(folder.path.clone(), None));
            }
        });
    }
}
