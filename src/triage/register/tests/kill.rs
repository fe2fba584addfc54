//! Huntbooks that are killed while they record exclusions.

use std::collections::HashSet;
use std::env;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::*;

const CHILD: &str = "HUNTBOOK_TEST_REGISTER";
const ROUNDS: &str = "HUNTBOOK_TEST_KILLS";

/// The process that is killed when the variable is set; otherwise its work, a few times.
#[test]
fn child_recorder() {
    let (_folder, file) = place();
    let given = env::var_os(CHILD).map(PathBuf::from);
    let mut register = Register::load(given.clone().unwrap_or(file)).unwrap();
    register.patience = Duration::from_mins(2);
    for number in 0.. {
        let made = exclusion("/opt/r/x", &number.to_string(), as_is);
        register.add(&made).unwrap();
        println!("\nack {}", made.id);
        if given.is_none() && number == 5 {
            break;
        }
    }
    assert_eq!(register.entries().len(), 6);
}

fn child(file: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "triage::register::tests::kill::child_recorder", "--nocapture", "--test-threads=1"])
        .env(CHILD, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn no_acknowledged_exclusion_is_lost_when_huntbook_is_killed() {
    let rounds: usize = env::var(ROUNDS).map_or(40, |count| count.parse().unwrap());
    let (folder, _) = place();
    let mut acknowledged: HashSet<Uuid> = HashSet::new();
    let mut total = 0;
    let mut longest = Duration::from_millis(100);
    for round in 0..rounds {
        // A new register now and then: some are killed while they make one, and none grows long.
        let file = folder.path().join(format!("register {}.toml", round / 10));
        if round % 10 == 0 {
            acknowledged.clear();
        }
        let mut children = [child(&file), child(&file)];
        thread::sleep(Duration::from_micros((Uuid::new_v4().as_u128() % longest.as_micros()) as u64));
        for child in &mut children {
            child.kill().unwrap();
        }
        let mut news = 0;
        for child in children {
            let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            let whole = output.rfind('\n').map_or("", |end| &output[..end]);
            let ids = whole.lines().filter_map(|line| line.strip_prefix("ack ")?.parse::<Uuid>().ok());
            let before = acknowledged.len();
            acknowledged.extend(ids);
            news += acknowledged.len() - before;
        }
        longest = if news == 0 { longest * 5 / 4 } else { longest * 9 / 10 };
        longest = longest.clamp(Duration::from_millis(100), Duration::from_secs(5));
        total += news;

        let register = Register::load(&file).unwrap();
        assert!(register.entries().iter().all(|entry| entry.exclusion().is_some()), "a whole file, every time");
        let held: HashSet<Uuid> = register.entries().iter().filter_map(RegisterEntry::id).collect();
        assert!(acknowledged.is_subset(&held), "{:?}", acknowledged.difference(&held));
    }
    println!("{} kills, {total} acknowledged, all kept", 2 * rounds);
    assert!(total > 0, "the children were killed before they wrote anything");
}
