use std::path::Path;

use super::super::Gatherer;
use super::super::testing::scratch;
use super::*;
use crate::root::Root;

fn texts(page: &Referred) -> Vec<&str> {
    page.lines.iter().map(|line| line.text.as_str()).collect()
}

fn file(path: &str, line: Option<usize>) -> Reference {
    Reference::File(path.into(), line)
}

#[test]
fn a_table_is_shown_at_the_line_that_names_the_file_and_leads_on_to_what_it_names() {
    let table = "# jobs\n*/5 * * * * root /opt/x/run.sh >/dev/null\n@daily root /bin/true\n";
    let (_dir, root) = scratch(&[("etc/cron.d/x", table), ("opt/x/run.sh", "#!/bin/sh\n")]);
    let page = Gatherer::new(root).look_up(&file("/etc/cron.d/x", Some(2)));
    let here = &page.lines[page.here()];
    assert_eq!(here.kind, LineKind::Here);
    assert!(here.text.ends_with("*/5 * * * * root /opt/x/run.sh >/dev/null"), "{}", here.text);
    assert_eq!(here.to, Some(file("/opt/x/run.sh", None)));
    let comment = page.lines.iter().find(|line| line.text.ends_with("# jobs")).unwrap();
    assert_eq!(comment.to, None);
    assert!(texts(&page).iter().any(|line| line.starts_with("owner ") && line.contains("mode 0")));
}

#[test]
fn a_line_that_is_gone_a_file_that_is_gone_and_a_pipe_are_told() {
    let (dir, root) = scratch(&[("etc/cron.d/x", "one\n")]);
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), 0o600.into()).unwrap();
    let box_ = Gatherer::new(root);
    let said = |path, line| texts(&box_.look_up(&file(path, line))).join("\n");
    assert!(said("/etc/cron.d/x", Some(7)).contains("the line was 7 and is gone"));
    assert!(said("/etc/none", None).contains("cannot be read"));
    assert!(said("/pipe", None).contains("cannot be read"));
}

#[test]
fn what_a_file_says_to_a_terminal_is_not_said() {
    let (_dir, root) = scratch(&[("etc/x", "a\u{1b}[2Jb\u{202e}c\n")]);
    let page = Gatherer::new(root).look_up(&file("/etc/x", None));
    assert!(texts(&page).iter().all(|line| line.chars().all(text::is_plain_char)), "{page:?}");
}

#[test]
fn links_lead_nowhere_out_of_the_image() {
    let (dir, root) = scratch(&[("etc/shadow", "of the image\n")]);
    std::os::unix::fs::symlink("../../../../../../etc/passwd", dir.path().join("etc/x")).unwrap();
    let page = Gatherer::new(root).look_up(&file("/etc/x", None));
    assert!(texts(&page)[0].contains("cannot be read"), "{page:?}");
}

#[test]
fn a_large_table_is_shown_around_its_line_and_a_binary_by_its_first_bytes() {
    let many: String = (1..=20_000).map(|line| format!("line {line}\n")).collect();
    let (_dir, root) = scratch(&[("many", &many), ("binary", "\u{7f}ELF\0\0\0")]);
    let box_ = Gatherer::new(root);
    let page = box_.look_up(&file("/many", Some(15_000)));
    assert!(page.lines.len() <= 2100 && page.lines[page.here()].text == "15000  line 15000", "{}", page.lines.len());
    assert_eq!(page.lines.last().unwrap().text, "there are more lines");
    let page = box_.look_up(&file("/binary", None));
    assert!(texts(&page).iter().any(|line| line.starts_with("00000000  7f 45 4c 46 00")), "{page:?}");
}

