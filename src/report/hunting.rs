//! A hunt as a hunting query of Microsoft Sentinel: what its facts let one look for in logs, and what they do not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use uuid::{Builder, Uuid};

use super::kql::literal;
use super::{json, outgoing};
use crate::hunt::threat::{Endpoint, endpoints};
use crate::hunt::{Check, CheckOperator, Field, Hunt, Operand, Scenario, Site};
use crate::text;

/// How long back a query looks unless that is changed in it.
const LOOKBACK: &str = "14d";

/// The columns that every table's events are brought to.
const COLUMNS: &str = "TimeGenerated, Source, Host, Account, Process, ParentProcess, CommandLine, FileName, FilePath, Sha256, \
                       RemoteAddress, RemotePort, Event";

/// What a hunt knows that a log may hold.
struct Facts {
    files: Vec<String>,
    hashes: Vec<String>,
    endpoints: Vec<Endpoint>,
}

impl Facts {
    fn of(hunt: &Hunt) -> Self {
        Self {
            files: hunt.threat.file_names.clone(),
            hashes: hunt.rule.known_samples().iter().map(ToString::to_string).collect(),
            endpoints: endpoints(&hunt.rule),
        }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.hashes.is_empty() && self.endpoints.is_empty()
    }

    /// The tables that the query looks at, with the connector that fills each.
    fn tables(&self) -> Vec<(&'static str, &'static str)> {
        let mut tables = Vec::new();
        if !self.files.is_empty() || !self.hashes.is_empty() {
            tables.extend([
                ("MicrosoftThreatProtection", "DeviceFileEvents"),
                ("MicrosoftThreatProtection", "DeviceProcessEvents"),
            ]);
        }
        if !self.endpoints.is_empty() {
            tables.push(("MicrosoftThreatProtection", "DeviceNetworkEvents"));
            tables.push(("CefAma", "CommonSecurityLog"));
        }
        if !self.files.is_empty() || !self.endpoints.is_empty() {
            tables.push(("SyslogAma", "Syslog"));
        }
        tables
    }
}

/// The query; `None` for a hunt whose facts no log can hold. `site` says what the scenarios' sets stand for.
pub(crate) fn query(hunt: &Hunt, site: &Site) -> Option<String> {
    let facts = Facts::of(hunt);
    if facts.is_empty() {
        return None;
    }
    let mut out = heading(hunt);
    let _ = writeln!(out, "let lookback = {LOOKBACK};");
    for (name, values) in [
        ("file_names", &facts.files),
        ("sample_hashes", &facts.hashes),
        ("addresses", &facts.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()),
    ] {
        if !values.is_empty() {
            let _ = writeln!(out, "let {name} = dynamic([{}]);", list(values));
        }
    }
    let ports = ports(&facts.endpoints);
    if !ports.is_empty() {
        let _ = writeln!(out, "let ports = dynamic([{}]);", ports.join(", "));
    }
    let filters = filters(hunt, site, &mut out);
    out.push_str("union isfuzzy=true\n");
    out.push_str(&sources(&facts).join(",\n"));
    out.push('\n');
    out.push_str(&filters);
    let _ = writeln!(out, "| project {COLUMNS}");
    out.push_str("| sort by TimeGenerated desc\n");
    Some(out)
}

/// What the query is for, whose the rule is, and what it cannot find.
fn heading(hunt: &Hunt) -> String {
    let rule = &hunt.rule;
    let mut out = format!("// {}\n", text::escape_str(rule.description().unwrap_or(&rule.id.name)));
    for line in text::wrap(&hunt.hypothesis.split_whitespace().collect::<Vec<_>>().join(" "), 110) {
        let _ = writeln!(out, "// {}", text::escape_str(&line));
    }
    let tactics = hunt.threat.named_tactics();
    if !tactics.is_empty() {
        let names: Vec<_> = tactics.iter().map(|tactic| format!("{} ({})", tactic.name, tactic.id)).collect();
        let _ = writeln!(out, "// MITRE ATT&CK: {}", names.join(", "));
    }
    if !hunt.threat.techniques.is_empty() {
        let _ = writeln!(out, "// Techniques: {}", hunt.threat.techniques.join(", "));
    }
    let _ = writeln!(out, "// {}", outgoing::credit(&rule.id.name, Some(rule)));
    let patterns = text::counted(rule.patterns.len() as u64, "pattern");
    let _ = writeln!(
        out,
        "// No log holds the bytes of files: the {patterns} of the rule are not looked for here. A file with another name and\n\
         // another hash is found only by a scan of the box: huntbook scan / --format ndjson"
    );
    out
}

