//! The exclusion that is about to be recorded, field by field.

use jiff::{SignedDuration, Timestamp};

use crate::case::FindingId;
use crate::session::FindingDetails;
use crate::triage::bound::BoundBox;
use crate::triage::exclusion::confirm_known_sample;
use crate::triage::exclusion::{
    AGAINST_THE_BOX, DEFAULT_LIFE, Exclusion, ExclusionDraft, FOLDER_LIFE, Judgement, MAX_DAYS, SeenCheck, Signature,
};
use crate::triage::folders::Proposal;
use crate::triage::matched_file::MatchedFile;
use crate::triage::scope::{Scope, ScopeKind};
use crate::tui::widget::input::Input;

/// The word that records an exclusion against the box.
pub(crate) const INSIST: &str = "against";

/// The fields, in the order in which Tab goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormField {
    /// Why; required.
    Reason,
    /// How far it reaches.
    Scope,
    /// On which boxes it counts.
    Boxes,
    /// False positive, or benign and expected.
    Judgement,
    /// Days until it expires.
    Days,
    /// Ticket.
    Ticket,
    /// The rule's name, for a known sample.
    Confirm,
    /// A word, for a scenario that the box does not support.
    Against,
    /// Record it.
    Record,
}

/// On which boxes an exclusion counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostBinding {
    /// Any.
    Any,
    /// That of the finding.
    Own,
    /// All that have the content today.
    All,
}

/// The form.
#[derive(Debug)]
pub struct Form {
    /// The finding it is made for.
    pub finding: FindingId,
    /// The scenario that explains it, by id and title; none when excluded without one.
    pub scenario: Option<(String, String)>,
    /// The scopes, narrowest first, and whether each may be recorded.
    pub scopes: Vec<Proposal>,
    /// The chosen scope.
    pub scope: usize,
    /// The boxes that it could be bound to, that of the finding first.
    pub boxes: Vec<BoundBox>,
    /// Which of them it is bound to.
    pub bound: HostBinding,
    /// The chosen judgement.
    pub judgement: Judgement,
    /// Why.
    pub reason: Input,
    /// Days until it expires.
    pub days: Input,
    /// Ticket.
    pub ticket: Input,
    /// The rule's name as typed.
    pub confirm: Input,
    /// Whether the content is a known sample of the rule.
    pub known_sample: bool,
    /// What the box says against the scenario, if it does not support it; safe text.
    pub against: Option<String>,
    /// The word as typed that records it all the same.
    pub insist: Input,
    /// The field that takes the keys.
    pub field: FormField,
    /// Which of today's findings it would cover; `None` until that is known.
    pub covers: Option<Vec<FindingId>>,
    /// What is wrong with it.
    pub error: Option<String>,
    checks: Vec<SeenCheck>,
    /// Days that were set before a folder was chosen.
    longer: Option<Input>,
}

impl Form {
    /// A form with the narrowest scope, for a finding that this scenario explains.
    pub fn new(opened: &FindingDetails, scenario: Option<(String, String)>, checks: Vec<SeenCheck>) -> Self {
        let against = checks.iter().find(|seen| seen.check == AGAINST_THE_BOX).map(|seen| seen.seen.clone());
        Self {
            against,
            insist: Input::default(),
            finding: opened.judged.id,
            scenario,
            scopes: opened.scopes.clone(),
            scope: 0,
            boxes: opened.boxes.clone(),
            bound: HostBinding::Any,
            judgement: Judgement::BenignExpected,
            reason: Input::default(),
            days: Input::with(&days(DEFAULT_LIFE).to_string()),
            ticket: Input::default(),
            confirm: Input::default(),
            known_sample: opened.known_sample,
            field: FormField::Reason,
            covers: None,
            error: None,
            checks,
            longer: None,
        }
    }

    /// The fields there are.
    pub fn fields(&self) -> Vec<FormField> {
        let mut fields = vec![FormField::Reason, FormField::Scope];
        if !self.boxes.is_empty() {
            fields.push(FormField::Boxes);
        }
        fields.extend([FormField::Judgement, FormField::Days, FormField::Ticket]);
        if self.known_sample {
            fields.push(FormField::Confirm);
        }
        if self.against.is_some() {
            fields.push(FormField::Against);
        }
        fields.push(FormField::Record);
        fields
    }

    /// Goes `by` fields on, round and round.
    pub fn turn(&mut self, by: isize) {
        let fields = self.fields();
        let place = fields.iter().position(|field| *field == self.field).unwrap_or(0);
        let next = (place as isize + by).rem_euclid(fields.len() as isize) as usize;
        self.field = fields.get(next).copied().unwrap_or(FormField::Reason);
    }

