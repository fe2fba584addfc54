//! Rules of all forms that are explained, and files in which their patterns are or are not.

use proptest::prelude::*;

/// Patterns that occur in [`data`] in different numbers, lengths and places.
pub(super) const PATTERNS: &str = r#"$a = "alpha"
$b1 = "beta" nocase
$b2 = { 62 65 [1-3] 21 }
$c = /g[a-z]{1,4}m/ private
$absent = "never there""#;
const NAMES: [&str; 5] = ["a", "b1", "b2", "c", "absent"];

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

fn one(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(of).prop_map(str::to_owned)
}

/// Pieces of which some are patterns, in any order.
pub(super) fn data() -> impl Strategy<Value = Vec<u8>> {
    let piece = one(&["alpha", "beta", "BETA", "be12!", "gaxm", "gm", "\x7fELF", "\0\0\0\0", "x", "\u{fffd}\u{7f}"]);
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

/// An integer expression; `local` is what a loop around has brought.
fn number(local: &'static str) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => (-3_i64..70).prop_map(|number| number.to_string()),
        1 => one(&["0x7f", "1KB", "0x464c457f", "3000000000", "0o17", "2MB"]),
        1 => Just("filesize".to_owned()),
        2 => (one(&["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "uint8be", "uint16be", "uint32be", "uint64be", "int16be", "int32be", "int64be"]), -1_i64..60)
            .prop_map(|(read, at)| format!("{read}({at})")),
        1 => name().prop_map(|name| format!("#{name}")),
        1 => name().prop_map(|name| format!("@{name}")),
        1 => name().prop_map(|name| format!("!{name}")),
        1 => (name(), one(&["@", "!"]), 1_i64..4).prop_map(|(name, sign, index)| format!("{sign}{name}[{index}]")),
        1 => (name(), 0_i64..20, 0_i64..60).prop_map(|(name, from, to)| format!("#{name} in ({from}..{})", from + to)),
        1 => one(if local.is_empty() { &["1"] } else { &["i", "i", "@a[i]", "uint8(i)"] }),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let operator = one(&["+", "-", "*", "\\", "%", "&", "|", "^"]);
        prop_oneof![
            5 => (inner.clone(), operator, inner.clone()).prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            1 => (inner.clone(), one(&["<<", ">>"]), 0..70_i64).prop_map(|(left, op, by)| format!("({left} {op} {by})")),
            1 => inner.clone().prop_map(|inner| format!("~({inner})")),
            1 => inner.prop_map(|inner| format!("uint8({inner})")),
        ]
    })
}

fn quantifier() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => one(&["any", "all", "none", "1", "2", "3", "0", "50%", "34%", "100%"]),
        1 => (0..4).prop_map(|add| format!("(#a + {add})")),
        1 => Just("#absent".to_owned()),
    ]
}

fn set() -> impl Strategy<Value = String> {
    one(&["them", "($a, $b1)", "($b*)", "($c, $absent)", "($a, $b1, $b2, $c)", "($a, $c)", "($*)"])
}

/// Where a pattern is wanted: anywhere, or often enough right where one is.
fn anchor(local: &'static str) -> impl Strategy<Value = String> {
    let range = (number(local), 0_i64..50).prop_map(|(from, more)| format!(" in ({from}..{from} + {more})"));
    let place = || {
        prop_oneof![
            (0_i64..12).prop_map(|at| at.to_string()),
            (name(), 1_i64..3).prop_map(|(name, nth)| format!("@{name}[{nth}]"))
        ]
    };
    prop_oneof![
        3 => Just(String::new()),
        2 => place().prop_map(|at| format!(" at {at}")),
        1 => number(local).prop_map(|at| format!(" at {at}")),
        2 => (place(), place()).prop_map(|(from, to)| format!(" in ({from}..{to})")),
        1 => range,
    ]
}

fn text() -> impl Strategy<Value = String> {
    (
        one(&["filename", "filepath", "extension", "filetype", "owner"]),
        one(&[
            "==",
            "!=",
            "<",
            "contains",
            "icontains",
            "startswith",
            "istartswith",
            "endswith",
            "iendswith",
            "iequals",
        ]),
        one(&["\"agent\"", "\"Agent.SH\"", "\".sh\"", "\"SH\"", "\"/OPT\"", "\"/opt\"", "\"\"", "\"ELF\"", "\"root\""]),
    )
        .prop_map(|(variable, operator, literal)| format!("{variable} {operator} {literal}"))
}

fn leaf(local: &'static str) -> impl Strategy<Value = String> {
    let comparison = one(&["==", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        5 => (number(local), comparison, number(local)).prop_map(|(left, op, right)| format!("{left} {op} {right}")),
        3 => (name(), anchor(local)).prop_map(|(name, anchor)| format!("${name}{anchor}")),
        3 => (quantifier(), set(), anchor(local)).prop_map(|(count, set, anchor)| format!("{count} of {set}{anchor}")),
        2 => text(),
        1 => one(&["true", "false"]),
        1 => number(local).prop_map(|number| format!("defined {number}")),
        1 => one(&["filename", "filesize", "#a", "uint8(900)"]),
    ]
}

fn nested(leaf: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    leaf.prop_recursive(4, 16, 4, |inner| {
        let several = |join: &'static str| {
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(move |parts| format!("({})", parts.join(&format!(" {join} "))))
        };
        let tuple = (quantifier(), proptest::collection::vec(inner.clone(), 1..4));
        prop_oneof![
            3 => several("and"),
            3 => several("or"),
            2 => inner.clone().prop_map(|inner| format!("not ({inner})")),
            1 => inner.clone().prop_map(|inner| format!("not {inner}")),
            1 => inner.clone().prop_map(|inner| format!("defined ({inner})")),
            1 => tuple.prop_map(|(count, parts)| format!("{count} of ({})", parts.join(", "))),
        ]
    })
}

/// A condition over [`PATTERNS`].
pub(super) fn condition() -> impl Strategy<Value = String> {
    let in_range = (quantifier(), number(""), number(""), leaf("i"))
        .prop_map(|(count, from, to, body)| format!("for {count} i in (({from} & 63)..({to} & 63)) : ( {body} )"));
    let in_list = (quantifier(), number(""), number(""), leaf("i"))
        .prop_map(|(count, one, two, body)| format!("for {count} i in ({one}, {two}, 3) : ( {body} )"));
    let body =
        one(&["$", "$ at 5", "# > 1", "@ < 12", "! == 4", "$ in (3..30)", "@[2] > 3", "#a > #", "uint8(@) == 0x61"]);
    let of = (quantifier(), set(), body).prop_map(|(count, set, body)| format!("for {count} of {set} : ( {body} )"));
    let with = (number(""), leaf("i")).prop_map(|(value, body)| format!("with i = {value} : ( {body} )"));
    nested(prop_oneof![8 => leaf(""), 1 => in_range, 1 => in_list, 2 => of, 1 => with].boxed())
}
