//! Rule sets over all pattern kinds, modifiers and condition forms, and data that is close to matching them.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::text;

/// A part of a pattern: its source, and bytes that it matches.
type Part = (String, Vec<u8>);

/// Letters, digits, signs, a zero and high bytes: few, so that patterns and data meet by chance as well.
const BYTES: [u8; 14] = *b"abXk7.$ _\0\x01\xe9\xff<";

fn byte() -> impl Strategy<Value = u8> {
    prop::sample::select(BYTES.to_vec())
}

fn hex_digits(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [text::hex(&[*byte]), " ".to_owned()]).collect()
}

fn escaped(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    bytes.iter().map(|b| if plain(b) { char::from(*b).to_string() } else { format!("\\x{b:02x}") }).collect()
}

fn swap_case(bytes: &[u8]) -> Vec<u8> {
    let swap = |b: &u8| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() };
    bytes.iter().map(swap).collect()
}

fn widen(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|&byte| [byte, 0]).collect()
}

fn quoted() -> impl Strategy<Value = Part> {
    let modifiers = prop::sample::select(vec![
        "",
        "ascii",
        "wide",
        "ascii wide",
        "nocase",
        "nocase wide",
        "nocase ascii wide",
        "fullword",
        "fullword wide",
        "nocase fullword",
        "private",
        "xor",
        "xor(1-3) wide",
        "base64",
        "base64wide",
    ]);
    (vec(byte(), 1..14), modifiers, any::<bool>()).prop_filter_map("base64 wants three", |(bytes, modifiers, odd)| {
        if modifiers.starts_with("base64") && bytes.len() < 3 {
            return None;
        }
        let mut sample = if modifiers.contains("nocase") && odd { swap_case(&bytes) } else { bytes.clone() };
        if modifiers.contains("wide") && (odd || !modifiers.contains("ascii")) {
            sample = widen(&sample);
        }
        if modifiers.contains("xor") {
            sample = sample.iter().map(|byte| byte ^ 2).collect();
        }
        Some((format!("\"{}\" {modifiers}", escaped(&bytes)), sample))
    })
}

fn hex_byte() -> impl Strategy<Value = Part> {
    (byte(), byte(), 0..12).prop_map(|(byte, other, kind)| match kind {
        0 => ("?? ".into(), vec![byte]),
        1 => (format!("{:X}? ", byte >> 4), vec![byte & 0xf0 | other & 15]),
        2 => (format!("?{:X} ", byte & 15), vec![byte & 15 | other & 0xf0]),
        3 => (format!("~{byte:02X} "), vec![!byte]),
        4 => (format!("~?{:X} ", byte & 15), vec![!byte]),
        _ => (format!("{byte:02X} "), vec![byte]),
    })
}

fn joined(parts: &[Part]) -> Part {
    (parts.iter().map(|part| part.0.as_str()).collect(), parts.iter().flat_map(|part| part.1.clone()).collect())
}

fn hex_part() -> impl Strategy<Value = Part> {
    hex_byte().prop_recursive(2, 12, 4, |part| {
        let branch = vec(part.clone(), 1..4).prop_map(|parts| joined(&parts));
        let alternative = (vec(branch, 1..4), any::<prop::sample::Index>()).prop_map(|(branches, chosen)| {
            let sources: Vec<&str> = branches.iter().map(|branch| branch.0.as_str()).collect();
            (format!("( {}) ", sources.join("| ")), chosen.get(&branches).1.clone())
        });
        let jump = (part.clone(), part.clone(), 0..4usize, 1..5usize, any::<bool>()).prop_map(
            |(before, after, least, more, open)| {
                let most = least + more;
                let gap = if open { format!("[{least}-] ") } else { format!("[{least}-{most}] ") };
                let filler = (String::new(), vec![b'?'; if open { least + 9 } else { most }]);
                joined(&[before, (gap, Vec::new()), filler, after])
            },
        );
        let fixed = (part.clone(), 1..4usize, part)
            .prop_map(|(before, length, after)| joined(&[before, (format!("[{length}] "), vec![b'!'; length]), after]));
        prop_oneof![3 => alternative, 1 => jump, 1 => fixed]
    })
}

fn hex() -> impl Strategy<Value = Part> {
    let fixed = vec(byte(), 1..6).prop_map(|bytes| (hex_digits(&bytes), bytes));
    (fixed, vec(hex_part(), 0..8), hex_byte()).prop_map(|(first, mut parts, last)| {
        parts.insert(0, first);
        parts.push(last);
        let (source, sample) = joined(&parts);
        (format!("{{ {source}}}"), sample)
    })
}