/// What is looked for in each table, brought to the same columns.
fn sources(facts: &Facts) -> Vec<String> {
    let any = |parts: Vec<Option<&str>>| parts.into_iter().flatten().collect::<Vec<_>>().join(" or ");
    let (files, hashes) = (!facts.files.is_empty(), !facts.hashes.is_empty());
    let mut sources = Vec::new();
    if files || hashes {
        let found =
            any(vec![files.then_some("FileName in~ (file_names)"), hashes.then_some("SHA256 in~ (sample_hashes)")]);
        sources.push(format!(
            "(DeviceFileEvents\n  | where TimeGenerated > ago(lookback)\n  | where {found}\n  | project TimeGenerated, \
             Source = 'DeviceFileEvents', Host = DeviceName, Account = InitiatingProcessAccountName, Process = \
             InitiatingProcessFileName, ParentProcess = InitiatingProcessParentFileName, CommandLine = \
             InitiatingProcessCommandLine, FileName, FilePath = FolderPath, Sha256 = SHA256, RemoteAddress = '', RemotePort = \
             int(null), Event = ActionType)"
        ));
        let found = any(vec![
            files.then_some("FileName in~ (file_names)"),
            files.then_some("ProcessCommandLine has_any (file_names)"),
            hashes.then_some("SHA256 in~ (sample_hashes)"),
        ]);
        sources.push(format!(
            "(DeviceProcessEvents\n  | where TimeGenerated > ago(lookback)\n  | where {found}\n  | project TimeGenerated, \
             Source = 'DeviceProcessEvents', Host = DeviceName, Account = AccountName, Process = FileName, ParentProcess = \
             InitiatingProcessFileName, CommandLine = ProcessCommandLine, FileName, FilePath = FolderPath, Sha256 = SHA256, \
             RemoteAddress = '', RemotePort = int(null), Event = ActionType)"
        ));
    }
    if !facts.endpoints.is_empty() {
        let port = |column: &str| {
            let known = facts.endpoints.iter().all(|endpoint| endpoint.port.is_some());
            if known { format!(" and {column} in (ports)") } else { String::new() }
        };
        sources.push(format!(
            "(DeviceNetworkEvents\n  | where TimeGenerated > ago(lookback)\n  | where RemoteIP in (addresses){}\n  | project \
             TimeGenerated, Source = 'DeviceNetworkEvents', Host = DeviceName, Account = InitiatingProcessAccountName, Process = \
             InitiatingProcessFileName, ParentProcess = InitiatingProcessParentFileName, CommandLine = \
             InitiatingProcessCommandLine, FileName = InitiatingProcessFileName, FilePath = InitiatingProcessFolderPath, Sha256 = InitiatingProcessSHA256, \
             RemoteAddress = RemoteIP, RemotePort = toint(RemotePort), Event = ActionType)",
            port("RemotePort")
        ));
        sources.push(format!(
            "(CommonSecurityLog\n  | where TimeGenerated > ago(lookback)\n  | where DestinationIP in (addresses){}\n  | project \
             TimeGenerated, Source = 'CommonSecurityLog', Host = coalesce(SourceHostName, SourceIP), Account = SourceUserName, \
             Process = SourceProcessName, ParentProcess = '', CommandLine = '', FileName, FilePath, Sha256 = FileHash, \
             RemoteAddress = DestinationIP, RemotePort = toint(DestinationPort), Event = Activity)",
            port("DestinationPort")
        ));
    }
    if files || !facts.endpoints.is_empty() {
        let found = any(vec![
            files.then_some("SyslogMessage has_any (file_names)"),
            (!facts.endpoints.is_empty()).then_some("SyslogMessage has_any (addresses)"),
        ]);
        sources.push(format!(
            "(Syslog\n  | where TimeGenerated > ago(lookback)\n  | where {found}\n  | project TimeGenerated, Source = 'Syslog', \
             Host = Computer, Account = '', Process = ProcessName, ParentProcess = '', CommandLine = SyslogMessage, FileName = '', FilePath = '', \
             Sha256 = '', RemoteAddress = '', RemotePort = int(null), Event = Facility)"
        ));
    }
    sources
}

/// A switch for each scenario, off, and the lines that leave out what the scenario explains when it is on.
fn filters(hunt: &Hunt, site: &Site, out: &mut String) -> String {
    let mut filters = String::new();
    out.push_str(
        "// Benign explanations. Set one to true to leave out what it explains, once you know that it does here.\n",
    );
    for scenario in hunt.scenarios.iter() {
        let (conditions, left_out) = conditions(scenario, site);
        let title = text::escape_str(&scenario.title);
        if conditions.is_empty() {
            let _ = writeln!(out, "// {title}: nothing of it is in these logs; ask the box: huntbook");
            continue;
        }
        let name = format!("exclude_{}", scenario.id.replace('-', "_"));
        let part = if left_out > 0 { " (part of it is in no log)" } else { "" };
        let _ = writeln!(out, "let {name} = false; // {title}{part}");
        let _ = writeln!(filters, "| where not({name} and ({}))", conditions.join(" or "));
    }
    filters
}

