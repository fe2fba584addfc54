//! The forms in which a schedule can name a file, as administrators and intruders write them, and whether each does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::super::testing::{facts, put, scratch};
use super::*;

/// The file that is looked for.
const FILE: &str = "/opt/x/f.sh";
const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";

/// Commands that run the file, from a table of cron and from a unit alike.
const SHELL: &[&str] = &[
    "/opt/x/f.sh",
    "/opt/x/f.sh --now",
    "'/opt/x/f.sh'",
    "\"/opt/x/f.sh\" a b",
    "sh /opt/x/f.sh",
    "/bin/sh -e /opt/x/f.sh",
    "bash -lc /opt/x/f.sh",
    "bash -c '/opt/x/f.sh'",
    "sh -c '/opt/x/f.sh arg'",
    "sh -c \"/opt/x/f.sh\"",
    "sh -c 'cd /opt/x && ./f.sh'",
    "sh -c 'cd /opt/x; ./f.sh'",
    "sh -c \"cd '/opt/x' && ./f.sh\"",
    "bash -c 'cd /opt && cd x && ./f.sh'",
    "bash -c 'cd /opt/x && exec ./f.sh'",
    "bash -c 'pushd /opt/x; bash f.sh'",
    "bash -c '[ -x /opt/x/f.sh ] && /opt/x/f.sh'",
    "bash -c 'test -x /opt/x/f.sh && exec /opt/x/f.sh'",
    "sh -c 'if true; then /opt/x/f.sh; fi'",
    "sh -c 'while :; do /opt/x/f.sh; sleep 9; done'",
    "sh -c 'for i in 1 2; do /opt/x/f.sh $i; done'",
    "sh -c '(/opt/x/f.sh) &'",
    "sh -c '{ /opt/x/f.sh; }'",
    "sh -c 'true | /opt/x/f.sh'",
    "sh -c 'true || /opt/x/f.sh'",
    "sh -c 'eval /opt/x/f.sh'",
    "sh -c '. /opt/x/f.sh'",
    "sh -c 'source /opt/x/f.sh'",
    "sh -c 'X=/opt/x; $X/f.sh'",
    "sh -c 'X=/opt/x; ${X}/f.sh'",
    "sh -c 'X=/opt X2=$X/x; $X2/f.sh'",
    "sh -c '${UNSET:-/opt/x}/f.sh'",
    "sh -c 'out=$(/opt/x/f.sh)'",
    "sh -c 'echo `/opt/x/f.sh`'",
    "sh -c 'sh < /opt/x/f.sh'",
    "sh -c 'cat /opt/x/f.sh | sh'",
    "sh -c '/opt/x/f.sh > /dev/null 2>&1'",
    "sh -c '/opt/x/f.sh>/dev/null'",
    "sh -c '/opt/x/*.sh'",
    "sh -c 'for f in /opt/x/*.sh; do $f; done'",
    "env A=b /opt/x/f.sh",
    "/usr/bin/env -i /opt/x/f.sh",
    "nice -n 19 /opt/x/f.sh",
    "ionice -c3 nice /opt/x/f.sh",
    "nohup /opt/x/f.sh",
    "setsid -f /opt/x/f.sh",
    "timeout 60 /opt/x/f.sh",
    "timeout -k 5 60s /opt/x/f.sh",
    "flock -n /run/x.lock /opt/x/f.sh",
    "flock -n /run/x.lock -c /opt/x/f.sh",
    "chronic /opt/x/f.sh",
    "sudo -u alice /opt/x/f.sh",
    "su alice -c /opt/x/f.sh",
    "su - alice -c '/opt/x/f.sh now'",
    "runuser -u alice -- /opt/x/f.sh",
    "chroot / /opt/x/f.sh",
    "unshare -n /opt/x/f.sh",
    "systemd-run --scope /opt/x/f.sh",
    "systemd-cat -t x /opt/x/f.sh",
    "logger -f /opt/x/f.sh",
    "xargs /opt/x/f.sh",
    "find /tmp -exec /opt/x/f.sh {} +",
    "python3 -u /opt/x/f.sh",
    "python3 -c 'import os; os.system(\"/opt/x/f.sh\")'",
    "python3 -c \"import subprocess; subprocess.run(['/opt/x/f.sh'])\"",
    "perl -e 'system(\"/opt/x/f.sh\")'",
    "ruby -e 'exec \"/opt/x/f.sh\"'",
    "php -f /opt/x/f.sh",
    "node /opt/x/f.sh",
    "java -jar /opt/x/f.sh",
    "busybox sh /opt/x/f.sh",
    "ssh host /opt/x/f.sh",
    "docker run -v /opt/x/f.sh:/f.sh image",
    "rsync --rsh=/opt/x/f.sh a b",
    "tool --hook=/opt/x/f.sh",
    "tool --config /etc/c,/opt/x/f.sh",
    "tool -c:/opt/x/f.sh",
    "/opt/./x/f.sh",
    "/opt/y/../x/f.sh",
    "//opt//x//f.sh",
    "/opt/link/f.sh",
    "run-parts /opt/x",
    "run-parts --report --regex=. /opt/x",
    "sh -c 'cd / && run-parts /opt/x'",
    "wrap.sh",
    "/opt/w/wrap.sh",
    "/opt/w/outer.sh",
    "/opt/w/beside.sh",
    "/opt/w/own.sh",
    "/opt/w/wrap.py",
    "sh -c 'cd /opt/w && ./wrap.sh'",
];

