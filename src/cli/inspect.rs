//! `huntbook inspect FILE`: one file, scanned and decoded with the same care as a tree, without a screen.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser as _};

use super::exit::{INCOMPLETE, OPEN};
use super::limits;
use super::rule_args::{RuleArgs, box_at, must_lie_in};
use crate::content;
use crate::elf::{self, Bytes as _, FileBytes};
use crate::evidence::execution::Execution;
use crate::explain::{self, ScannedFile};
use crate::finding::{FileFacts, FoundBy, KeptBytes, RuleId};
use crate::hex::View;
use crate::hex::file::FileState;
use crate::report::inspect::{EntryCode, Inspected};
use crate::report::{inspect, json};
use crate::root::Root;
use crate::scan::{
    self, CandidateTest, MAX_FILE_SIZE, READ_TIMEOUT, Reason, Scan, ScanConclusion, ScanEvent, ScanOptions, Tree,
};
use crate::session::RuleCatalog;
use crate::timeout::{self, NoResult};
use crate::{print, text};

/// Files up to this many bytes are listed with entropy and printable texts.
const SMALL: u64 = 64 * 1024;
/// Instructions listed of the code at the entry point.
const INSTRUCTIONS: usize = 200;
/// Shortest printable text that is listed, in characters.
const SHORTEST: usize = 4;

/// One file.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The file.
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// List all program and section headers, not the first 256 of each.
    #[arg(long)]
    pub all_headers: bool,
    /// Root of the box when it is a mounted image; the names of owner and group are looked up there.
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = PathBufValueParser::new().try_map(box_at))]
    pub root: Root,
    /// Which rules it is held against.
    #[command(flatten)]
    pub rules: RuleArgs,
}

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    limits::check()?;
    let shown = text::escape_path(&args.file).into_owned();
    let tree = Tree::open(&args.file)?;
    anyhow::ensure!(!tree.is_folder(), "{shown} is a folder; huntbook scan looks through folders");
    let book = RuleCatalog::load(&args.rules.choice())?;
    must_lie_in(&args.root, tree.start())?;
    let mut inspected = Inspected { all_headers: args.all_headers, ..Inspected::default() };
    // Opened before the scan, so that the file that is decoded is the one that was scanned.
    let opened = timeout::run(READ_TIMEOUT, move || (tree.open_file(None, tree.start()).ok(), tree));
    let (opened, tree) = opened.map_err(|error| match error {
        NoResult::TimedOut(limit) => {
            anyhow::anyhow!(
                "{shown}: no answer from its file system in {} s; see whether its server is there",
                limit.as_secs()
            )
        }
        error => anyhow::anyhow!("{shown}: {error}"),
    })?;
    let large = opened.as_ref().filter(|opened| opened.stat.st_size.cast_unsigned() > MAX_FILE_SIZE);
    let path = tree.start().to_owned();
    scan(tree, &args.root, &book, large.is_none().then(always), &mut inspected)?;
    if let Some(opened) = large.filter(|_| inspected.facts.is_none()) {
        let facts = scan::facts_now(&path, opened, &args.root);
        inspected.facts = Some(Arc::new(facts.map_err(|reason| anyhow::anyhow!("{shown}: {reason}"))?));
        inspected.kept = Some(Arc::default());
    }
    let answers = !inspected.not_scanned.iter().any(|missed| matches!(missed.reason, Reason::NoAnswer(_)));
    if let Some(opened) = opened.as_ref().filter(|_| answers) {
        look(&opened.file, &book, &mut inspected)?;
        inspected.execution = execution_on(&args.root, &inspected);
    }
    let mut out = BufWriter::new(print::stdout());
    if args.json {
        json::write_pretty(&mut out, &inspect::document(&inspected, &book, args.root.dir()))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", inspect::page(&inspected, &book))?;
    }
    out.flush()?;
    Ok(ExitCode::from(match () {
        () if !inspected.findings.is_empty() => OPEN,
        () if inspected.not_scanned.iter().any(|missed| missed.reason.is_gap()) => INCOMPLETE,
        () => 0,
    }))
}

/// A condition that always holds, so that the facts of a file come even when no rule matches. It wants the file whole, so
/// that a large one cannot be had like that.
fn always() -> CandidateTest {
    let rule = RuleId { namespace: "huntbook".into(), name: "inspect".into() };
    CandidateTest { rule, condition: "true".to_owned() }
}

fn scan(
    tree: Tree,
    root: &Root,
    book: &RuleCatalog,
    more: Option<CandidateTest>,
    inspected: &mut Inspected,
) -> anyhow::Result<()> {
    let always = more.as_ref().map(|test| test.rule.clone());
    let rules = Arc::new(book.compile_with(more)?);
    let options = ScanOptions { threads: 1, root: root.clone(), ..ScanOptions::default() };
    let scan = Scan::start(tree, rules, options)?;
    let mut keep = |facts: &Arc<FileFacts>, kept: &Arc<KeptBytes>| {
        inspected.facts = Some(Arc::clone(facts));
        inspected.kept = Some(Arc::clone(kept));
    };
    for event in &scan.events {
        match event {
            ScanEvent::Finding(finding) => match &finding.found_by {
                FoundBy::Rule(_) => {
                    keep(&finding.file, &finding.kept);
                    inspected.findings.push(finding);
                }
                FoundBy::Candidate(rule) if Some(rule) == always.as_ref() => keep(&finding.file, &finding.kept),
                FoundBy::Candidate(rule) => inspected.candidates.push(rule.clone()),
            },
            ScanEvent::Unscanned(unscanned) => inspected.not_scanned.push(unscanned),
            ScanEvent::Finished { end: ScanConclusion::Failed(why), .. } => {
                anyhow::bail!("the file could not be scanned: {why}")
            }
            ScanEvent::Finished { .. } => break,
        }
    }
    scan.join();
    Ok(())
}