/// The lines of a scenario's filter that these columns can express, and how many they cannot: a line is left out whole, for
/// part of it would explain more than it does.
fn conditions(scenario: &Scenario, site: &Site) -> (Vec<String>, usize) {
    let mut conditions = Vec::new();
    let mut left_out = 0;
    for line in &scenario.applies_when {
        let checks: Option<Vec<_>> = line.iter().map(|check| condition(check, site)).collect();
        match checks.filter(|checks| !checks.is_empty()) {
            Some(checks) if checks.len() == 1 => conditions.extend(checks),
            Some(checks) => conditions.push(format!("({})", checks.join(" and "))),
            None => left_out += 1,
        }
    }
    (conditions, left_out)
}

fn condition(check: &Check, site: &Site) -> Option<String> {
    let mut values: Vec<String> = match &check.operand {
        Operand::Values(values) => values.texts().to_vec(),
        Operand::SiteSet(name) => site.set(name)?.values.clone(),
        Operand::Exists(_) | Operand::Schedule => return None,
    };
    // A group's members are known on the box only; without them the filter explains less, never more.
    values.retain(|value| !value.starts_with('%'));
    if values.is_empty() {
        return None;
    }
    let column = match check.field {
        Field::ProcessName => "Process",
        Field::ProcessParentName => "ParentProcess",
        Field::ProcessCommandLine => "CommandLine",
        Field::ProcessUser => "Account",
        Field::FilePath => "FilePath",
        Field::FileName => "FileName",
        Field::FileSha256 => "Sha256",
        Field::DestinationPort => "RemotePort",
        _ => return None,
    };
    let each = |operator: &str, suffix: &str| {
        let parts: Vec<_> = values
            .iter()
            .map(|value| format!("{column} {operator} {}", literal(&format!("{value}{suffix}"))))
            .collect();
        if parts.len() == 1 { parts.concat() } else { format!("({})", parts.join(" or ")) }
    };
    Some(match check.operator {
        CheckOperator::In if check.field == Field::DestinationPort => format!("{column} in ({})", values.join(", ")),
        CheckOperator::In => format!("{column} in~ ({})", list(&values)),
        CheckOperator::Contains => each("contains", ""),
        CheckOperator::Under => each("startswith", "/"),
        _ => return None,
    })
}

fn list(values: &[String]) -> String {
    values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ")
}

fn ports(endpoints: &[Endpoint]) -> Vec<String> {
    endpoints
        .iter()
        .filter_map(|endpoint| endpoint.port)
        .collect::<BTreeSet<_>>()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The hunt as the YAML of a Sentinel hunting query
/// (<https://github.com/Azure/Azure-Sentinel/wiki/Query-Style-Guide>); `None` where there is no query.
pub(crate) fn yaml(hunt: &Hunt, site: &Site) -> Option<String> {
    let query = query(hunt, site)?;
    let quoted = |said: &str| json::line(&text::escape_str(said).into());
    let rule = &hunt.rule;
    let mut out = String::new();
    let _ = writeln!(out, "id: {}", id(hunt));
    let _ = writeln!(out, "name: {}", quoted(&format!("Huntbook - {}", rule.id.name)));
    let hypothesis = hunt.hypothesis.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(out, "description: {}", quoted(&hypothesis));
    out.push_str("requiredDataConnectors:\n");
    let tables = Facts::of(hunt).tables();
    let connectors: BTreeSet<_> = tables.iter().map(|(connector, _)| *connector).collect();
    for connector in connectors {
        let _ = writeln!(out, "  - connectorId: {connector}\n    dataTypes:");
        for (_, table) in tables.iter().filter(|(of, _)| *of == connector) {
            let _ = writeln!(out, "      - {table}");
        }
    }
    let tactics: Vec<_> = hunt.threat.named_tactics().iter().map(crate::hunt::Tactic::one_word).collect();
    for (key, values) in [("tactics", &tactics), ("relevantTechniques", &hunt.threat.techniques)] {
        // Both keys are asked for, also of a hunt that names none.
        let none = if values.is_empty() { " []" } else { "" };
        let _ = writeln!(out, "{key}:{none}");
        for value in values {
            let _ = writeln!(out, "  - {value}");
        }
    }
    out.push_str("query: |\n");
    for line in query.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out.push_str("entityMappings:\n");
    for (entity, identifier, column) in [
        ("Host", "FullName", "Host"),
        ("Account", "Name", "Account"),
        ("File", "Name", "FileName"),
        ("IP", "Address", "RemoteAddress"),
    ] {
        let _ = writeln!(
            out,
            "  - entityType: {entity}\n    fieldMappings:\n      - identifier: {identifier}\n        columnName: {column}"
        );
    }
    out.push_str("version: 1.0.0\n");
    Some(out)
}

/// An id that stays the same while the rule does.
fn id(hunt: &Hunt) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hunt.rule.digest.0[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}
