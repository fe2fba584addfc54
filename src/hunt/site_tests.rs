use super::*;
use crate::hunt::{NamedValues, Value};

fn parse(source: &str) -> Result<Site, Vec<String>> {
    let parsed = Site::parse(Path::new("site.toml"), source);
    parsed.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn values<'a>(site: &'a Site, set: &str) -> &'a [String] {
    &site.set(set).unwrap().values
}

#[test]
fn defaults_are_valid_values_of_their_kind_and_there_once() {
    let site = Site::default();
    assert_eq!(site.sets().count(), site_defaults::SETS.len());
    for (name, set) in site.sets() {
        for value in &set.values {
            assert_eq!(normal(set.kind, value).as_ref(), Ok(value), "${name}");
            assert_eq!(set.values.iter().filter(|other| *other == value).count(), 1, "${name}: {value}");
        }
    }
    assert_eq!(values(&site, "admin_accounts"), ["root", "admin", "%sudo", "%wheel", "%adm"]);
    assert!(values(&site, "known_good").is_empty());
}

#[test]
fn private_addresses_are_internal_and_others_are_not() {
    let site = Site::default();
    let named = NamedValues::fitting(ValueKind::Address, CheckOperator::Within, values(&site, "internal_networks"));
    let internal = |address: &str| named.matches(&Value::Address(address.parse().unwrap()));
    for address in ["10.1.2.3", "172.31.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fe80::1", "fd00::1"] {
        assert!(internal(address), "{address}");
    }
    for address in ["172.32.0.1", "192.0.2.1", "2001:db8::1"] {
        assert!(!internal(address), "{address}");
    }
}

#[test]
fn a_key_replaces_add_adds_and_sets_defines() {
    let site = parse(
        "deploy_accounts = ['bot']\nmonitoring_tools = []\n[add]\ninternal_networks = ['198.51.100.0/24']\nmine = ['b']\n\
         [sets]\nmine = ['a']",
    )
    .unwrap();
    assert_eq!(values(&site, "deploy_accounts"), ["bot"]);
    assert!(values(&site, "monitoring_tools").is_empty());
    assert!(values(&site, "internal_networks").contains(&"10.0.0.0/8".to_owned()));
    assert!(values(&site, "internal_networks").contains(&"198.51.100.0/24".to_owned()));
    assert_eq!(values(&site, "mine"), ["a", "b"]);
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let wrong = parse(
        "deploy_acounts = ['bot']\nbackup_dirs = ['backup', 7]\nadmin_groups = 'wheel'\nprinters = []\n\
         [add]\ninternal_networks = ['10.0.0.0/99']\n[sets]\nupdate_dirs = []\n'Bad Name' = []",
    )
    .unwrap_err();
    let expected = [
        "site.toml:1:1: there is no site set `deploy_acounts` (did you mean `deploy_accounts`?)",
        "site.toml:2:16: `backup` is not an absolute path",
        "site.toml:2:26: the value is a whole number where text belongs",
        "site.toml:3:16: the set is text where a list belongs",
        "site.toml:4:1: there is no site set `printers` (a set of your own goes under [sets])",
        "site.toml:6:22: `10.0.0.0/99` is not an IP address or a network such as 10.0.0.0/8",
        "site.toml:8:1: `update_dirs` is a set already (to change it, name it outside of [sets])",
        "site.toml:9:1: a set's name is lower-case letters, digits and `_`",
    ];
    assert_eq!(wrong, expected);
    assert!(parse("a = [").unwrap_err()[0].starts_with("site.toml:1:"));
}

#[test]
fn groups_stand_for_their_members() {
    let set = Site::default().set("admin_accounts").unwrap().clone();
    let members = |group: &str| if group == "wheel" { vec!["ann".to_owned(), "root".to_owned()] } else { Vec::new() };
    assert_eq!(set.expanded(members), ["admin", "ann", "root"]);
    let groups = Site::default().set("admin_groups").unwrap().clone();
    assert_eq!(groups.expanded(members), groups.values);
}

#[test]
fn a_value_named_on_the_spot_is_checked_and_kept_once() {
    let mut site = Site::default();
    site.add("monitoring_tools", "poller.py").unwrap();
    site.add("monitoring_tools", "poller.py").unwrap();
    assert_eq!(values(&site, "monitoring_tools").iter().filter(|v| *v == "poller.py").count(), 1);
    assert!(site.add("backup_dirs", "backup").unwrap_err().contains("not an absolute path"));
    assert!(site.add("nothing", "x").is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*", words in proptest::collection::vec(WORDS, 0..40)) {
        let _ = parse(&text);
        let soup = words.concat();
        let _ = parse(&soup);
        let mut problems = Problems::new(Path::new("x"), &soup);
        crate::hunt::document::read(&soup, &Site::default(), &mut problems);
        problems.finish();
    }
}

const WORDS: &str = "\n|rule|scenario|id|applies_when|contradicted_when|strength|'weak'|field|in|under| = |\\[|\\]|\\[\\[|\\]\\]|\\{|\\}|,|'file\\.path'|'\\$known_good'|1|true|\\.|add|sets|'é'|\"";
