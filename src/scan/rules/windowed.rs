//! Rules that can be matched over parts of a file with the answer that the whole file would give.
//!
//! Matches are found in windows around the places that the prefilter locates, by yara-x's block scanner. That one
//! leaves `filesize` and `uint32(0)` and its kin undefined, so here the rules are rewritten to ask a variable instead,
//! which is set for each file. What can't be had like that (modules, reads at computed places) keeps a rule out.

use std::ops::Range;
use std::sync::OnceLock;

use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, Item, PatternMatch, Rule as Syntax, WithSpan as _};

use super::{RuleSource, compiler};
use crate::hunt::{RuleOptions, language::ReadField};
use crate::scan::prefilter::Reach;

/// The variable that stands for `filesize`.
pub(in crate::scan) const FILESIZE: &str = "_huntbook_filesize";
/// The external variable that takes the whole file.
const MD5: &str = "md5";
/// Reads that begin further into the file than this are no header fields; such rules are matched whole.
const LAST_READ: u64 = 1 << 20;
/// Bytes from the file's beginning that hold all that is read.
pub(in crate::scan) const HEADER: u64 = LAST_READ + 8;
/// A window reaches at most this many bytes beyond what was located.
pub(super) const MAX_REACH_BYTES: u64 = 64 * 1024;

/// A fixed place in the file that a condition reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) struct Read {
    /// The variable that stands for it.
    pub variable: String,
    pub field: ReadField,
    /// Offset in bytes, under [`LAST_READ`].
    pub offset: u64,
}

/// The rewritten rules of a group.
#[derive(Debug)]
pub(in crate::scan) struct Windowed {
    sources: Vec<RuleSource>,
    options: RuleOptions,
    reads: Vec<Read>,
    reach: Reach,
    compiled: OnceLock<Option<yara_x::Rules>>,
}

impl Windowed {
    pub(super) fn new(sources: &[RuleSource], options: &RuleOptions, reach: Reach) -> Option<Self> {
        let mut reads = Vec::new();
        let rewrite = |source: &RuleSource| {
            Some(RuleSource { text: rewritten(&source.text, &mut reads)?.into(), warnings: None, ..source.clone() })
        };
        let sources = sources.iter().map(rewrite).collect::<Option<_>>()?;
        Some(Self { sources, options: options.clone(), reads, reach, compiled: OnceLock::new() })
    }

