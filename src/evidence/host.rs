//! The box as a whole: whether a path exists, and which management and security tools are installed.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, Observed, from_error};
use super::show;
use crate::root::{Attributes, Root};

/// An installed tool that can explain a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its common name.
    pub name: Cow<'static, str>,
    /// The path that shows it is installed.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Whether the found file lies below that path.
    pub holds_file: bool,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} exists", self.path.display())?;
        if self.holds_file { f.write_str(" and holds the file") } else { Ok(()) }
    }
}

/// Tools and the folders or files their packages install, after each project's own installation guide.
const TOOLS: &[(&str, &[&str])] = &[
    ("Ansible", &["/etc/ansible", "/usr/share/ansible"]),
    ("Bacula", &["/etc/bacula"]),
    ("Carbon Black", &["/opt/carbonblack"]),
    ("Chef", &["/opt/chef", "/etc/chef"]),
    ("ClamAV", &["/etc/clamav", "/etc/clamd.d"]),
    ("Commvault", &["/opt/commvault"]),
    ("CrowdStrike Falcon", &["/opt/CrowdStrike"]),
    ("Elastic Agent", &["/opt/Elastic"]),
    ("Jenkins", &["/var/lib/jenkins"]),
    ("Logstash", &["/etc/logstash", "/usr/share/logstash"]),
    ("Microsoft Defender", &["/opt/microsoft/mdatp"]),
    ("Microsoft Intune", &["/opt/microsoft/intune"]),
    ("Nagios", &["/usr/local/nagios", "/usr/lib/nagios"]),
    ("OSSEC or Wazuh", &["/var/ossec"]),
    ("osquery", &["/etc/osquery", "/opt/osquery"]),
    ("Puppet", &["/opt/puppetlabs", "/etc/puppet"]),
    ("Salt", &["/etc/salt", "/var/lib/salt", "/opt/saltstack"]),
    ("SentinelOne", &["/opt/sentinelone"]),
    ("Snort", &["/etc/snort"]),
    ("Splunk", &["/opt/splunk", "/opt/splunkforwarder"]),
    ("Suricata", &["/etc/suricata"]),
    ("Tenable Nessus", &["/opt/nessus", "/opt/nessus_agent"]),
    ("Veeam Agent", &["/etc/veeam", "/usr/share/veeam"]),
    ("Zabbix", &["/etc/zabbix"]),
];

/// The state of `path` on the box, links resolved within its root; not found when it does not exist.
pub(super) fn attributes(root: &Root, path: &Path) -> Observed<Attributes> {
    match root.locate(path, true) {
        Ok(located) => Observed::Found(Attributes::of(&located.metadata)),
        Err(error) => from_error(path, &error),
    }
}

/// The installed tools, those that hold `file` first.
pub(super) fn tools(root: &Root, file: &Path) -> Observed<Vec<Tool>> {
    let mut gaps = Gaps::default();
    let mut tools = Vec::new();
    for (name, paths) in TOOLS {
        for path in paths.iter().map(Path::new) {
            match root.locate(path, true) {
                Ok(found) => {
                    let holds_file = file.starts_with(path) || file.starts_with(&found.path);
                    tools.push(Tool { name: (*name).into(), path: path.to_owned(), holds_file });
                }
                Err(error) => gaps.add_error(path, &error),
            }
        }
    }
    tools.sort_by_key(|tool| !tool.holds_file);
    gaps.settle(tools)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_tools_are_looked_up_below_the_root() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("var/ossec/bin")).unwrap();
        std::fs::create_dir_all(dir.path().join("etc/ansible")).unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let root = Root::image(dir.path());
        assert!(attributes(&root, Path::new("/etc/ansible")).found().is_some());
        assert_eq!(attributes(&root, Path::new("/etc/salt")), Observed::NotFound);
        assert!(attributes(&root, Path::new("/loop")).reason().unwrap().starts_with("/loop: "));
        let tools = tools(&root, Path::new("/var/ossec/bin/feed"));
        let tools = tools.found().unwrap();
        assert_eq!((&*tools[0].name, tools[0].holds_file), ("OSSEC or Wazuh", true));
        assert_eq!((&*tools[1].name, tools[1].holds_file), ("Ansible", false));
        assert_eq!(tools.len(), 2);
        assert_eq!(super::tools(&Root::image(dir.path().join("var")), Path::new("/x")), Observed::NotFound);
    }
}