fn regexp_leaf() -> impl Strategy<Value = Part> {
    prop_oneof![
        8 => vec(byte(), 1..6).prop_map(|bytes| (escaped(&bytes), bytes)),
        1 => byte().prop_map(|byte| (".".into(), vec![byte])),
        1 => Just(("[ab]".into(), vec![b'b'])),
        1 => Just(("[^a]".into(), vec![b'Z'])),
        1 => Just((r"\d".into(), vec![b'7'])),
        1 => Just((r"\w".into(), vec![b'k'])),
        1 => Just((r"\b".into(), vec![])),
        2 => Just((r"\<".into(), vec![b'<'])),
        1 => Just(("^".into(), vec![])),
        1 => Just(("(?i:Xa)".into(), b"xA".to_vec())),
        1 => Just(("(?u:é)".into(), "é".as_bytes().to_vec())),
        1 => Just(("(?iu:k)".into(), "\u{212a}".as_bytes().to_vec())),
    ]
}

fn regexp_part() -> impl Strategy<Value = Part> {
    regexp_leaf().prop_recursive(3, 16, 3, |part| {
        let choice = (vec(part.clone(), 1..4), any::<prop::sample::Index>()).prop_map(|(branches, chosen)| {
            let sources: Vec<&str> = branches.iter().map(|branch| branch.0.as_str()).collect();
            (format!("({})", sources.join("|")), chosen.get(&branches).1.clone())
        });
        let counts = prop::sample::select(vec![
            ("?", 0),
            ("?", 1),
            ("*", 0),
            ("*", 2),
            ("+", 1),
            ("+", 3),
            ("{2}", 2),
            ("{1,3}", 2),
            ("{0,2}", 0),
            ("{,2}", 0),
            ("{2,}", 3),
            ("{0}", 0),
        ]);
        let repeated = (part.clone(), counts)
            .prop_map(|((source, sample), (sign, count))| (format!("({source}){sign}"), sample.repeat(count)));
        let concat = vec(part, 1..4).prop_map(|parts| joined(&parts));
        prop_oneof![choice, repeated, concat]
    })
}

fn regexp() -> impl Strategy<Value = Part> {
    let modifiers = prop::sample::select(vec!["", "", "wide", "ascii wide", "nocase", "fullword", "nocase wide"]);
    let flags = prop::sample::select(vec!["", "", "i", "s", "is"]);
    (vec(regexp_part(), 1..5), flags, modifiers, any::<bool>()).prop_map(|(parts, flags, modifiers, odd)| {
        let (source, mut sample) = joined(&parts);
        if odd && (flags.contains('i') || modifiers.contains("nocase")) {
            sample = swap_case(&sample);
        }
        if modifiers.contains("wide") && (odd || !modifiers.contains("ascii")) {
            sample = widen(&sample);
        }
        (format!("/{source}/{flags} {modifiers}"), sample)
    })
}

/// A pattern's definition and a sample of what it matches.
pub(in crate::scan) fn pattern() -> impl Strategy<Value = Part> {
    prop_oneof![quoted(), hex(), regexp()]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b1", "b2", "c"]).prop_map(str::to_owned)
}

fn set() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["them", "them", "($b*)", "($a, $c)", "($a, $b*)", "($*)"]).prop_map(str::to_owned)
}

fn comparison() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn quantifier() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "any", "all", "none", "0", "1", "2", "3", "5", "50%", "1%", "100%", "#a", "filesize"
        ])
        .prop_map(str::to_owned),
        (0..4u32).prop_map(|n| format!("(uint8(0) - {n})")),
    ]
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..6u32).prop_map(|n| n.to_string()),
        (0..200u32).prop_map(|n| n.to_string()),
        prop::sample::select(vec!["filesize", "1KB", "0xffffffffffffffff", "ext", "-1", "0.5"]).prop_map(str::to_owned),
        (
            prop::sample::select(vec!["u", ""]),
            prop::sample::select(vec!["8", "16", "32", "16be", "32be", "64"]),
            0..80u32
        )
            .prop_map(|(sign, width, at)| format!("{sign}int{width}({at})")),
        name().prop_map(|name| format!("#{name}")),
        (name(), 0..90u32).prop_map(|(name, to)| format!("#{name} in (0..{to})")),
        (name(), 0..3u32).prop_map(|(name, index)| format!("@{name}[{index}]")),
        (name(), 0..3u32).prop_map(|(name, index)| format!("!{name}[{index}]")),
        byte().prop_map(|byte| byte.to_string()),
    ];
    leaf.prop_recursive(2, 6, 2, |number| {
        let operator = prop::sample::select(vec!["+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>"]);
        prop_oneof![
            (number.clone(), operator, number.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            number.prop_map(|number| format!("uint8({number})")),
        ]
    })
}

