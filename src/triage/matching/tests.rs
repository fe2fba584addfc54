use std::path::Path;

use proptest::prelude::*;

use super::super::exclusion::SeenFile;
use super::super::exclusion::tests::{as_is, at, content, exclusion, folder, hit, path};
use super::super::exclusion::{FOLDER_LIFE, Revocation};
use super::super::folders::tests::MadeUp;
use super::super::scope::Owner;
use super::*;
use crate::text::subject::{Inside, inside};

const NOW: &str = "2026-11-25T00:00:00Z";
const WRITABLE: u32 = 0o040_777;

fn whole(content: &[u8]) -> Digest {
    Sha256::of(content).into()
}

fn index(exclusions: &[Exclusion]) -> Exclusions {
    Exclusions::index(exclusions.iter().cloned().map(RegisterEntry::from), &MadeUp::new(&[]))
}

/// What one exclusion makes of a hit: `None` excluded, otherwise the causes, none of them when plainly open.
fn causes(exclusion: &Exclusion, hit: &MatchedFile<'_>) -> Option<Vec<Why>> {
    match index(std::slice::from_ref(exclusion)).judge(hit, at(NOW)) {
        HitStatus::Excluded(found) => {
            assert_eq!(found, exclusion);
            None
        }
        HitStatus::Returned(comebacks) => Some(comebacks.into_iter().map(|comeback| comeback.why).collect()),
        HitStatus::Open => Some(Vec::new()),
    }
}

#[test]
fn each_scope_reaches_as_far_as_it_says() {
    let (rule, a, b) = (Sha256::of(b"rule"), whole(b"a"), whole(b"b"));
    let here = |sha| hit("/opt/r/x", &rule, sha);
    let there = hit("/opt/s/y", &rule, &a);
    let beside = hit("/opt/r/deep/z", &rule, &b);
    for scope in [as_is, content, path, folder] {
        assert_eq!(causes(&exclusion("/opt/r/x", "a", scope), &here(&a)), None);
    }
    let open = Some(Vec::new());
    assert_eq!(causes(&exclusion("/opt/r/x", "a", as_is), &there), open);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", content), &there), None);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", path), &here(&b)), None);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", path), &beside), open);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", folder), &beside), None);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", folder), &there), open);
    let similar = hit("/opt/reports/x", &rule, &a);
    assert_eq!(causes(&exclusion("/opt/r/x", "a", folder), &similar), open);
    let other_rule = MatchedFile { rule: "other", ..here(&a) };
    assert_eq!(causes(&exclusion("/opt/r/x", "a", content), &other_rule), open);
}

#[test]
fn what_is_bound_to_boxes_counts_on_them_alone_and_is_told_where_that_is_doubtful() {
    let (rule, a, b) = (Sha256::of(b"rule"), whole(b"a"), whole(b"b"));
    let of = |id: &str, name: &str| BoundBox { id: id.into(), name: name.into() };
    let bound = Exclusion { boxes: vec![of("1", "web01")], ..exclusion("/opt/r/x", "a", content) };
    let judge = |here: &BoundBox, sha| match index(std::slice::from_ref(&bound))
        .on(here.clone())
        .judge(&hit("/opt/r/x", &rule, sha), at(NOW))
    {
        HitStatus::Excluded(_) => "excluded".to_owned(),
        HitStatus::Returned(back) => back[0].why.to_string(),
        HitStatus::Open => "open".to_owned(),
    };
    assert_eq!(judge(&of("1", "web01"), &a), "excluded");
    assert_eq!(judge(&of("1", "web01"), &b), "was excluded, content changed");
    for other in [of("2", "web01"), of("", "db01")] {
        assert_eq!((judge(&other, &a), judge(&other, &b)), ("open".into(), "open".into()), "{other:?}");
    }
    assert!(judge(&of("1", "copy"), &a).contains("another name"));
    assert!(judge(&of("", "web01"), &a).contains("not known"));
}

