//! File names that try to break out of whatever they are written into, and exclusions made for them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use huntbook::internals::finding::{Digest, Sha256};
use huntbook::internals::session::{RuleCatalog, RuleChoice, host_name};
use huntbook::internals::triage::Actor;
use huntbook::internals::triage::exclusion::{Exclusion, ExclusionDraft, Judgement, Signature};
use huntbook::internals::triage::matched_file::MatchedFile;
use huntbook::internals::triage::scope::{Owner, Scope, ScopeKind};
use jiff::Timestamp;

/// Names as a hostile box may have them; one with a `/` is a folder and a name in it.
pub const NAMES: [&[u8]; 16] = [
    b"it's \"quoted\"",
    b"two\nlines\r\n# three",
    b"=cmd|' /C calc'!A0",
    b"+1-2@x",
    b"</script><img src=x onerror=alert(1)>",
    b"\x1b]0;title\x07\x1b[2J\x9b",
    "\u{202e}gpj.\u{200b}exe\u{2028}x".as_bytes(),
    b"back\\slash\\'",
    b"ends in backslash\\",
    b"\xff\xfe not utf-8 '",
    b"a`b``c`|d|*e*_f_[g](http://h)",
    b"tab\tsemi;comma,;",
    b"'); Findings // ] [",
    b"{0} [click me](http://evil.example) {1}",
    b"```",
    b" spaces ",
];

/// The path of such a name in `folder`, as a walk would name it.
pub fn place(folder: &Path, bytes: &[u8]) -> PathBuf {
    folder.join(OsString::from_vec(bytes.to_vec())).components().collect()
}

pub const RULE: &str = "EQGRP_payload";

/// An exclusion of [`RULE`] as it is built in, made now on this box.
pub fn exclusion(path: &Path, content: &[u8], kind: ScopeKind, reason: &str) -> Exclusion {
    exclusion_of(path, Sha256::of(content).into(), kind, reason)
}

/// The same of a content with this digest.
pub fn exclusion_of(path: &Path, digest: Digest, kind: ScopeKind, reason: &str) -> Exclusion {
    let book = RuleCatalog::load(&RuleChoice::default()).unwrap();
    let rule_digest = book.digest_of(RULE, &Sha256::of(b"any")).unwrap();
    let hit = MatchedFile {
        rule: RULE,
        rule_digest: &rule_digest,
        path,
        digest: &digest,
        uid: 0,
        owner: Some("root"),
        known_sample: false,
    };
    let owner = Owner { uid: 0, name: Some("root".into()) };
    let path: PathBuf = path.into();
    let scope = match kind {
        ScopeKind::FileAsIs => Scope::FileAsIs { path, digest },
        ScopeKind::Content => Scope::Content { digest },
        ScopeKind::Path => Scope::Path { path, owner },
        ScopeKind::Folder => Scope::Folder { folder: path.parent().unwrap().into(), owner },
    };
    let decision = ExclusionDraft {
        scope,
        judgement: Judgement::BenignExpected,
        reason: reason.into(),
        scenario: Some(("deploy-job".into(), Vec::new())),
        ticket: Some("T-1".into()),
        expires: None,
        known_sample_confirmed: false,
    };
    let by = Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) };
    let signature = Signature { by, host: host_name(&huntbook::internals::root::Root::live()), at: Timestamp::now() };
    Exclusion::new(&hit, decision, signature).unwrap()
}

/// Fails when a terminal could act on a character of `text`, or an eye be fooled by it.
pub fn assert_safe(text: &str) {
    let bad = text.chars().find(|c| !matches!(c, '\n' | '\r') && !huntbook::internals::text::is_plain_char(*c));
    assert_eq!(bad, None, "{text:?}");
}