fn condition(rule: usize) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => name().prop_map(|name| format!("${name}")),
        1 => name().prop_map(|name| format!("not defined @{name}[2]")),
        2 => (quantifier(), set()).prop_map(|(quantifier, set)| format!("{quantifier} of {set}")),
        1 => (quantifier(), set(), number()).prop_map(|(q, set, at)| format!("{q} of {set} at {at}")),
        1 => (name(), number()).prop_map(|(name, at)| format!("${name} at {at}")),
        1 => (name(), number(), number()).prop_map(|(name, from, to)| format!("${name} in ({from}..{to})")),
        3 => (number(), comparison(), number()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        1 => (comparison(), 0..400u32).prop_map(|(sign, n)| format!("filesize {sign} {n}")),
        1 => number(),
        1 => (0..=rule).prop_map(move |other| format!("rule_{}", other.min(rule.saturating_sub(1)))),
        1 => prop::sample::select(vec!["ext > 0", "true", "false", "math.abs(-1) == 1", "\"ab\" contains \"a\""])
            .prop_map(str::to_owned),
        1 => (quantifier(), set(), prop::sample::select(vec![
            "$", "not $", "# > 1", "@ < 20", "$ at 0", "! == 3", "$ in (0..50)", "for any of ($b*) : ($)",
        ])).prop_map(|(quantifier, set, body)| format!("for {quantifier} of {set} : ( {body} )")),
    ];
    let simple = leaf.clone();
    let nested = leaf.prop_recursive(4, 24, 3, |condition| {
        let range = prop::sample::select(vec!["(0..3)", "(1..#a)", "(2, 3)", "(0..filesize - 20)"]);
        let body = prop::sample::select(vec!["@a[i] < 30", "uint8(i) == 0x61", "i > 1", "$b1 at i"]);
        prop_oneof![
            3 => (condition.clone(), condition.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            2 => (condition.clone(), condition.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            2 => condition.clone().prop_map(|operand| format!("not ({operand})")),
            1 => condition.clone().prop_map(|operand| format!("defined ({operand})")),
            1 => (quantifier(), vec(condition.clone(), 1..4)).prop_map(|(q, all)| format!("{q} of ({})", all.join(", "))),
            1 => (quantifier(), range, body, condition.clone()).prop_map(|(q, range, body, extra)| {
                format!("for {q} i in {range} : ( {body} or ({extra}) )")
            }),
            1 => (number(), condition).prop_map(|(n, extra)| format!("with x = {n} : ( x > 3 and ({extra}) )")),
        ]
    });
    // A guard that few files pass keeps the part beside it from being decided for all files at once.
    let guarded = (0..120u32, simple.clone()).prop_map(|(size, part)| format!("filesize > {size} and ({part})"));
    let required = (name(), simple.clone()).prop_map(|(name, part)| format!("${name} and ({part})"));
    prop_oneof![2 => nested, 1 => simple, 1 => guarded, 1 => required]
}

/// A rule that yara-x may refuse to compile, and samples of its patterns.
#[derive(Debug, Clone)]
pub(in crate::scan) struct Rule {
    pub namespace: &'static str,
    pub source: String,
    pub samples: Vec<Vec<u8>>,
}

fn rule(index: usize) -> impl Strategy<Value = Rule> {
    let flags = prop::sample::select(vec!["", "", "", "", "private", "global", "global private"]);
    let namespace = prop::sample::select(vec!["first", "first", "second"]);
    (vec(pattern(), 4), condition(index), flags, namespace).prop_map(move |(patterns, condition, flags, namespace)| {
        let names = ["a", "b1", "b2", "c"];
        let strings: Vec<String> =
            names.iter().zip(&patterns).map(|(name, part)| format!("  ${name} = {}\n", part.0)).collect();
        let strings = strings.concat();
        // A pattern that is never used is an error.
        let condition = format!("({condition}) and 0 <= (#a + #b1 + #b2 + #c)");
        let source =
            format!("import \"math\"\n{flags} rule rule_{index} {{\n strings:\n{strings} condition: {condition}\n}}\n");
        Rule { namespace, source, samples: patterns.into_iter().map(|pattern| pattern.1).collect() }
    })
}

/// A few rules, later ones may refer to earlier ones.
pub(in crate::scan) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    (rule(0), rule(1), rule(2)).prop_map(|(a, b, c)| vec![a, b, c])
}

/// One stretch of a file.
#[derive(Debug, Clone)]
pub(in crate::scan) enum Stretch {
    /// The bytes, fed in chunks.
    Bytes(Vec<u8>),
    /// That many zeros, announced as a hole.
    Hole(usize),
}

/// A file made of samples, samples with a flaw, chance and holes.
pub(in crate::scan) fn file(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<Stretch>> {
    let sample = prop::sample::select(samples);
    let flawed = (sample.clone(), any::<prop::sample::Index>(), byte()).prop_map(|(mut sample, place, byte)| {
        if !sample.is_empty() {
            let place = place.index(sample.len());
            sample[place] = byte;
        }
        sample
    });
    let stretch = prop_oneof![
        5 => sample.prop_map(Stretch::Bytes),
        2 => flawed.prop_map(Stretch::Bytes),
        3 => vec(byte(), 0..40).prop_map(Stretch::Bytes),
        1 => (0..300usize).prop_map(Stretch::Hole),
        1 => (4000..5000usize).prop_map(Stretch::Hole),
    ];
    vec(stretch, 0..8)
}
