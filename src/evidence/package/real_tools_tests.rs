//! What is read here against what the real tools say, where they are installed: rpm, Berkeley DB's own loader, dpkg.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::testing::scratch;
use super::*;

/// What a tool prints; none where it is not there or fails.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A package of two hundred files, and one that replaces one of them.
const SPECS: [(&str, &str); 2] = [
    (
        "tools",
        "mkdir -p %{buildroot}/usr/bin %{buildroot}/opt/tool\nprintf '#!tool' > %{buildroot}/usr/bin/tool\n\
         printf x > %{buildroot}/usr/bin/suid\n\
         for i in $(seq 200); do echo $i > %{buildroot}/opt/tool/f$i; done\n\
         %files\n%attr(0755,root,root) /usr/bin/tool\n%attr(4755,root,root) /usr/bin/suid\n/opt/tool\n",
    ),
    ("later", "mkdir -p %{buildroot}/usr/bin\nprintf '#!later' > %{buildroot}/usr/bin/tool\n%files\n/usr/bin/tool\n"),
];

/// A root with both packages installed by rpm itself.
fn made_by_rpm() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir_all(dir.path().join("root/var/lib/rpm")).unwrap();
    for (name, files) in SPECS {
        let head = format!(
            "Name: {name}\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n"
        );
        std::fs::write(dir.path().join(format!("{name}.spec")), format!("{head}%install\n{files}")).unwrap();
        let top = format!("_topdir {}", at("top"));
        said("rpmbuild", &["-bb", "--define", &top, &at(&format!("{name}.spec"))])?;
        let package = at(&format!("top/RPMS/noarch/{name}-1-1.noarch.rpm"));
        let root = at("root");
        let arguments =
            ["--root", &root, "--dbpath", "/var/lib/rpm", "-i", "--nodeps", "--force", "--noscripts", &package];
        said("rpm", &arguments)?;
    }
    Some(dir)
}

/// Holds each file of a root against rpm's own `-qf`.
fn compare(root: &Path, asked: &Path) {
    let packages = Packages::read(&Root::image(root));
    let below = asked.display().to_string();
    let mut compared = 0;
    let files = (1..=200).map(|number| format!("/opt/tool/f{number}"));
    for file in files.chain(["/usr/bin/tool".to_owned(), "/usr/bin/suid".to_owned()]) {
        let theirs = said("rpm", &["--root", &below, "--dbpath", "/var/lib/rpm", "-qf", "--qf", "%{NAME}\n", &file]);
        let ours = packages.owner(Path::new(&file), None);
        let ours = ours.found().unwrap_or_else(|| panic!("{file}: {ours:?}"));
        let theirs = theirs.unwrap_or_default();
        assert!(theirs.lines().any(|name| name == ours.package), "{file}: rpm says {theirs}, here {}", ours.package);
        assert_eq!(ours.content, ContentCheck::AsShipped, "{file}");
        assert!(ours.differs.is_empty(), "{file}: {ours}");
        compared += 1;
    }
    assert_eq!(compared, 202);
    // rpm marks the file of the first package as replaced.
    assert_eq!(packages.owner(Path::new("/usr/bin/tool"), None).found().unwrap().package, "later");
}

#[test]
fn rpm_s_own_database_says_what_rpm_says() {
    let Some(dir) = made_by_rpm() else {
        eprintln!("skipped: rpm and rpmbuild are not here, or cannot install");
        return;
    };
    compare(&dir.path().join("root"), &dir.path().join("root"));
    // The same headers as a hash table that Berkeley DB's own loader writes.
    let database = rusqlite::Connection::open(dir.path().join("root/var/lib/rpm/rpmdb.sqlite")).unwrap();
    let mut rows = database.prepare("SELECT hnum, blob FROM Packages").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let mut dump = String::from("VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n");
    for (number, blob) in rows.map(Result::unwrap) {
        dump.push_str(&format!(" {}\n {}\n", text::hex(&number.to_le_bytes()), text::hex(&blob)));
    }
    dump.push_str("DATA=END\n");
    let old = dir.path().join("old");
    assert!(Command::new("cp").arg("-a").arg(dir.path().join("root")).arg(&old).status().unwrap().success());
    std::fs::remove_dir_all(old.join("var/lib/rpm")).unwrap();
    std::fs::create_dir_all(old.join("var/lib/rpm")).unwrap();
    for loader in ["db5.3_load", "db_load"] {
        let mut command = Command::new(loader);
        let Ok(mut child) = command.arg(old.join("var/lib/rpm/Packages")).stdin(Stdio::piped()).spawn() else {
            continue;
        };
        child.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        compare(&old, &dir.path().join("root"));
        return;
    }
    eprintln!("skipped in part: Berkeley DB's db_load is not here");
}

#[test]
fn dpkg_says_the_same_of_this_machine_s_files() {
    let (_dir, nothing) = scratch(&[]);
    drop(nothing);
    let files =
        ["/bin/cat", "/usr/bin/env", "/etc/passwd", "/usr/bin/dpkg", "/bin/sh", "/usr/share/doc", "/no/such/file"];
    if said("dpkg", &["-S", "/usr/bin/dpkg"]).is_none() {
        eprintln!("skipped: dpkg is not here");
        return;
    }
    let packages = Packages::read(&Root::live());
    for file in files {
        let theirs = said("dpkg", &["-S", file]);
        let ours = packages.owner(Path::new(file), None);
        let Some(theirs) = theirs else { continue };
        let ours = ours.found().unwrap_or_else(|| panic!("{file}: dpkg says {theirs}, here {ours:?}"));
        assert!(theirs.contains(&ours.package), "{file}: dpkg says {theirs}, here {}", ours.package);
    }
}