#[test]
fn what_changed_since_is_told() {
    let (rule, newer, a, b) = (Sha256::of(b"rule"), Sha256::of(b"rule2"), whole(b"a"), whole(b"b"));
    let changed = hit("/opt/r/x", &rule, &b);
    for scope in [as_is, content] {
        assert_eq!(causes(&exclusion("/opt/r/x", "a", scope), &changed), Some(vec![Why::ContentChanged]));
    }
    for scope in [as_is, content, path, folder] {
        let found = causes(&exclusion("/opt/r/x", "a", scope), &hit("/opt/r/x", &newer, &a));
        assert_eq!(found, Some(vec![Why::RuleChanged]));
    }
    let stolen = MatchedFile { uid: 1000, owner: Some("mallory"), ..hit("/opt/r/x", &rule, &a) };
    for scope in [path, folder] {
        assert_eq!(causes(&exclusion("/opt/r/x", "a", scope), &stolen), Some(vec![Why::OwnerChanged]));
    }
    assert_eq!(Why::ContentChanged.to_string(), "was excluded, content changed");
}

#[test]
fn a_data_digest_equals_only_one_of_its_kind() {
    let (rule, a) = (Sha256::of(b"rule"), Sha256::of(b"a"));
    let (whole, data, other) = (Digest::Whole(a), Digest::DataOnly(a), Digest::DataOnly(Sha256::of(b"b")));
    for scope in [as_is, content] {
        let mut of_data = exclusion("/opt/r/x", "a", scope);
        assert_eq!(causes(&of_data, &hit("/opt/r/x", &rule, &data)), Some(vec![Why::NotComparable]));
        assert_eq!(causes(&of_data, &hit("/opt/s/y", &rule, &data)), Some(Vec::new()));
        of_data.seen.digest = data;
        of_data.scope = scope(&of_data.seen);
        assert_eq!(causes(&of_data, &hit("/opt/r/x", &rule, &data)), None);
        assert_eq!(causes(&of_data, &hit("/opt/r/x", &rule, &whole)), Some(vec![Why::NotComparable]));
        assert_eq!(causes(&of_data, &hit("/opt/s/y", &rule, &whole)), Some(Vec::new()));
        assert_eq!(causes(&of_data, &hit("/opt/r/x", &rule, &other)), Some(vec![Why::ContentChanged]));
    }
}

#[test]
fn time_and_revocation_end_an_exclusion() {
    let (rule, a) = (Sha256::of(b"rule"), whole(b"a"));
    let hit = hit("/opt/r/x", &rule, &a);
    let base = exclusion("/opt/r/x", "a", as_is);
    let expired = Exclusion { expires: at(NOW), ..base.clone() };
    assert_eq!(causes(&expired, &hit), Some(vec![Why::Expired]));
    let last_moment = Exclusion { expires: at("2026-11-25T00:00:00.000000001Z"), ..base.clone() };
    assert_eq!(causes(&last_moment, &hit), None);
    let future = Exclusion { created: at("2026-11-26T00:00:01Z"), ..base.clone() };
    assert!(matches!(causes(&future, &hit).unwrap().as_slice(), [Why::Doubtful(_)]));
    let revocation = Revocation { by: base.by.clone(), at: at(NOW), why: "wrong host".into() };
    let revoked = Exclusion { revoked: Some(revocation), ..base };
    assert_eq!(causes(&revoked, &hit), Some(Vec::new()));
}