    /// The compiled rules; made when the first file needs them, which on most boxes none does.
    pub(in crate::scan) fn rules(&self) -> Option<&yara_x::Rules> {
        let compile = || {
            let reads = self.reads.iter().map(|read| read.variable.clone());
            let variables: Vec<String> = reads.chain([FILESIZE.to_owned()]).collect();
            let compiler = compiler(&self.sources, &self.options, &variables);
            compiler.errors().is_empty().then(|| compiler.build())
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    pub(in crate::scan) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// How far a window extends before and after each located place.
    pub(in crate::scan) fn reach(&self) -> Reach {
        self.reach
    }
}

/// Whether the rule can be rewritten, if it uses no module.
pub(super) fn can_be(rule: &Syntax) -> bool {
    let mut reads = Vec::new();
    expressions(&rule.condition).all(|expr| match expr {
        Expr::FuncCall(_) => read_of(expr, &mut reads).is_some(),
        Expr::Entrypoint { .. } => false,
        // It takes the whole file.
        expr => !is_md5(expr),
    })
}

/// Whether the condition asks for the MD5 of the file.
pub(super) fn asks_md5(rule: &Syntax) -> bool {
    expressions(&rule.condition).any(is_md5)
}

fn is_md5(expr: &Expr) -> bool {
    matches!(expr, Expr::Ident(ident) if ident.name == MD5)
}

/// Whether the condition depends on the number or the places of matches.
pub(super) fn counts_matches(rule: &Syntax) -> bool {
    expressions(&rule.condition).any(|expr| match expr {
        Expr::PatternCount(_) | Expr::PatternOffset(_) | Expr::PatternLength(_) => true,
        Expr::PatternMatch(found) => is_anchored(found),
        Expr::Of(of) => of.anchor.is_some(),
        _ => false,
    })
}

fn is_anchored(found: &PatternMatch) -> bool {
    found.anchor.is_some()
}

fn expressions<'e>(condition: &'e Expr<'e>) -> impl Iterator<Item = &'e Expr<'e>> {
    DFSIter::new(condition).filter_map(|event| match event {
        DFSEvent::Enter(expr) => Some(expr),
        DFSEvent::Leave(_) => None,
    })
}

/// `text` with variables for what the block scanner does not know; `None` if some of it cannot be had.
fn rewritten(text: &str, reads: &mut Vec<Read>) -> Option<String> {
    let tree = AST::from(text);
    if !tree.errors().is_empty() || tree.items().any(|item| !matches!(item, Item::Rule(_))) {
        return None;
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for expr in tree.rules().flat_map(|rule| expressions(&rule.condition)) {
        match expr {
            Expr::Filesize { span } => edits.push((span.range(), FILESIZE.to_owned())),
            Expr::FuncCall(_) => edits.push((expr.span().range(), read_of(expr, reads)?)),
            Expr::Entrypoint { .. } => return None,
            expr if is_md5(expr) => return None,
            _ => {}
        }
    }
    // From the end, so that the ranges before stay right.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    for (range, name) in edits {
        text.get(range.clone())?;
        text.replace_range(range, &name);
    }
    Some(text)
}

/// The variable for a call like `uint32(0)`.
fn read_of(expr: &Expr, reads: &mut Vec<Read>) -> Option<String> {
    let Expr::FuncCall(call) = expr else { return None };
    let (None, [Expr::LiteralInteger(offset)]) = (&call.object, call.args.as_slice()) else { return None };
    let field = ReadField::of_function(call.identifier.name).filter(|field| field.width <= 4)?;
    let offset = u64::try_from(offset.value).ok().filter(|offset| *offset < LAST_READ)?;
    if let Some(known) = reads.iter().find(|read| read.field == field && read.offset == offset) {
        return Some(known.variable.clone());
    }
    let variable = format!("_huntbook_read_{}", reads.len());
    reads.push(Read { variable: variable.clone(), field, offset });
    Some(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_block_scanner_does_not_know_becomes_a_variable() {
        let text = "rule r { strings: $filesize = \"filesize\" condition: filesize < 10KB and uint32(0) == 1 and uint32( 0 ) != int16be(4) and $filesize }";
        let mut reads = Vec::new();
        let wanted = "rule r { strings: $filesize = \"filesize\" condition: _huntbook_filesize < 10KB and _huntbook_read_0 == 1 and _huntbook_read_0 != _huntbook_read_1 and $filesize }";
        assert_eq!(rewritten(text, &mut reads).as_deref(), Some(wanted));
        assert_eq!(reads.iter().map(|read| (read.field.width, read.offset)).collect::<Vec<_>>(), [(4, 0), (2, 4)]);
    }

    #[test]
    fn what_cannot_be_had_keeps_the_rules_out() {
        for condition in [
            "md5 == \"x\"",
            "pe.is_dll()",
            "uint32(uint32(60)) == 1",
            "uint32(filesize - 4) == 1",
            "uint8(2000000) == 1",
        ] {
            let text = format!("rule r {{ condition: {condition} }}");
            assert_eq!(rewritten(&text, &mut Vec::new()), None, "{condition}");
            assert!(AST::from(text.as_str()).rules().all(|rule| !can_be(rule)), "{condition}");
        }
        assert_eq!(rewritten("import \"math\" rule r { condition: true }", &mut Vec::new()), None);
        assert_eq!(rewritten("rule r {", &mut Vec::new()), None);
    }

    #[test]
    fn counts_and_places_of_matches_are_seen() {
        for (condition, wanted) in [
            ("$a", false),
            ("any of them", false),
            ("for all of them : ( $ )", false),
            ("#a > 1", true),
            ("$a at 3", true),
            ("$a in (0..9)", true),
            ("any of them at 0", true),
            ("for any of them : ( @ > 3 )", true),
        ] {
            let text = format!("rule r {{ strings: $a = \"abc\" condition: {condition} }}");
            let tree = AST::from(text.as_str());
            assert_eq!(tree.rules().any(counts_matches), wanted, "{condition}");
        }
    }
}