    /// The input that takes the keys, if the field is one.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.field {
            FormField::Reason => Some(&mut self.reason),
            FormField::Days => Some(&mut self.days),
            FormField::Ticket => Some(&mut self.ticket),
            FormField::Confirm => Some(&mut self.confirm),
            FormField::Against => Some(&mut self.insist),
            FormField::Scope | FormField::Boxes | FormField::Judgement | FormField::Record => None,
        }
    }

    /// Chooses another scope, other boxes or another judgement. Returns whether it covers something else then.
    pub fn choose(&mut self, by: isize) -> bool {
        match self.field {
            FormField::Judgement => {
                self.judgement = match self.judgement {
                    Judgement::FalsePositive => Judgement::BenignExpected,
                    Judgement::BenignExpected => Judgement::FalsePositive,
                };
                false
            }
            FormField::Boxes => {
                let choices = self.bounds();
                let place = choices.iter().position(|one| *one == self.bound).unwrap_or(0) as isize;
                let next = (place + by).rem_euclid(choices.len() as isize) as usize;
                self.bound = choices.get(next).copied().unwrap_or(HostBinding::Any);
                self.covers = None;
                true
            }
            FormField::Scope if !self.scopes.is_empty() => {
                let count = self.scopes.len() as isize;
                self.scope = (self.scope as isize + by).rem_euclid(count) as usize;
                self.keep_days();
                self.covers = None;
                true
            }
            _ => false,
        }
    }

    /// A folder is excluded for a short time; what was set before comes back with a narrower scope.
    fn keep_days(&mut self) {
        let is_folder = self.chosen().is_some_and(|scope| scope.kind() == ScopeKind::Folder);
        match self.longer.take() {
            None if is_folder => {
                let typed = self.days.text().trim().parse::<i64>().unwrap_or(i64::MAX);
                if typed > days(FOLDER_LIFE) {
                    self.longer = Some(std::mem::replace(&mut self.days, Input::with(&days(FOLDER_LIFE).to_string())));
                }
            }
            Some(longer) if !is_folder => self.days = longer,
            kept => self.longer = kept,
        }
    }

    /// The choices of boxes that there are.
    pub fn bounds(&self) -> Vec<HostBinding> {
        match self.boxes.len() {
            0 => vec![HostBinding::Any],
            1 => vec![HostBinding::Any, HostBinding::Own],
            _ => vec![HostBinding::Any, HostBinding::Own, HostBinding::All],
        }
    }

    /// The boxes that it is bound to as it stands.
    pub fn bound_to(&self) -> &[BoundBox] {
        match self.bound {
            HostBinding::Any => &[],
            HostBinding::Own => self.boxes.get(..1).unwrap_or_default(),
            HostBinding::All => &self.boxes,
        }
    }

    /// The chosen scope.
    pub fn chosen(&self) -> Option<&Scope> {
        self.scopes.get(self.scope).map(|proposal| &proposal.scope)
    }

    /// The exclusion as it stands, were it recorded now.
    ///
    /// # Errors
    /// What is still wrong, for the responder.
    pub fn exclusion(&self, opened: &FindingDetails, signature: Signature) -> Result<Exclusion, String> {
        if self.reason.text().trim().is_empty() {
            return Err("say why it is benign: a reason is required".to_owned());
        }
        if self.against.is_some() && self.insist.text().trim() != INSIST {
            return Err(format!("the box does not support this scenario: type {INSIST} to record it all the same"));
        }
        self.draft(opened, signature, self.reason.text())
    }

    /// As [`Form::exclusion`], with any reason, to ask what it would cover.
    ///
    /// # Errors
    /// What else is wrong.
    pub fn draft(&self, opened: &FindingDetails, signature: Signature, reason: &str) -> Result<Exclusion, String> {
        let proposal = self.scopes.get(self.scope).ok_or("there is no scope to choose")?;
        proposal.allowed.as_ref().map_err(ToString::to_string)?;
        let rule = opened.finding.found_by.name();
        let confirmed = !self.known_sample || confirm_known_sample(&rule, self.confirm.text());
        let hit = MatchedFile {
            known_sample: self.known_sample,
            ..MatchedFile::new(&rule, &opened.judged.subject.digest, &opened.finding.file)
        };
        let decision = ExclusionDraft {
            scope: proposal.scope.clone(),
            judgement: self.judgement,
            reason: reason.to_owned(),
            scenario: self.scenario.as_ref().map(|(id, _)| (id.clone(), self.checks.clone())),
            ticket: Some(self.ticket.text().to_owned()),
            expires: Some(self.expires(signature.at)?),
            known_sample_confirmed: confirmed,
        };
        let own = self.boxes.first().filter(|own| own.name == signature.host).map(|own| own.id.clone());
        let made = Exclusion::new(&hit, decision, signature).map_err(|defect| defect.to_string())?;
        Ok(Exclusion { host_id: own, boxes: self.bound_to().to_vec(), ..made })
    }

    fn expires(&self, now: Timestamp) -> Result<Timestamp, String> {
        let wrong = || format!("days until it expires: a whole number from 1 to {MAX_DAYS}");
        let typed = self.days.text().trim().parse::<i64>().ok().filter(|days| (1..=MAX_DAYS).contains(days));
        now.saturating_add(SignedDuration::from_hours(24 * typed.ok_or_else(wrong)?)).map_err(|_| wrong())
    }
}

fn days(life: SignedDuration) -> i64 {
    life.as_hours() / 24
}