#[test]
fn what_is_doubtful_shows_with_its_cause() {
    let (rule, a) = (Sha256::of(b"rule"), whole(b"a"));
    let hit = hit("/opt/r/x", &rule, &a);
    let blank = Exclusion { reason: " ".into(), ..exclusion("/opt/r/x", "a", as_is) };
    assert_eq!(causes(&blank, &hit), Some(vec![Why::Doubtful("it gives no reason".into())]));

    let scope = Some(Scope::Content { digest: a });
    let doubt = InvalidEntry { id: None, rule: Some("rule".into()), scope, line: 9, cause: "no `reason`".into() };
    let entries = Exclusions::index([RegisterEntry { line: 7, content: Err(doubt) }], &MadeUp::new(&[]));
    let HitStatus::Returned(comebacks) = entries.judge(&hit, at(NOW)) else { panic!("must come back") };
    assert_eq!((comebacks[0].why.clone(), comebacks[0].entry.line), (Why::Doubtful("no `reason`".into()), 7));

    let folder = exclusion("/opt/r/x", "a", folder);
    let long = Exclusion { expires: folder.created + FOLDER_LIFE * 2, ..folder.clone() };
    assert!(matches!(causes(&long, &hit).unwrap().as_slice(), [Why::Doubtful(_)]));
    let opened = MadeUp::new(&[("/opt/r", WRITABLE)]);
    let judged = Exclusions::index([RegisterEntry::from(folder)], &opened);
    assert!(matches!(judged.judge(&hit, at(NOW)), HitStatus::Returned(_)));
}

#[test]
fn a_known_sample_needs_an_exclusion_made_for_that_content() {
    let (rule, a, b) = (Sha256::of(b"rule"), whole(b"a"), whole(b"b"));
    let sample = |sha| MatchedFile { known_sample: true, ..hit("/opt/r/x", &rule, sha) };
    let plain = exclusion("/opt/r/x", "a", path);
    assert_eq!(causes(&plain, &sample(&a)), Some(vec![Why::KnownSample]));
    let typed = Exclusion { known_sample: true, ..plain };
    assert_eq!(causes(&typed, &sample(&a)), None);
    assert_eq!(causes(&typed, &sample(&b)), Some(vec![Why::KnownSample]));
}

#[test]
fn the_narrowest_exclusion_is_named_and_one_in_force_is_enough() {
    let (rule, a) = (Sha256::of(b"rule"), whole(b"a"));
    let broad = exclusion("/opt/r/x", "a", folder);
    let narrow = exclusion("/opt/r/x", "a", as_is);
    let stale = exclusion("/opt/r/x", "old", as_is);
    let all = index(&[stale, broad, narrow.clone()]);
    let hit = hit("/opt/r/x", &rule, &a);
    assert!(matches!(all.judge(&hit, at(NOW)), HitStatus::Excluded(found) if *found == narrow));
    assert_eq!(all.covering(&hit, at(NOW)).len(), 2);
}

#[test]
fn a_hundred_thousand_hits_against_ten_thousand_exclusions() {
    let rule = Sha256::of(b"rule");
    let kinds = [as_is, content, path, folder];
    let made: Vec<_> =
        (0..10_000usize).map(|n| exclusion(&format!("/opt/app{n}/lib/x{n}"), &n.to_string(), kinds[n % 4])).collect();
    let all = index(&made);
    let hits: Vec<_> =
        (0..100_000usize).map(|n| (format!("/opt/app{n}/lib/x{n}"), whole(n.to_string().as_bytes()))).collect();
    let excluded =
        hits.iter().filter(|(path, sha)| matches!(all.judge(&hit(path, &rule, sha), at(NOW)), HitStatus::Excluded(_)));
    assert_eq!(excluded.count(), 10_000);
}

type MadeHit = (String, Digest, Sha256, u32, bool);

fn made_hit() -> impl Strategy<Value = MadeHit> {
    let path = "/[ab]{1}(/[ab]{1}){0,3}";
    (path, "[ab]", "[rs]", 0..2u32, any::<bool>())
        .prop_map(|(path, a, r, uid, known)| (path, whole(a.as_bytes()), Sha256::of(r.as_bytes()), uid, known))
}

fn as_hit(made: &MadeHit) -> MatchedFile<'_> {
    let (path, digest, rule_digest, uid, known_sample) = made;
    MatchedFile {
        rule: "rule",
        rule_digest,
        path: Path::new(path),
        digest,
        uid: *uid,
        owner: None,
        known_sample: *known_sample,
    }
}

