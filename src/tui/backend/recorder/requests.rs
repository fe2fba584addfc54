//! What the recorder is asked for: findings, decisions, exclusions, files to write.

use std::path::Path;

use super::super::export;
use super::super::rows::row;
use super::Recorder;
use crate::case::{CaseErrorKind, Decision, FindingId, Sighting};
use crate::session::{RecordsError, Reversal, StartedAs};
use crate::text;
use crate::triage::Answer;
use crate::triage::exclusion::Exclusion;
use crate::triage::tag;
use crate::tui::keymap::{self, Action};
use crate::tui::message::{Message, Request};

/// What a decision is called on the screen.
fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Answered { answer: Answer::RuledOut, .. } => "ruled out",
        Decision::Answered { .. } => "answered",
        Decision::MarkedMalicious { .. } => "marked malicious",
        Decision::Note { .. } => "noted",
        Decision::Tagged { add, .. } if add.is_empty() => "tag taken off",
        Decision::Tagged { .. } => "tagged",
        Decision::ExclusionRecorded { .. } => "excluded",
        Decision::ExclusionRevoked { .. } => "revoked",
    }
}

/// What a note comes to: itself, and the tags in it.
pub(in crate::tui::backend) fn noted(note: String) -> Vec<Decision> {
    let add: Vec<String> = tag::in_note(&note).into_iter().collect();
    let tagged = (!add.is_empty()).then(|| Decision::Tagged { add, remove: Vec::new() });
    std::iter::once(Decision::Note { note }).chain(tagged).collect()
}

impl Recorder {
    pub(super) fn answer(&mut self, request: Request) {
        let done = match request {
            Request::Open(id) => self.open(id),
            Request::Beside(id) => self.beside(id),
            Request::Answer { findings, scenario, answer, note } => {
                self.decide(&findings, &Decision::Answered { scenario, answer, note })
            }
            Request::Note(findings, note) => self.decide_together(&findings, &noted(note)),
            Request::Tag { findings, add, remove } => self.decide(&findings, &Decision::Tagged { add, remove }),
            Request::Malicious { findings, reason } => self.decide(&findings, &Decision::MarkedMalicious { reason }),
            Request::Undo => self.undo(),
            Request::Redo => self.redo(),
            Request::Preview(exclusion) => self.preview(&exclusion),
            Request::Exclude { finding, exclusion } => self.exclude(finding, &exclusion),
            Request::Revoke { id, why } => self.revoke(id, &why),
            Request::Register => self.register(),
            Request::Save => self.save(),
            Request::Export(path) => export::write(&self.records, &path).map(|said| self.tell(Message::Recorded(said))),
            Request::WriteText(path, text) => {
                export::write_text(&path, &text).map(|said| self.tell(Message::Recorded(said)))
            }
            Request::SaveCopy(path) => self.records.save_copy(&path).map(|said| self.tell(Message::Recorded(said))),
            Request::Rescan => self.rescan(),
        };
        if let Err(why) = done {
            self.tell(Message::NotRecorded(why));
        }
        self.tell_unsaved();
    }

    fn open(&mut self, id: FindingId) -> Result<(), String> {
        self.shown = Some(id);
        let mut opened = self.records.open_finding(id).map_err(|error| error.to_string())?;
        if self.session.other_box.is_some() {
            let kept = self.records.kept_evidence(id, &opened.finding.file).map_err(|error| error.to_string())?;
            opened.kept = Some(Box::new(kept));
        }
        self.tell(Message::Rows(vec![row(&self.records, &opened.finding, opened.judged.clone())]));
        self.tell(Message::Opened(Box::new(opened)));
        Ok(())
    }

    fn beside(&mut self, id: FindingId) -> Result<(), String> {
        let opened = self.records.open_finding(id).map_err(|error| error.to_string())?;
        self.tell(Message::Beside(opened.finding));
        Ok(())
    }

    fn decide(&mut self, findings: &[FindingId], decision: &Decision) -> Result<(), String> {
        self.decide_together(findings, std::slice::from_ref(decision))
    }

    fn decide_together(&mut self, findings: &[FindingId], decisions: &[Decision]) -> Result<(), String> {
        self.records.decide_together(findings, decisions, None).map_err(|error| error.to_string())?;
        self.renew(findings)?;
        let said = decisions.first().map_or("decided", word);
        let many = if findings.len() > 1 { format!(" for {} findings", findings.len()) } else { String::new() };
        let (place, undo) = (self.place(), keymap::key_of(Action::Undo));
        self.tell(Message::Recorded(format!("{said}{many}: {place}; {undo} takes it back")));
        Ok(())
    }

    /// Where a decision is now.
    fn place(&self) -> String {
        match self.records.unsaved() {
            Some(_) => format!("in memory only, {} tries the disk again", keymap::key_of(Action::Save)),
            None => "on record".to_owned(),
        }
    }

    fn undo(&mut self) -> Result<(), String> {
        let undone = match self.records.undo() {
            Err(RecordsError::Case(error)) if matches!(error.fault, CaseErrorKind::NothingToUndo) => {
                self.tell(Message::Said("nothing is left to take back".to_owned()));
                return Ok(());
            }
            undone => undone.map_err(|error| error.to_string())?,
        };
        self.renew(&undone.findings)?;
        let redo = keymap::key_of(Action::Redo);
        let said = format!("taken back: {}; the journal keeps both, {redo} decides it again", self.in_words(&undone));
        self.tell(Message::Recorded(said));
        Ok(())
    }

