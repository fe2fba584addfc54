//! Rows for a custom table of Microsoft Sentinel: JSON arrays that the Logs Ingestion API takes, and the table and data
//! collection rule that they fit. Huntbook sends nothing itself.
//!
//! A row is an ECS document of [`ndjson`](super::ndjson) with its fields under the names of columns, which are those that the
//! exported Kusto queries use.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::json;
use crate::text;

/// The most that one call of the API takes, in bytes
/// (<https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#logs-ingestion-api>).
pub const CALL: usize = 1_000_000;
/// The most that a column takes, in bytes; Log Analytics cuts what is longer, and what is cut is no JSON any more.
const COLUMN: usize = 64 * 1024;
/// Room that is kept free in a column.
const SPARE: usize = 1024;
/// The most that a text takes as JSON, in bytes, and what is left of one that takes more: all columns together stay below
/// [`CALL`].
const TEXT: usize = 16 * 1024;
const TEXT_CUT: usize = 2500;
/// The name of the table.
pub const TABLE: &str = "HuntbookFindings_CL";
/// The name of the stream into it.
const STREAM: &str = "Custom-HuntbookFindings_CL";

/// Name and type of each column, with the field of the ECS document that fills it.
pub const COLUMNS: [(&str, &str, &str); 48] = [
    ("TimeGenerated", "datetime", "/@timestamp"),
    ("Kind", "string", "/huntbook/kind"),
    ("EventId", "string", "/event/id"),
    ("Message", "string", "/message"),
    ("CaseId", "string", "/huntbook/case_id"),
    ("ScanNumber", "long", "/huntbook/scan"),
    ("Host", "string", "/host/name"),
    ("HostFacts", "dynamic", "/host"),
    ("HostMore", "dynamic", "/huntbook/host"),
    ("Analyst", "string", "/user/name"),
    ("Verdict", "string", "/huntbook/verdict"),
    ("Fingerprint", "string", "/huntbook/fingerprint"),
    ("RuleName", "string", "/rule/name"),
    ("RuleSet", "string", "/rule/ruleset"),
    ("RuleDescription", "string", "/rule/description"),
    ("RuleAuthor", "string", "/rule/author/0"),
    ("RuleReference", "string", "/rule/reference"),
    ("RuleLicense", "string", "/rule/license"),
    ("RuleDigest", "string", "/huntbook/rule_digest"),
    ("Threat", "dynamic", "/threat"),
    ("FilePath", "string", "/file/path"),
    ("FileName", "string", "/file/name"),
    ("FilePathHex", "string", "/huntbook/path_hex"),
    ("MountPath", "string", "/huntbook/mount_path"),
    ("FileSHA256", "string", "/file/hash/sha256"),
    ("FileDataDigest", "string", "/huntbook/data_digest"),
    ("FileSize", "long", "/file/size"),
    ("FileUid", "string", "/file/uid"),
    ("FileGid", "string", "/file/gid"),
    ("FileOwner", "string", "/file/owner"),
    ("FileGroup", "string", "/file/group"),
    ("FileMode", "string", "/file/mode"),
    ("FileModified", "datetime", "/file/mtime"),
    ("FileChanged", "datetime", "/file/ctime"),
    ("FileAccessed", "datetime", "/file/accessed"),
    ("FileCreated", "datetime", "/file/created"),
    ("Matches", "dynamic", "/huntbook/matches"),
    ("MatchCount", "long", "/huntbook/matches_count"),
    ("MatchesLeftOut", "long", "/huntbook/matches_left_out"),
    ("MatchesCapped", "boolean", "/huntbook/matches_capped"),
    ("Returned", "string", "/huntbook/returned"),
    ("NotMet", "dynamic", "/huntbook/not_met"),
    ("Exclusion", "dynamic", "/huntbook/exclusion"),
    ("Scenarios", "dynamic", "/huntbook/scenarios"),
    ("Gap", "boolean", "/huntbook/gap"),
    ("Reason", "string", "/huntbook/reason"),
    ("Detail", "string", "/huntbook/detail"),
    ("Summary", "dynamic", "/huntbook"),
];