fn made_exclusion() -> impl Strategy<Value = Exclusion> {
    (made_hit(), 0..4usize, 0..10u8).prop_map(|(made, kind, fate)| {
        let hit = as_hit(&made);
        let seen = SeenFile { path: hit.path.into(), digest: *hit.digest, owner: Owner { uid: hit.uid, name: None } };
        let scope = [as_is, content, path, folder][kind](&seen);
        let base = exclusion("/opt/r/x", "a", as_is);
        let rule_digest = *hit.rule_digest;
        let mut made = Exclusion { scope, seen, rule_digest, known_sample: hit.known_sample, ..base };
        match fate {
            0 => made.expires = at(NOW),
            1 => made.revoked = Some(Revocation { by: made.by.clone(), at: at(NOW), why: "x".into() }),
            2 => made.reason.clear(),
            _ if kind == 3 => made.expires = made.created + FOLDER_LIFE,
            _ => {}
        }
        made
    })
}

proptest! {
    #[test]
    fn what_the_previews_show_is_what_the_next_scan_excludes(
        exclusions in proptest::collection::vec(made_exclusion(), 0..12),
        hits in proptest::collection::vec(made_hit(), 0..40),
    ) {
        let disk = MadeUp::new(&[("/b", WRITABLE)]);
        let mut previewed = vec![false; hits.len()];
        for exclusion in &exclusions {
            for index in covers(exclusion, hits.iter().map(as_hit), at(NOW), &disk) {
                previewed[index] = true;
            }
        }
        let all = Exclusions::index(exclusions.iter().cloned().map(RegisterEntry::from), &disk);
        for (made, previewed) in hits.iter().zip(previewed) {
            let judged = all.judge(&as_hit(made), at(NOW));
            prop_assert_eq!(matches!(judged, HitStatus::Excluded(_)), previewed);
        }
    }

    #[test]
    fn the_index_finds_what_asking_every_exclusion_finds(
        exclusions in proptest::collection::vec(made_exclusion(), 0..12),
        made in made_hit(),
    ) {
        let hit = as_hit(&made);
        let in_force = |e: &&Exclusion| {
            e.scope.covers(&hit)
                && e.revoked.is_none()
                && e.check().is_ok()
                && !e.is_expired(at(NOW))
                && e.rule_digest == *hit.rule_digest
                && (!hit.known_sample || (e.known_sample && e.seen.digest == *hit.digest))
                && e.scope.allowed(&MadeUp::new(&[])).is_ok()
        };
        let expected: Vec<_> = exclusions.iter().filter(in_force).map(|e| e.id).collect();
        let found: Vec<_> = index(&exclusions).covering(&hit, at(NOW)).iter().map(|e| e.id).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn an_exclusion_of_one_rule_says_nothing_of_another_of_its_name() {
    let (rule, namesake, a, b) = (Sha256::of(b"rule"), Sha256::of(b"namesake"), whole(b"a"), whole(b"b"));
    let made = exclusion("/opt/r/x", "a", as_is);
    assert_eq!(made.rule_digest, rule);
    let both = Exclusions::index_among([RegisterEntry::from(made.clone())], &MadeUp::new(&[]), &|name, digest| {
        name == made.rule && (*digest == rule || *digest == namesake)
    });
    let judged = |digest, content| both.judge(&hit("/opt/r/x", digest, content), at(NOW));
    assert!(matches!(judged(&rule, &a), HitStatus::Excluded(_)));
    assert!(matches!(judged(&namesake, &a), HitStatus::Open));
    assert!(matches!(judged(&namesake, &b), HitStatus::Open));
    assert!(matches!(judged(&rule, &b), HitStatus::Returned(_)));
    assert_eq!(causes(&made, &hit("/opt/r/x", &namesake, &a)), Some(vec![Why::RuleChanged]), "when it is not loaded");
}

/// The path of something in the file at `path`.
fn within(path: &str, step: &Inside<'_>) -> String {
    String::from_utf8(inside(Path::new(path), step).into_os_string().into_encoded_bytes()).unwrap()
}

#[test]
fn a_member_is_excluded_by_its_own_name_and_content_and_by_no_folder() {
    let (rule, a, b) = (Sha256::of(b"rule"), whole(b"a"), whole(b"b"));
    let member = |name: &str, nth| within("/opt/r/x.tar", &Inside::Member { name: name.as_bytes().into(), nth });
    let (one, other, second) = (member("tools/p", 1), member("tools/q", 1), member("tools/p", 2));
    let excluded = |made: &Exclusion, path: &str, content| {
        matches!(index(std::slice::from_ref(made)).judge(&hit(path, &rule, content), at(NOW)), HitStatus::Excluded(_))
    };
    let made = exclusion(&one, "a", as_is);
    assert!(excluded(&made, &one, &a));
    for (path, content) in [(&*one, &b), (&*other, &a), (&*second, &a), ("/opt/r/x.tar", &a), ("/opt/r/tools/p", &a)] {
        assert!(!excluded(&made, path, content), "{path:?}");
    }
    assert_eq!(causes(&made, &hit(&one, &rule, &b)), Some(vec![Why::ContentChanged]));
    // The same content in a plain file and in an archive is one.
    let anywhere = exclusion("/opt/r/plain", "a", content);
    assert!(excluded(&anywhere, &one, &a) && excluded(&exclusion(&one, "a", content), "/srv/plain", &a));
    // A folder's exclusion ends at an archive, and its danger says so.
    let below = exclusion("/opt/r/plain", "a", folder);
    assert!(
        excluded(&below, "/opt/r/other", &b) && excluded(&below, "/opt/r/x.tar", &b) && !excluded(&below, &one, &a)
    );
    assert!(below.scope.danger().contains("what lies in archives there is not covered"));
    let named = exclusion(&one, "a", path);
    assert!(named.scope.danger().contains("write to /opt/r/x.tar can put other content in it as tools/p"));
    // `..` in a member's name leads nowhere, so it may be excluded as any other.
    let climbing = member("../../etc/passwd", 1);
    assert!(excluded(&exclusion(&climbing, "a", as_is), &climbing, &a));
}

#[test]
fn a_process_is_excluded_by_its_executable_whatever_its_number() {
    let (rule, a, b) = (Sha256::of(b"rule"), whole(b"a"), whole(b"b"));
    let process = |path: &str, pid| {
        let step = Inside::Process { pid, name: b"x".as_slice().into(), state: b"deleted".as_slice().into() };
        within(path, &step)
    };
    let region = |path: &str, name: &'static str| within(path, &Inside::Region(name.as_bytes().into()));
    let made = exclusion(&process("/tmp/.x", 7), "a", as_is);
    let judged = |path: &str, content| causes(&made, &hit(path, &rule, content));
    let excluded = |made: &Exclusion, path: &str, content| {
        matches!(index(std::slice::from_ref(made)).judge(&hit(path, &rule, content), at(NOW)), HitStatus::Excluded(_))
    };
    assert!(excluded(&made, &process("/tmp/.x", 4711), &a));
    assert_eq!(judged(&process("/tmp/.x", 4711), &b), Some(vec![Why::ContentChanged]));
    for other in [process("/tmp/.y", 7), "/tmp/.x".to_owned(), region(&process("/tmp/.x", 7), "1-2 [heap]")] {
        assert!(!excluded(&made, &other, &a), "{other:?}");
    }
    let heap = exclusion(&region(&process("/tmp/.x", 7), "1-2 [heap]"), "a", as_is);
    assert!(excluded(&heap, &region(&process("/tmp/.x", 8), "5-6 [heap]"), &a));
}