/// Other tables, units and places: what lies where.
const FILES: &[&[(&str, &str)]] = &[
    &[("etc/crontab", "BASE=/opt/x\n0 3 * * * root $BASE/f.sh\n")],
    &[("etc/crontab", "BASE = \"/opt/x\"\n0 3 * * * root ${BASE}/f.sh\n")],
    &[("etc/crontab", "PATH=/opt/x:/bin\n0 3 * * * root f.sh\n")],
    &[("etc/crontab", "HOME=/opt/x\n0 3 * * * root ./f.sh\n")],
    &[("etc/crontab", "HOME=/opt/x\n0 3 * * * root ${HOME}/f.sh\n")],
    &[("etc/crontab", "CMD=/opt/x/f.sh\n0 3 * * * root $CMD\n")],
    &[("etc/crontab", "BASH_ENV=/opt/x/f.sh\n0 3 * * * root true\n")],
    &[("etc/crontab", "SHELL=/opt/x/f.sh\n0 3 * * * root true\n")],
    &[("etc/crontab", "CRON_TZ=UTC\n@hourly root /opt/x/f.sh\n")],
    &[("etc/crontab", "@reboot\troot\t/opt/x/f.sh\n")],
    &[("etc/crontab", "*/5 * * * * root /opt/x/f.sh%input\n")],
    &[("etc/crontab", "0~30 3 * jan-mar mon,fri root /opt/x/f.sh\n")],
    &[("etc/cron.d/job", "0 3 * * * alice cd /opt/x && ./f.sh\n")],
    &[("etc/cron.d/job", "0 3 * * * alice cd /opt/x; sh ./f.sh\n")],
    &[("var/spool/cron/crontabs/alice", "0 3 * * * /opt/x/f.sh\n")],
    &[("var/spool/cron/root", "0 3 * * * cd /opt/x&&./f.sh\n")],
    &[("var/spool/cron/tabs/root", "@daily /opt/x/f.sh\n")],
    &[("etc/crontabs/root", "0 3 * * * /opt/x/f.sh\n")],
    &[("etc/cron.daily/job", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/cron.hourly/job", "#!/bin/sh\nD=/opt/x\n\"$D\"/f.sh\n")],
    &[("etc/cron.weekly/job", "#!/bin/sh\ncd /opt/x || exit\n./f.sh\n")],
    &[("etc/periodic/daily/job", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/anacrontab", "1 5 job /opt/x/f.sh\n")],
    &[("etc/anacrontab", "B=/opt/x\n@monthly 5 job $B/f.sh\n")],
    &[("var/spool/cron/atjobs/a0000b01c5ab80", "#!/bin/sh\ncd /opt/x || exit\n./f.sh\n")],
    &[("var/spool/at/a0000b01c5ab80", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/incron.d/job", "/etc IN_MODIFY /opt/x/f.sh $@/$#\n")],
    &[("var/spool/incron/root", "/etc IN_ALL_EVENTS sh /opt/x/f.sh\n")],
    &[("var/spool/incron/root", "/opt/x IN_CREATE $@/f.sh\n")],
    &[("usr/lib/systemd/system-generators/gen", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/systemd/system-generators/gen", "#!/bin/sh\nexec /opt/x/f.sh\n")],
    &[("usr/lib/systemd/user-generators/gen", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("usr/lib/systemd/system-sleep/hook", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("usr/lib/systemd/system-shutdown/hook", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=/bin/true\nExecStartPost=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=/bin/true\nExecReload=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=/bin/true\nExecStop=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecCondition=/opt/x/f.sh\nExecStart=/bin/true\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=!!/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=@/opt/x/f.sh name\n")],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=/bin/sh \\\n  -c \\\n  /opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nEnvironment=B=/opt/x\nExecStart=${B}/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nEnvironment=\"B=/opt/x\" C=d\nExecStart=/bin/sh $B/f.sh\n")],
    &[
        ("etc/systemd/system/j.service", "[Service]\nEnvironmentFile=-/etc/default/j\nExecStart=/bin/sh ${SCRIPT}\n"),
        ("etc/default/j", "# x\nSCRIPT=\"/opt/x/f.sh\"\n"),
    ],
    &[("etc/systemd/system/j.service", "[Service]\nWorkingDirectory=/opt/x\nExecStart=/bin/sh f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\nWorkingDirectory=-/opt/x\nExecStart=/bin/sh ./f.sh\n")],
    &[("etc/systemd/system/x.service", "[Service]\nExecStart=/opt/%p/f.sh\n")],
    &[("etc/systemd/system/x.service", "[Service]\nExecStart=/opt/%N/f.sh\n")],
    &[
        ("etc/systemd/system/j@.service", "[Service]\nExecStart=/opt/%i/f.sh\n"),
        ("etc/systemd/system/multi-user.target.wants/j@x.service", ""),
    ],
    &[
        ("etc/systemd/system/j@.service", "[Service]\nExecStart=/opt/%I/f.sh\n"),
        ("etc/systemd/system/timers.target.wants/j@x.service", ""),
    ],
    &[("etc/systemd/system/j.service", "[Service]\nExecStart=/opt/x\\x2ff.sh\n")],
    &[("etc/systemd/system/j.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/opt/x/f.sh\n")],
    &[("run/systemd/transient/run-1.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("run/systemd/system/j.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("usr/local/lib/systemd/system/j.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("home/alice/.config/systemd/user/j.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("etc/systemd/user/j.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.path", "[Path]\nPathChanged=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.socket", "[Socket]\nListenStream=23\nExecStartPre=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.mount", "[Mount]\nWhat=/dev/a\nExecStart=/opt/x/f.sh\n")],
];

/// What names the file and never runs it, or does not name it.
const NOT: &[&[(&str, &str)]] = &[
    &[("etc/crontab", "# 0 3 * * * root /opt/x/f.sh\n")],
    &[("etc/crontab", "0 3 * * * root /opt/x/f.sh.bak\n")],
    &[("etc/crontab", "0 3 * * * root /opt/x/f\n")],
    &[("etc/crontab", "0 3 * * * root echo opt/x/f.sh\n")],
    &[("etc/crontab", "0 3 * * * nobody-here /opt/x/f.sh\n")],
    &[("etc/cron.d/job.dpkg-old", "0 3 * * * root /opt/x/f.sh\n")],
    &[("etc/cron.d/job~", "0 3 * * * root /opt/x/f.sh\n")],
    &[("etc/cron.d/.placeholder", "0 3 * * * root /opt/x/f.sh\n")],
    &[("etc/cron.d/job.rpmsave", "0 3 * * * root /opt/x/f.sh\n")],
    &[("var/spool/cron/crontabs/nobody-here", "0 3 * * * /opt/x/f.sh\n")],
    &[("etc/cron.daily/job.dpkg-dist", "#!/bin/sh\n/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", ""), ("usr/lib/systemd/system/j.service", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[
        ("etc/systemd/system/j.service", "[Service]\nExecStart=/bin/true\n"),
        ("usr/lib/systemd/system/j.service", "[Service]\nExecStart=/opt/x/f.sh\n"),
    ],
    &[("etc/systemd/system/j.service~", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service.rpmsave", "[Service]\nExecStart=/opt/x/f.sh\n")],
    &[("etc/systemd/system/j.service", "[Service]\n#ExecStart=/opt/x/f.sh\nExecStart=/bin/true\n")],
    &[("etc/systemd/system/j.service", "[Service]\nDescription=/opt/x/f.sh\n")],
    &[("etc/anacrontab", "x y z /opt/x/f.sh\n")],
    &[("var/spool/cron/atjobs/not-a-job", "/opt/x/f.sh\n")],
];

/// A box with the file, the wrappers that name it, and these files.
fn plant(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let (dir, root) = scratch(&[
        ("etc/passwd", PASSWD),
        ("opt/x/f.sh", "#!/bin/sh\n"),
        ("usr/local/bin/wrap.sh", "#!/bin/sh\nexec /opt/x/f.sh\n"),
        ("opt/w/wrap.sh", "#!/bin/sh\nD=/opt/x\nexec \"$D/f.sh\" \"$@\"\n"),
        ("opt/w/outer.sh", "#!/bin/sh\n/opt/w/wrap.sh\n"),
        ("opt/w/beside.sh", "#!/bin/sh\n\"$(dirname \"$0\")/../x/f.sh\"\n"),
        ("opt/w/own.sh", "#!/bin/bash\nHERE=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\n$HERE/../x/f.sh\n"),
        ("opt/w/wrap.py", "#!/usr/bin/env python3\nimport subprocess\nsubprocess.call(['/opt/x/f.sh'])\n"),
    ]);
    std::os::unix::fs::symlink("x", dir.path().join("opt/link")).unwrap();
    for (path, content) in files {
        put(dir.path(), path, content.as_bytes());
        let script = content.starts_with("#!") && !path.contains("atjobs");
        let mode = if script { 0o755 } else { 0o644 };
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let program = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir.path().join("opt/x/f.sh"), program).unwrap();
    (dir, root)
}

/// Whether something that runs names the file itself, and all that was found.
fn names(dir: &Path, root: &Root) -> (bool, String) {
    let accounts = BoxAccounts::read(root);
    let schedules = Schedules::read(root, &accounts);
    let facts = facts(&dir.join(FILE.trim_start_matches('/')));
    let found = schedules.naming(Path::new(FILE), &facts, &Packages::read(root), &accounts);
    let all = found.found().into_iter().flatten();
    let runs = all.clone().any(|one| one.names == NameMatch::File && one.never.is_none() && one.place.is_none());
    (runs, all.map(|one| format!("{one}: {}\n", one.command)).collect())
}

#[test]
fn every_form_is_found_and_what_never_runs_is_not() {
    let mut forms: Vec<(bool, Vec<(String, String)>)> = Vec::new();
    let owned =
        |files: &[(&str, &str)]| files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    for command in SHELL {
        forms.push((true, vec![("etc/crontab".into(), format!("0 3 * * * root {command}\n"))]));
    }
    for command in SHELL.iter().step_by(5) {
        let unit = format!("[Service]\nExecStart={command}\n[Install]\nWantedBy=multi-user.target\n");
        forms.push((true, vec![("etc/systemd/system/j.service".into(), unit)]));
    }
    forms.extend(FILES.iter().map(|files| (true, owned(files))));
    forms.extend(NOT.iter().map(|files| (false, owned(files))));
    assert!(forms.len() >= 173, "{}", forms.len());
    let mut wrong = Vec::new();
    for (expected, files) in &forms {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (dir, root) = plant(&files);
        let (found, said) = names(dir.path(), &root);
        if found != *expected {
            wrong.push(format!("{files:?}: expected {expected}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} forms:\n{}", wrong.len(), forms.len(), wrong.join("\n"));
}

#[test]
fn cron_refuses_tables_that_others_can_write_to() {
    for (path, mode, runs) in [
        ("etc/cron.d/job", 0o644, true),
        ("etc/cron.d/job", 0o664, false),
        ("etc/cron.d/job", 0o646, false),
        ("etc/crontab", 0o666, false),
    ] {
        let (dir, root) = plant(&[(path, "0 3 * * * root /opt/x/f.sh\n")]);
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(names(dir.path(), &root).0, runs, "{path} {mode:o}");
    }
    // A script that nobody may execute is skipped, on every box.
    let (dir, root) = plant(&[("etc/cron.daily/job", "/opt/x/f.sh\n")]);
    assert!(!names(dir.path(), &root).0);
}

#[test]
fn units_that_paths_sockets_and_other_units_start_say_so() {
    let when = |files: &[(&str, &str)]| {
        let (dir, root) = plant(files);
        let accounts = BoxAccounts::read(&root);
        let facts = facts(&dir.path().join("opt/x/f.sh"));
        let found =
            Schedules::read(&root, &accounts).naming(Path::new(FILE), &facts, &Packages::read(&root), &accounts);
        let found = found.found().unwrap().iter().find(|one| one.names == NameMatch::File).unwrap().clone();
        (found.when, found.idle.is_some(), found.late)
    };
    let service = ("etc/systemd/system/j.service", "[Service]\nExecStart=/opt/x/f.sh\n");
    assert!(when(&[service]).1);
    for (starter, content, said) in [
        ("etc/systemd/system/j.path", "[Path]\nPathExists=/tmp/x\n", "started by j.path"),
        ("etc/systemd/system/j.socket", "[Socket]\nListenStream=1\n", "started by j.socket"),
        ("etc/systemd/system/other.path", "[Path]\nPathExists=/tmp/x\nUnit=j.service\n", "started by other.path"),
        ("etc/systemd/system/a.service", "[Unit]\nOnFailure=j.service\n", "started by a.service"),
        ("etc/systemd/system/a.target", "[Unit]\nWants=k.service j.service\n", ""),
    ] {
        let (when, idle, _) = when(&[service, (starter, content)]);
        assert!(said.is_empty() || (when.contains(said) && !idle), "{starter}: {when}");
    }
    let timer = "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1h\nAccuracySec=1s\n";
    let (said, idle, late) = when(&[service, ("etc/systemd/system/j.timer", timer)]);
    assert!(said.contains("j.timer: OnCalendar=daily") && !idle);
    assert_eq!(late, 3601);
}