/// The row of an ECS document; fields that it has not are left out. Each column fits, and what was cut for that is said.
pub fn row(document: &Value) -> Value {
    let is_summary = document.pointer("/huntbook/kind").is_some_and(|kind| kind == "summary");
    let mut row = Map::new();
    for (column, _, field) in COLUMNS.iter().filter(|(column, ..)| is_summary || *column != "Summary") {
        if let Some(value) = document.pointer(field) {
            row.insert((*column).to_owned(), fitting(value.clone()));
        }
    }
    let listed = |row: &Map<String, Value>| row.get("Matches").and_then(Value::as_array).map_or(0, Vec::len);
    let known = document.pointer("/huntbook/matches").and_then(Value::as_array).map_or(0, Vec::len);
    let cut = known.saturating_sub(listed(&row)) as u64;
    if let Some(left_out) = row.get("MatchesLeftOut").and_then(Value::as_u64).filter(|_| cut > 0) {
        row.insert("MatchesLeftOut".to_owned(), (left_out + cut).into());
    }
    Value::Object(row)
}

/// `value` so that it fits a column: of a list the first items, of a text its beginning; of an object each text shorter.
fn fitting(value: Value) -> Value {
    let most = if value.is_string() { TEXT } else { COLUMN - SPARE };
    if json::line(&value).len() <= most {
        return value;
    }
    match value {
        Value::Array(mut list) => {
            let mut length = 2;
            let fits = list.iter().take_while(|item| {
                length += json::line(item).len() + 1;
                length <= most
            });
            let fits = fits.count();
            list.truncate(fits);
            Value::Array(list)
        }
        Value::String(said) => shortened(&said, TEXT_CUT).into(),
        Value::Object(map) => {
            let share = most / 8 / map.len().max(1);
            let short = |value: Value| match value {
                Value::String(said) => shortened(&said, share).into(),
                other if json::line(&other).len() > share => "left out: too long for a column".into(),
                other => other,
            };
            Value::Object(map.into_iter().map(|(key, value)| (key, short(value))).collect())
        }
        other => other,
    }
}

fn shortened(said: &str, most: usize) -> String {
    let end = said.floor_char_boundary(most.min(said.len()));
    let more = said.len() - end;
    if more == 0 {
        said.to_owned()
    } else {
        format!("{}… ({} more)", &said[..end], text::counted(more as u64, "byte"))
    }
}

/// Writes rows as JSON arrays, one a line, each small enough for a call of the API.
#[derive(Debug, Default)]
pub struct Calls {
    /// The array under way, without its closing bracket.
    array: String,
}

impl Calls {
    /// Adds a row.
    ///
    /// # Errors
    /// What `out` says.
    pub fn add(&mut self, row: &Value, out: &mut dyn Write) -> io::Result<()> {
        let row = json::line(row);
        if !self.array.is_empty() && self.array.len() + row.len() + 3 > CALL {
            self.end(out)?;
        }
        self.array.push(if self.array.is_empty() { '[' } else { ',' });
        self.array.push_str(&row);
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What `out` says.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.array.is_empty() {
            return Ok(());
        }
        let array = std::mem::take(&mut self.array);
        writeln!(out, "{array}]")
    }
}

