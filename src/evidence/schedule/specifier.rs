//! Specifiers of unit files (systemd.unit(5), "Specifiers"), time spans (systemd.time(7)) and assignments of variables.

use std::path::Path;

/// What the specifiers of one unit stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Specifiers {
    /// The unit's whole name: `backup@home.service`.
    pub(super) unit: String,
    /// Its user's name.
    pub(super) user: String,
    /// Its user's home.
    pub(super) home: String,
    /// Whether it is a unit of a user's own service manager.
    pub(super) of_user: bool,
}

impl Specifiers {
    /// A value with its specifiers replaced; one that is not known is left as it is.
    pub(super) fn expand(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        let mut chars = value.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some(letter) => match self.value(letter) {
                    Some(value) => out.push_str(&value),
                    None => out.extend(['%', letter]),
                },
                None => out.push('%'),
            }
        }
        out
    }

    fn value(&self, letter: char) -> Option<String> {
        let stem = self.unit.rsplit_once('.').map_or(self.unit.as_str(), |(stem, _)| stem);
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let of = |system: &str, user: &str| {
            if self.of_user { format!("{}/{user}", self.home) } else { system.to_owned() }
        };
        Some(match letter {
            '%' => "%".to_owned(),
            'n' => self.unit.clone(),
            'N' => stem.to_owned(),
            'p' => prefix.to_owned(),
            'P' => unescape(prefix),
            'i' => instance.to_owned(),
            'I' => unescape(instance),
            'j' => prefix.rsplit('-').next().unwrap_or(prefix).to_owned(),
            'J' => unescape(prefix.rsplit('-').next().unwrap_or(prefix)),
            'f' => format!("/{}", unescape(if instance.is_empty() { prefix } else { instance })),
            'u' => self.user.clone(),
            'h' => self.home.clone(),
            't' => "/run".to_owned(),
            'S' => of("/var/lib", ".local/state"),
            'C' => of("/var/cache", ".cache"),
            'L' => of("/var/log", ".local/state/log"),
            'E' => of("/etc", ".config"),
            'D' => of("/usr/share", ".local/share"),
            'T' => "/tmp".to_owned(),
            'V' => "/var/tmp".to_owned(),
            _ => return None,
        })
    }
}

/// Undoes systemd-escape(1): `-` is `/`, `\x20` a byte.
fn unescape(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let escaped =
            rest.strip_prefix("\\x").and_then(|hex| hex.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped.filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                out.push(if c == '-' { '/' } else { c });
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

/// Seconds of a time span such as `1h 30min` or `90`; `None` for what is none, and for `infinity`.
pub(super) fn seconds(span: &str) -> Option<u64> {
    let mut total = 0.0;
    let mut rest = span.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number: f64 = number.parse().ok()?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let factor = match unit {
            "us" | "usec" | "µs" => 1e-6,
            "ms" | "msec" => 1e-3,
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "M" | "month" | "months" => 2_629_800.0,
            "y" | "year" | "years" => 31_557_600.0,
            _ => return None,
        };
        total += number * factor;
        rest = after.trim_start();
    }
    (total.is_finite() && total < 1e12).then_some(total.ceil() as u64)
}

/// The assignments in a value of `Environment=`: `A=b "C=d e"`.
pub(super) fn assignments(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        if let Some((name, value)) = word.split_once('=') {
            found.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
        }
        rest = after.trim_start();
    }
    found
}

/// The assignments in a file of `EnvironmentFile=`, a line each (systemd.exec(5)).
pub(super) fn environment_file(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    lines.filter_map(|line| {
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        Some((name.trim(), value.trim().trim_matches(['"', '\''])))
    })
}

/// A folder that a unit names, without the marks before it.
pub(super) fn folder(value: &str) -> &Path {
    Path::new(value.trim_start_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn specifiers_stand_for_what_the_manual_says() {
        let of = |unit: &str| Specifiers {
            unit: unit.into(),
            user: "alice".into(),
            home: "/home/alice".into(),
            of_user: false,
        };
        for (unit, value, expected) in [
            ("x@a-b.service", "/opt/%i/%I/%n/%N/%p", "/opt/a-b/a/b/x@a-b.service/x@a-b/x"),
            (
                "x.service",
                "%h/bin/%u %%h %S/x %E/y %t/z %T %V",
                "/home/alice/bin/alice %h /var/lib/x /etc/y /run/z /tmp /var/tmp",
            ),
            ("x@var-my\\x20dir.service", "%f", "/var/my dir"),
            ("x.service", "/a/%Q %", "/a/%Q %"),
        ] {
            assert_eq!(of(unit).expand(value), expected, "{unit} {value}");
        }
        let own = Specifiers { of_user: true, ..of("x.service") };
        assert_eq!(own.expand("%E/x"), "/home/alice/.config/x");
    }

    #[test]
    fn spans_are_added_up() {
        for (span, expected) in [
            ("90", Some(90)),
            ("1h 30min", Some(5400)),
            ("5s", Some(5)),
            ("1d2h", Some(93_600)),
            ("500ms", Some(1)),
            ("infinity", None),
            ("", None),
            ("x", None),
            ("1 fortnight", None),
        ] {
            assert_eq!(seconds(span), expected, "{span}");
        }
    }

    #[test]
    fn assignments_are_read_as_systemd_reads_them() {
        let found = assignments("A=/opt \"B=c d\" 'E=f'");
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A", "/opt"), ("B", "c d"), ("E", "f")]);
        let file = "# no\nBASE=\"/opt/x\"\n;no\nexport C=d\nbroken\n";
        assert_eq!(environment_file(file).collect::<Vec<_>>(), [("BASE", "/opt/x"), ("C", "d")]);
    }

    proptest! {
        #[test]
        fn nothing_breaks_them(text in ".*", unit in "[a-z@.\\\\x0-9é-]{0,20}") {
            let specifiers = Specifiers { unit, ..Specifiers::default() };
            specifiers.expand(&text);
            seconds(&text);
            assignments(&text);
        }
    }
}