/// Decodes and explains the file that was scanned, and says if it is not that file any more. Asked last: a change while
/// its bytes were looked at must not go unnoticed.
fn look(file: &File, book: &RuleCatalog, inspected: &mut Inspected) -> io::Result<()> {
    decode(file, inspected)?;
    explain(&FileBytes::new(file)?, book, inspected);
    inspected.changed = inspected.facts.as_deref().and_then(changed);
    Ok(())
}

fn changed(facts: &FileFacts) -> Option<String> {
    match View::open(&facts.path, facts, Arc::default()).state() {
        FileState::AsScanned => None,
        FileState::ChangedSince(change) => Some(change.to_string()),
        FileState::Gone(gone) => Some(gone.to_string()),
    }
}

/// Explains the rules that matched, and those whose candidate condition holds.
fn explain(bytes: &FileBytes, book: &RuleCatalog, inspected: &mut Inspected) {
    let Some(file) = inspected.facts.as_deref() else { return };
    let matched = inspected.findings.iter().map(|finding| (finding.found_by.rule(), Some(finding)));
    let subjects = matched.chain(inspected.candidates.iter().map(|rule| (rule, None)));
    let explained = subjects.filter_map(|(rule, finding)| {
        let hunt = book.hunt(rule)?;
        Some((rule.clone(), explain::explain(hunt, ScannedFile { file, bytes, finding, options: book.options() })))
    });
    inspected.explained = explained.collect();
}

/// What the box adds to whether the file runs; nothing where it does not answer.
fn execution_on(root: &Root, inspected: &Inspected) -> Execution {
    let root = root.clone();
    let elf = inspected.elf.clone();
    let script = inspected.content.as_ref().and_then(|content| content.interpreter.clone());
    timeout::run(READ_TIMEOUT, move || Execution::ask(&root, elf.as_deref(), script.as_deref())).unwrap_or_default()
}

fn decode(file: &File, inspected: &mut Inspected) -> io::Result<()> {
    let bytes = FileBytes::new(file)?;
    inspected.content = content::identify(&bytes);
    inspected.elf = elf::decode_with(&bytes).map(Box::new);
    inspected.code = inspected.elf.as_ref().map(|elf| match elf::disassemble_entry(elf, &bytes, INSTRUCTIONS) {
        Ok(instructions) => EntryCode::Instructions(instructions),
        Err(why) => EntryCode::None(why.to_string()),
    });
    if bytes.size() <= SMALL {
        let content = bytes.read(0, SMALL as usize);
        inspected.entropy = Some(elf::entropy(&content));
        inspected.strings = elf::strings(&content, SHORTEST);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::session::RuleChoice;

    type Change<'c> = &'c dyn Fn(&Path);

    /// What is said of a file that `change` befalls between scan and explanation.
    fn inspected(change: impl Fn(&Path)) -> (Option<String>, String, serde_json::Value) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, ["BinStore ", "enabled implants."].concat()).unwrap();
        let book = RuleCatalog::load(&RuleChoice::default()).unwrap();
        let tree = Tree::open(&path).unwrap();
        let opened = tree.open_file(None, tree.start()).unwrap();
        let mut inspected = Inspected::default();
        scan(tree, &Root::live(), &book, Some(always()), &mut inspected).unwrap();
        change(&path);
        look(&opened.file, &book, &mut inspected).unwrap();
        assert_eq!(inspected.findings.len(), 1);
        let document = serde_json::to_value(inspect::document(&inspected, &book, Path::new("/"))).unwrap();
        (inspected.changed.clone(), inspect::page(&inspected, &book), document)
    }

    #[test]
    fn a_file_that_changes_between_scan_and_explanation_is_said_to() {
        let (changed, page, document) = inspected(|_| {});
        assert_eq!((changed, &document["changed"]), (None, &serde_json::Value::Null));
        assert!(!page.contains("since the scan"), "{page}");
        let grow = |path: &Path| std::fs::write(path, vec![b'x'; 500]).unwrap();
        let replace = |path: &Path| {
            std::fs::write(path.with_extension("new"), "other").unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        };
        let remove = |path: &Path| std::fs::remove_file(path).unwrap();
        let changes: [(Change, &str); 3] = [
            (&grow, "the file grew from 26 to 500 bytes since the scan"),
            (&replace, "the file was replaced by another since the scan"),
            (&remove, "the file was deleted or moved since the scan"),
        ];
        for (change, said) in changes {
            let (changed, page, document) = inspected(change);
            assert_eq!(changed.as_deref(), Some(said));
            assert!(page.contains(&format!("! {said}: what is said below may be of other bytes")), "{page}");
            assert_eq!(document["changed"], said);
        }
    }
}