/// An Azure Resource Manager template that makes the table and the data collection rule. Its output is what a sender needs.
pub fn template() -> Value {
    // The table's types are those of the stream but for one spelling.
    let of_table = |kind: &str| if kind == "datetime" { "dateTime" } else { kind }.to_owned();
    let table: Vec<_> = COLUMNS.iter().map(|(name, kind, _)| json!({"name": name, "type": of_table(kind)})).collect();
    let stream: Vec<_> = COLUMNS.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
    let workspace = "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspaceName'))]";
    let rule = "resourceId('Microsoft.Insights/dataCollectionRules', parameters('ruleName'))";
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "metadata": {"description": "Table and data collection rule for: huntbook scan TREE --format sentinel"},
        "parameters": {
            "workspaceName": {"type": "string", "metadata": {"description": "The Log Analytics workspace of Sentinel"}},
            "ruleName": {"type": "string", "defaultValue": "huntbook"},
            "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        },
        "resources": [
            {
                "type": "Microsoft.OperationalInsights/workspaces/tables",
                "apiVersion": "2022-10-01",
                "name": format!("[concat(parameters('workspaceName'), '/{TABLE}')]"),
                "properties": {"schema": {"name": TABLE, "columns": table}},
            },
            {
                "type": "Microsoft.Insights/dataCollectionRules",
                "apiVersion": "2023-03-11",
                "name": "[parameters('ruleName')]",
                "location": "[parameters('location')]",
                "kind": "Direct",
                "dependsOn": [format!(
                    "[resourceId('Microsoft.OperationalInsights/workspaces/tables', parameters('workspaceName'), '{TABLE}')]"
                )],
                "properties": {
                    "streamDeclarations": {STREAM: {"columns": stream}},
                    "destinations": {"logAnalytics": [{"name": "workspace", "workspaceResourceId": workspace}]},
                    "dataFlows": [{
                        "streams": [STREAM],
                        "destinations": ["workspace"],
                        "transformKql": "source",
                        "outputStream": STREAM,
                    }],
                },
            },
        ],
        "outputs": {
            "immutableId": {"type": "string", "value": format!("[reference({rule}, '2023-03-11').immutableId]")},
            "endpoint": {"type": "string", "value": format!("[reference({rule}, '2023-03-11').endpoints.logsIngestion]")},
            "stream": {"type": "string", "value": STREAM},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_array_fits_a_call_and_no_row_is_lost() {
        let mut out = Vec::new();
        let mut calls = Calls::default();
        for n in 0..100 {
            calls.add(&json!({"n": n, "text": "x".repeat(60_000)}), &mut out).unwrap();
        }
        calls.end(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.len() <= CALL));
        let rows: Vec<Value> =
            text.lines().flat_map(|line| serde_json::from_str::<Vec<Value>>(line).unwrap()).collect();
        assert_eq!(rows.len(), 100);
        assert_eq!(rows[99]["n"], 99);
    }

    #[test]
    fn a_row_whose_every_column_is_as_long_as_can_be_fits_a_call() {
        let mut document = json!({});
        for (_, kind, field) in COLUMNS.iter().filter(|(.., field)| *field != "/huntbook") {
            let long = match *kind {
                "string" if *field == "/huntbook/kind" => "summary".into(),
                "string" => "\u{7f}é".repeat(50_000).into(),
                "dynamic" => json!(vec!["\"x"; 50_000]),
                _ => 1.into(),
            };
            let mut at = &mut document;
            for part in field.split('/').skip(1) {
                // The one author of the list stands for the list.
                let part = if part == "0" { continue } else { part };
                if !at.is_object() {
                    *at = json!({});
                }
                at = &mut at[part];
            }
            *at = if field.ends_with("/0") { json!([long]) } else { long };
        }
        let row = row(&document);
        assert!(row["Message"].as_str().unwrap().ends_with(" more)"));
        let mut out = Vec::new();
        let mut calls = Calls::default();
        calls.add(&row, &mut out).unwrap();
        calls.end(&mut out).unwrap();
        assert!(out.len() <= CALL, "{}", out.len());
        assert!(out.len() > CALL / 3, "{}", out.len());
    }

    #[test]
    fn what_is_too_long_for_a_column_is_cut_and_counted() {
        let one = json!({"pattern": "$a", "data": "ab".repeat(256)});
        let document = json!({
            "message": "\u{1}".repeat(100_000),
            "huntbook": {"kind": "finding", "matches": vec![one; 1000], "matches_left_out": 5,
                "exclusion": {"reason": "r".repeat(100_000), "id": "x"}},
        });
        let row = row(&document);
        let listed = row["Matches"].as_array().unwrap().len() as u64;
        assert_eq!(row["MatchesLeftOut"], 1000 - listed + 5);
        for (name, _, _) in COLUMNS {
            assert!(row.get(name).is_none_or(|value| json::line(value).len() <= COLUMN), "{name}");
        }
        assert_eq!(row["Exclusion"]["id"], "x");
        assert!(row.get("Summary").is_none());
    }

    #[test]
    fn the_template_has_every_column_once_under_a_name_that_azure_takes() {
        let mut names: Vec<_> = COLUMNS.iter().map(|(name, ..)| *name).collect();
        assert!(names.iter().all(|name| name.len() <= 45 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COLUMNS.len());
        let template = template();
        let rule = &template["resources"][1]["properties"];
        assert_eq!(rule["streamDeclarations"][STREAM]["columns"].as_array().unwrap().len(), COLUMNS.len());
    }
}