#[test]
fn a_unit_is_found_with_what_changes_it_and_an_instance_by_its_template() {
    let (_dir, root) = scratch(&[
        ("usr/lib/systemd/system/a.service", "[Service]\nExecStart=/opt/a\n"),
        ("etc/systemd/system/a.service.d/own.conf", "[Service]\nUser=b\n"),
        ("etc/systemd/system/b@.service", "[Service]\nExecStart=/opt/b %i\n"),
    ]);
    let box_ = Gatherer::new(root);
    let page = box_.look_up(&Reference::Unit("a.service".into()));
    let starts = page.lines.iter().find(|line| line.text.contains("ExecStart")).unwrap();
    assert_eq!(starts.to, Some(file("/opt/a", None)));
    assert!(page.lines.iter().any(|line| line.to == Some(file("/etc/systemd/system/a.service.d/own.conf", None))));
    assert!(texts(&box_.look_up(&Reference::Unit("b@1.service".into()))).iter().any(|line| line.contains("/opt/b")));
    assert!(texts(&box_.look_up(&Reference::Unit("c.service".into())))[0].contains("no file of this unit"));
    assert!(texts(&box_.look_up(&Reference::Unit("../../x".into())))[0].contains("no name of a unit"));
}

#[test]
fn the_files_of_a_package_are_listed_by_each_manager_and_missing_ones_marked() {
    let (_dir, root) = scratch(&[
        ("opt/x", ""),
        ("var/lib/dpkg/info/x:amd64.list", "/.\n/opt\n/opt/x\n/opt/y\n"),
        ("var/lib/dpkg/info/xx.list", "/opt/z\n"),
    ]);
    let package = |manager: &str| Reference::Package(manager.into(), "x".into());
    let page = Gatherer::new(root).look_up(&package("dpkg"));
    assert_eq!(texts(&page)[2..], ["It ships 3 paths", "/opt", "/opt/x", "/opt/y  (not there)"]);
    let installed = "P:y\nF:bin\nR:no\n\nP:x\nF:opt\nR:x\n\n";
    let (_dir, root) = scratch(&[("opt/x", ""), ("lib/apk/db/installed", installed)]);
    let box_ = Gatherer::new(root);
    assert_eq!(texts(&box_.look_up(&package("apk"))).last(), Some(&"/opt/x"));
    assert!(texts(&box_.look_up(&package("dpkg")))[0].contains("no database of dpkg"));
    assert!(texts(&box_.look_up(&package("pip")))[0].contains("keeps no list"));
    let files = "%FILES%\nopt/\nopt/x\n\n%BACKUP%\n";
    let (_dir, root) = scratch(&[("opt/x", ""), ("var/lib/pacman/local/x-1-2/files", files)]);
    assert_eq!(texts(&Gatherer::new(root).look_up(&package("pacman"))).last(), Some(&"/opt/x"));
}

#[test]
fn a_process_is_shown_between_its_parents_and_what_it_started() {
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let box_ = Gatherer::new(Root::live());
    let page = box_.look_up(&Reference::Process(child.id()));
    let own = std::process::id();
    let parent = page.lines.iter().position(|line| line.to == Some(Reference::Process(own)));
    assert!(parent.is_some_and(|parent| parent < page.here()), "{page:?}");
    assert!(page.lines[page.here()].text.contains("sleep 600"), "{page:?}");
    let above = box_.look_up(&Reference::Process(own));
    let below = above.lines.iter().position(|line| line.to == Some(Reference::Process(child.id())));
    assert!(below.is_some_and(|below| below > above.here()), "{above:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(texts(&box_.look_up(&Reference::Process(u32::MAX)))[0].contains("no process of this number"));
    let image = Gatherer::new(Root::image(Path::new("/nowhere")));
    assert!(texts(&image.look_up(&Reference::Process(1)))[0].contains("an image has no processes"));
}

#[test]
fn of_another_box_only_what_the_case_keeps_is_told() {
    let evidence = super::super::Evidence { path: "/opt/x".into(), ..Default::default() };
    let page = kept(&evidence, &file("/opt/x", None));
    assert!(texts(&page)[0].contains("what the case keeps") && texts(&page)[1].contains("first tab"), "{page:?}");
    assert!(texts(&kept(&evidence, &Reference::Process(4)))[1].starts_with("nothing"));
}