    fn redo(&mut self) -> Result<(), String> {
        let Some(redone) = self.records.redo().map_err(|error| error.to_string())? else {
            self.tell(Message::Said("nothing was taken back since the last decision".to_owned()));
            return Ok(());
        };
        self.renew(&redone.findings)?;
        let undo = keymap::key_of(Action::Undo);
        self.tell(Message::Recorded(format!("decided again: {}; {undo} takes it back", self.in_words(&redone))));
        Ok(())
    }

    /// What was decided, and about which finding, in a few words; safe text.
    fn in_words(&self, reversal: &Reversal) -> String {
        let what: Vec<_> = reversal.decisions.iter().map(word).collect();
        // An exclusion says more than the answer that goes with it.
        let what = what.last().copied().unwrap_or("decided");
        let first = reversal.about.first().and_then(|id| self.records.case().load_finding(*id, Sighting::Last).ok());
        let name = first.map(|finding| {
            let path = &finding.file.path;
            text::escape_path(path.file_name().map_or(path, Path::new)).into_owned()
        });
        match (name, reversal.about.len()) {
            (None, _) => what.to_owned(),
            (Some(name), 0 | 1) => format!("{what}, {name}"),
            (Some(name), many) => format!("{what}, {name} and {}", text::counted(many as u64 - 1, "more finding")),
        }
    }

    fn preview(&mut self, exclusion: &Exclusion) -> Result<(), String> {
        let covered = self.records.preview(exclusion).map_err(|error| error.to_string())?;
        self.tell(Message::Covers(covered));
        Ok(())
    }

    /// The answer and the exclusion it leads to. What the register holds counts, whatever becomes of the case.
    fn exclude(&mut self, finding: FindingId, exclusion: &Exclusion) -> Result<(), String> {
        let covered = self.records.preview(exclusion).map_err(|error| error.to_string())?;
        let recorded = self.records.exclude(&[finding], exclusion).map_err(|error| error.to_string());
        self.renew(&covered)?;
        self.renew(&[finding])?;
        recorded?;
        let others = covered.iter().filter(|id| **id != finding).count();
        let more =
            if others > 0 { format!(" with {}", text::counted(others as u64, "more finding")) } else { String::new() };
        let next = keymap::key_of(Action::NextOpen);
        self.tell(Message::Recorded(format!("excluded{more}: in the register; {next} goes to the next open finding")));
        Ok(())
    }

    fn revoke(&mut self, id: uuid::Uuid, why: &str) -> Result<(), String> {
        let covered = self.records.register().entries().iter().filter_map(|entry| entry.exclusion());
        let exclusion = covered.into_iter().find(|exclusion| exclusion.id == id).cloned();
        let covered = exclusion.map(|exclusion| self.records.preview(&exclusion)).transpose();
        self.records.revoke(id, why).map_err(|error| error.to_string())?;
        self.renew(&covered.map_err(|error| error.to_string())?.unwrap_or_default())?;
        self.register()?;
        self.tell(Message::Recorded("revoked; it stays in the register as revoked".to_owned()));
        Ok(())
    }

    fn register(&mut self) -> Result<(), String> {
        let read = self.records.reload_register().map_err(|error| error.to_string());
        let hits = self.records.exclusion_hits().map_err(|error| error.to_string())?;
        let hits = hits.into_iter().filter_map(|(id, count)| Some((id.parse().ok()?, count))).collect();
        self.tell(Message::Register(self.records.register().entries().to_vec(), hits));
        read
    }

    fn save(&mut self) -> Result<(), String> {
        self.records.save().map_err(|error| error.to_string())?;
        self.tell(Message::Recorded("everything is on disk".to_owned()));
        Ok(())
    }

    fn rescan(&mut self) -> Result<(), String> {
        if self.scan.is_some() {
            return Ok(());
        }
        if self.session.tree.is_none() {
            // Nothing was to be recorded: this is advice, no failure.
            let scan = self.records.scan().map_err(|error| error.to_string())?;
            let again = StartedAs::of(&scan.options).command(&scan.tree, self.records.case_path());
            self.tell(Message::Said(format!(
                "this case was opened to be read; to scan its tree again, leave and run: {again}"
            )));
            return Ok(());
        }
        self.records.reload_register().map_err(|error| error.to_string())?;
        let begun = self.begin();
        if let Err(why) = &begun {
            self.tell(Message::ScanFailed(why.clone()));
        }
        begun
    }

    /// Shows what findings have come to now, and the one on the screen in full.
    fn renew(&mut self, ids: &[FindingId]) -> Result<(), String> {
        let judged = self.records.judge_again(ids).map_err(|error| error.to_string())?;
        let rows = judged.into_iter().map(|(finding, judged)| row(&self.records, &finding, judged)).collect();
        self.tell(Message::Rows(rows));
        match self.shown.filter(|shown| ids.contains(shown)) {
            Some(shown) => self.open(shown),
            None => Ok(()),
        }
    }
}
