//! Every way a theme can be wrong, with its message.

use std::fs;
use std::path::Path;

use super::super::*;

/// The message for `choice` with the person's folder `dir`, without the folder's path.
fn message(choice: &str, dir: &Path) -> String {
    let error = load(choice, Some(dir), ColorDepth::TrueColor).unwrap_err();
    error.to_string().replace(&format!("{}/", dir.display()), "")
}

#[test]
fn every_mistake_has_its_place_and_its_remedy() {
    let table = [
        ("titel = 'red'", "1:1: a theme has no key `titel` (did you mean `title`?)"),
        ("\n  'border.focussed' = 'red'", "2:3: a theme has no key `border.focussed` (did you mean `border.focused`?)"),
        ("zebra-crossing = 'red'", "1:1: a theme has no key `zebra-crossing`"),
        ("inherit = 'dark'", "1:1: a theme has no key `inherit` (did you mean `inherits`?)"),
        ("'match.9' = 'red'", "1:1: a theme has no key `match.9` (did you mean `match.1`?)"),
        ("match.1 = 'red'", "1:1: a dotted key is written in quotes: \"match.1\" = …"),
        ("[border]\nfocused = 'red'", "1:2: a dotted key is written in quotes: \"border.focused\" = …"),
        ("title = { color = 'red' }", "1:11: a style has no key `color` (one of: fg, bg, modifiers, underline)"),
        ("title = { modifier = ['bold'] }", "1:11: a style has no key `modifier` (did you mean `modifiers`?)"),
        (
            "title = 'gren'",
            "1:9: no colour is called `gren`; define it under [palette] or write it as #rrggbb (did you mean `green`?)",
        ),
        (
            "title = { bg = 'skye' }\n[palette]\nsky = 'blue'",
            "1:16: no colour is called `skye`; define it under [palette] or write it as #rrggbb (did you mean `sky`?)",
        ),
        ("title = 'puce'", "1:9: no colour is called `puce`; define it under [palette] or write it as #rrggbb"),
        ("title = '#12345'", "1:9: `#12345` is no colour; write # and six hex digits, such as #7aa2f7"),
        ("[palette]\nsky = '#12345g'", "2:7: `#12345g` is no colour; write # and six hex digits, such as #7aa2f7"),
        (
            "[palette]\nsky = 'blue'\nsea = 'sky'",
            "3:7: no colour is called `sky`; define it under [palette] or write it as #rrggbb",
        ),
        (
            "title = { modifiers = ['bold', 'underline'] }",
            "1:32: no modifier is called `underline`; there are bold, dim, italic, underlined, \
             reversed, crossed-out (did you mean `underlined`?)",
        ),
        (
            "title = 7",
            "1:9: `title` is a whole number where a colour in quotes or a table like { fg = \"red\", modifiers = [\"bold\"] } belongs",
        ),
        ("title = { fg = true }", "1:16: `fg` is true or false where a colour in quotes belongs"),
        (
            "title = { modifiers = 'bold' }",
            "1:23: `modifiers` is text where a list of names, such as [\"bold\", \"underlined\"], belongs",
        ),
        (
            "title = { modifiers = [1.5] }",
            "1:24: `modifiers` is a number where a list of names, such as [\"bold\", \"underlined\"], belongs",
        ),
        ("palette = 'red'", "1:11: `palette` is text where a table of colours, [palette], belongs"),
        ("[palette]\nsky = []", "2:7: `sky` is a list where a colour in quotes, such as \"#7aa2f7\", belongs"),
        ("about = 3", "1:9: `about` is a whole number where a sentence in quotes belongs"),
        ("inherits = ['dark']", "1:12: `inherits` is a list where the name of a theme in quotes belongs"),
        (
            "inherits = 'drak'",
            "1:12: no theme called `drak` is there to inherit from; there are dark, light, \
             high-contrast, deuteranopia, ansi16, mono, own (did you mean `dark`?)",
        ),
        (
            "inherits = 'ligt'",
            "1:12: no theme called `ligt` is there to inherit from; there are dark, light, \
             high-contrast, deuteranopia, ansi16, mono, own (did you mean `light`?)",
        ),
        (
            "inherits = '../own'",
            "1:12: no theme called `../own` is there to inherit from; there are dark, light, high-contrast, \
             deuteranopia, ansi16, mono, own",
        ),
        ("inherits = 'own'", "1:12: the themes inherit in a circle: own → own; take one `inherits` out"),
        ("title = 'red'\ntitle = 'blue'", "2:1: duplicate key"),
        ("title = 'red", "1:13: invalid literal string, expected `'`"),
        ("'\\u001b[2J' = 'red'", r"1:1: a theme has no key `\u001b[2J`"),
        ("\"\\u001b[2J\" = 'red'", r"1:1: a theme has no key `\x1b[2J`"),
        (
            "title = \"\\u202ered\"",
            r"1:9: no colour is called `\u{202e}red`; define it under [palette] or write it as #rrggbb (did you mean `red`?)",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut unexpected = Vec::new();
    for (toml, expected) in table {
        fs::write(dir.path().join("own.toml"), toml).unwrap();
        let message = message("own", dir.path());
        if message != format!("own.toml:{expected}") {
            unexpected.push(format!("{toml:?}\n   is: {message}\n want: own.toml:{expected}"));
        }
    }
    assert!(unexpected.is_empty(), "\n{}", unexpected.join("\n"));
}

#[test]
fn the_mistakes_of_a_file_are_told_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("own.toml"), "titel = 'red'\nbordr = 'red'\nabuot = ''").unwrap();
    let error = load("own", Some(dir.path()), ColorDepth::TrueColor).unwrap_err();
    let ThemeError::File(problems) = &error else { panic!("{error}") };
    let lines: Vec<_> = problems.iter().filter_map(|problem| Some(problem.place?.line)).collect();
    assert_eq!(lines, [1, 2, 3], "{error}");
    assert!(message("own", dir.path()).starts_with("own.toml:1:1: a theme has no key `titel`"));
    assert!(message("own", dir.path()).ends_with("; and 2 more problems"));
}

#[test]
fn a_mistake_in_a_parent_names_the_parent() {
    let dir = tempfile::tempdir().unwrap();
    let save = |name: &str, toml: &str| fs::write(dir.path().join(name), toml).unwrap();
    save("a.toml", "inherits = 'b'");
    save("b.toml", "inherits = 'c'");
    save("c.toml", "about = ''\ninherits = 'b'");
    let circle = "c.toml:2:12: the themes inherit in a circle: a → b → c → b; take one `inherits` out";
    assert_eq!(message("a", dir.path()), circle);
    save("c.toml", "title = 'sae'\n[palette]\nsea = 'blue'");
    let parent = "c.toml:1:9: no colour is called `sae`";
    assert!(message("a", dir.path()).starts_with(parent), "{}", message("a", dir.path()));
}

/// One file by two ways, its path and its name, is a circle too.
#[test]
fn a_circle_through_a_path_ends() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), "inherits = 'a'").unwrap();
    let roundabout = format!("{}/../{}/a.toml", dir.path().display(), dir.path().file_name().unwrap().display());
    assert!(message(&roundabout, dir.path()).contains("the themes inherit in a circle: a → a → a;"));
}

#[test]
fn a_name_that_is_not_there_is_told_with_those_that_are() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sea.toml"), "").unwrap();
    let known = "give one of dark, light, high-contrast, deuteranopia, ansi16, mono, sea, or the path of a TOML file";
    for (choice, expected) in [
        ("see", format!("no theme is called `see`; {known} (did you mean `sea`?)")),
        ("", format!("no theme is called ``; {known}")),
        ("..", format!("no theme is called `..`; {known}")),
        ("\u{1b}]0;x", format!("no theme is called `\\x1b]0;x`; {known}")),
    ] {
        assert_eq!(message(choice, dir.path()), expected);
    }
}

#[test]
fn only_a_regular_file_of_sensible_size_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("folder.toml")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path("fifo.toml"), fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    std::os::unix::fs::symlink("nowhere", path("dangling.toml")).unwrap();
    fs::write(path("large.toml"), vec![b'#'; 256 * 1024 + 1]).unwrap();
    fs::write(path("latin1.toml"), b"about = 'x'\ntitle = 'gr\xfcn'").unwrap();
    for (name, expected) in [
        ("folder", "folder.toml: not a regular file; give the path of a TOML file"),
        ("fifo", "fifo.toml: not a regular file; give the path of a TOML file"),
        ("dangling", "dangling.toml: No such file or directory (os error 2)"),
        ("large", "large.toml: larger than 256.0 KiB, which no theme needs; is it the right file?"),
        ("latin1", "latin1.toml:2:12: is not UTF-8 text (save it as UTF-8)"),
    ] {
        assert_eq!(message(name, dir.path()), expected);
        let by_path = path(&format!("{name}.toml"));
        assert_eq!(message(by_path.to_str().unwrap(), dir.path()), expected);
    }
    fs::write(path("largest.toml"), vec![b'#'; 256 * 1024]).unwrap();
    assert!(load("largest", Some(dir.path()), ColorDepth::TrueColor).is_ok());
    assert_eq!(message("gone.toml", dir.path()), "gone.toml: No such file or directory (os error 2)");
}

/// Long words and many colours must cost neither time nor a screenful of message.
#[test]
fn a_hostile_file_is_refused_quickly_and_shortly() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(200_000);
    let deep = format!("title = {}", "[".repeat(200_000));
    let colors = (0..12_000).fold("[palette]\n".to_owned(), |all, n| format!("{all}c{n:05} = '#000000'\n"));
    for toml in [format!("{long} = 'red'"), format!("title = '{long}'"), deep, format!("title = 'c99999'\n{colors}")] {
        fs::write(dir.path().join("own.toml"), toml).unwrap();
        let message = message("own", dir.path());
        assert!(message.len() < 300, "{message}");
    }
}
