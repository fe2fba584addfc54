//! The table of actions: name, place, keys, what the hint bar calls it, what it does, and the function that does it.
//!
//! What is made of it asks for the columns that it needs: [`super`] the keys, `update` the functions. A row without a
//! function does not compile.

/// Hands the table to the macro `$then`. The last column is an expression of a function from the state to effects; it
/// means what it means where the macro is expanded.
macro_rules! action_table {
    ($then:ident) => {
        $then! {
            Rescan, Global, "r", "rescan", "scan the tree again", scan::rescan;
            Quit, Global, "q ctrl-c", "quit", "leave Huntbook; everything decided is on disk already", actions::quit;
            Back, Global, "esc", "back", "close the top layer, go back one screen", actions::back;
            Help, Global, "?", "help", "all keys of this screen", actions::help;
            Palette, Global, ": ctrl-p", "", "find an action of this screen by name", actions::palette;
            Suspend, Global, "ctrl-z", "", "stop Huntbook, back to the shell; fg continues", |_| vec![Effect::Suspend];
            Redraw, Global, "ctrl-l", "", "draw the screen anew", |_| vec![Effect::Redraw];
            Register, Global, "R", "register", "the register of exclusions", actions::register;
            Coverage, Global, "C", "coverage", "what was not scanned, and why", actions::coverage;
            Theme, Global, "T", "", "choose a theme; the screen shows each while you choose", themes::open;
            Pause, Global, "ctrl-s", "", "pause or resume the scan", scan::pause;
            SkipFile, Global, "ctrl-k", "", "leave the file that is being scanned; coverage lists it", scan::skip_file;
            CancelScan, Global, "ctrl-x", "", "end the scan; coverage says that it is incomplete", scan::cancel;
            Save, Global, "W", "", "save again what the disk refused, or write a register that was deleted", |_| vec![Effect::Record(Request::Save)];
            Export, Global, "E", "", "write the case to a file: a report, NDJSON, SARIF, STIX, CSV, a timeline, by the ending of its name", actions::export;
            SaveCopy, Global, "ctrl-w", "", "save a copy of the case to a file, on another disk for instance", actions::save_copy;
            Summary, Global, "P", "progress", "how far the hunt is: what is decided, what remains by hunt, what to do next", summary::open;
            NextOpen, Global, "o", "next open", "open the next finding that nothing is decided on", list::next_open;
            Undo, Global, "z", "undo", "take the last decision back, whichever finding it is about; the journal keeps both", actions::undo;
            Redo, Global, "Z", "", "decide again what was taken back last", actions::redo;

            Choose, Chooser, "enter", "open or scan", "look into a folder or mount; scan a recent tree or this folder", chooser_only;
            ChooseScan, Chooser, "S", "scan", "scan what is selected: a folder, a mount, a recent tree", chooser_only;
            ChoosePath, Chooser, "/ ~", "path", "type a path; Tab completes it, Enter takes it", chooser_only;
            ChooseInto, Chooser, "right", "", "look into the selected folder, mount or tree", chooser_only;
            ChooseOut, Chooser, "left backspace", "up", "the folder above", chooser_only;
            ChooseCase, Chooser, "O", "", "open the case of a recent tree as it is, without a scan", chooser_only;
            ChooseUp, Chooser, "k up", "", "one up", chooser_only;
            ChooseDown, Chooser, "j down", "", "one down", chooser_only;
            ChoosePageUp, Chooser, "pgup ctrl-b", "", "one page up", chooser_only;
            ChoosePageDown, Chooser, "pgdn ctrl-f", "", "one page down", chooser_only;
            ChooseFirst, Chooser, "home", "", "first of the section", chooser_only;
            ChooseLast, Chooser, "end", "", "last of the section", chooser_only;
            ChooseNextSection, Chooser, "tab", "section", "next section: recent trees, mounts, folders", chooser_only;
            ChoosePreviousSection, Chooser, "backtab", "", "previous section", chooser_only;
            ChooseAgain, Chooser, "ctrl-r", "", "read recent trees, mounts and folder again", chooser_only;

            Open, Findings, "enter", "open", "open the selected finding; fold or unfold the group", list::open;
            Up, Findings, "k up", "", "one up", |app| list::step(app, -1);
            Down, Findings, "j down", "", "one down", |app| list::step(app, 1);
            PageUp, Findings, "pgup ctrl-b", "", "one page up", |app| list::page(app, -1);
            PageDown, Findings, "pgdn ctrl-f", "", "one page down", |app| list::page(app, 1);
            First, Findings, "g home", "", "first finding", |app| list::go(app, 0);
            Last, Findings, "G end", "", "last finding", |app| list::go(app, usize::MAX);
            NextHunt, Findings, "tab", "next hunt", "show the next hunt's findings", |app| list::turn_hunt(app, 1);
            PreviousHunt, Findings, "backtab", "", "show the previous hunt's findings", |app| list::turn_hunt(app, -1);
            Unfold, Findings, "l right", "", "unfold the group; ungrouped, show the next hunt's findings", list::unfold;
            Fold, Findings, "h left", "", "fold the group; ungrouped, show the previous hunt's findings", list::fold;
            FoldAll, Findings, "F", "", "fold all groups, or unfold them", list::fold_all;
            Mark, Findings, "space", "", "mark the finding or the whole group, or take the mark off", list::mark;
            Unmark, Findings, "U", "", "take all marks off", list::unmark;
            MarkedMalicious, Findings, "M", "", "say with a reason that the marked findings, or else the selected one, are malicious", list::marked_malicious;
            Filter, Findings, "/", "filter", "show only what you ask for: letters of the path, rule:, state:, owner:, size>, tag: and more; Tab completes", list::filter;
            ListCopy, Findings, "y", "", "copy the finding's path, SHA-256, rule, or all of it as text", finding::copy;
            Sort, Findings, "s", "sort", "sort by the next column: state, path, signs, hunt, size, time, matches", list::sort;
            Reverse, Findings, "S", "", "sort the other way round", list::reverse;
            Group, Findings, "b", "group", "group by hunt, folder, content, verdict or not at all", list::group;
            ListNarrower, Findings, "<", "", "the list narrower, the pane beside it wider", |app| panes::shift(app, Divider::Preview, -1);
            ListWider, Findings, ">", "", "the list wider, the pane beside it narrower", |app| panes::shift(app, Divider::Preview, 1);
            HuntsNarrower, Findings, "{", "", "the hunts narrower", |app| panes::shift(app, Divider::Hunts, -1);
            HuntsWider, Findings, "}", "", "the hunts wider", |app| panes::shift(app, Divider::Hunts, 1);
            PanesReset, Findings, "=", "", "all panes as wide as usual", panes::reset;

            NextTab, Finding, "tab", "next tab", "next tab; from 130 columns on: the other of the two panes", |app| finding::turn_tab(app, 1);
            PreviousTab, Finding, "backtab", "", "previous tab", |app| finding::turn_tab(app, -1);
            TabHex, Finding, "1", "", "the bytes", |app| finding::show(app, Tab::Hex);
            TabElf, Finding, "2", "", "the ELF headers", |app| finding::show(app, Tab::Elf);
            TabRule, Finding, "3", "", "the rule", |app| finding::show(app, Tab::Rule);
            TabFacts, Finding, "4", "", "the file's facts and the evidence from the box", |app| finding::show(app, Tab::Facts);
            TabScenarios, Finding, "5", "", "the scenarios", |app| finding::show(app, Tab::Scenarios);
            TabHistory, Finding, "6", "", "what was decided, by whom, when", |app| finding::show(app, Tab::History);
            TabTimes, Finding, "7", "", "what happened around the file: its times, its neighbours, schedules, processes, the logs", |app| finding::show(app, Tab::Times);
            BytesNarrower, Finding, "<", "", "from 130 columns on: the bytes narrower, the pane beside them wider", |app| panes::shift(app, Divider::Bytes, -1);
            BytesWider, Finding, ">", "", "from 130 columns on: the bytes wider, the pane beside them narrower", |app| panes::shift(app, Divider::Bytes, 1);
            BytesReset, Finding, "=", "", "from 130 columns on: both panes as wide as usual", panes::reset;
            Repeat, Finding, ".", "", "give the last answer here too: the same scenario, the same word", finding::repeat;
            FindingNote, Global, "A", "", "write a note on the finding, the marked ones or the group; #words in it are tags", list::note;
            Tags, Global, "#", "", "put tags on the finding, the marked ones or the group, or take them off", list::tags;
            Copy, Global, "ctrl-y", "", "copy the finding's path, SHA-256, rule, or all of it as text", finding::copy;
            Compare, Finding, "D", "", "hold the finding against another one, side by side: marked, same name, same content", compare::choose;
            Whole, Finding, "w", "", "this pane alone on the whole screen, read-only; again, or Esc: as before", finding::turn_whole;
            JumpBack, Global, "ctrl-o", "", "go back to where the last jump began, in another finding too", |app| jumps::back(app);
            JumpForward, Global, "ctrl-n", "", "forward again; Ctrl-I is Tab in most terminals, so it is Ctrl-N here", |app| jumps::forward(app);
            NextFinding, Finding, "]", "", "next finding of the list", |app| finding::neighbour(app, 1);
            PreviousFinding, Finding, "[", "", "previous finding of the list", |app| finding::neighbour(app, -1);

            HexFace, Hex, "x", "hex/text", "the next face of the bytes: hex, text, strings", |app| hex::turn_face(app);
            HexEncoding, Hex, "e", "", "text: read it as UTF-8, UTF-16 LE, UTF-16 BE or Latin-1", hex::turn_encoding;
            HexNextMatch, Hex, "n", "match", "next match", |app| hex::next(app, SearchDirection::Forward);
            HexPreviousMatch, Hex, "N", "", "previous match", |app| hex::next(app, SearchDirection::Backward);
            HexNextPattern, Hex, "p", "", "first match of the next pattern", hex::next_pattern;
            HexGoto, Hex, "g", "goto", "gg first byte, ge last, gh gl ends of the line; or an offset: 123, 0x7b, +16, 50%; a line: :120; counted: 10j, 120G", |app| finding::wait(app, Await::Goto);
            HexSearch, Hex, "/", "search", "search: text, i:in any case, x:de ad ?? ef, u:UTF-16, r:regular expression", hex::search;
            HexSearchNext, Hex, "f", "", "next place the search finds", |app| hex::search_on(app, SearchDirection::Forward);
            HexSearchBack, Hex, "F", "", "previous place the search finds", |app| hex::search_on(app, SearchDirection::Backward);
            HexInspector, Hex, "i", "inspect", "the value under the cursor in every reading; again: in the other byte order, or none", hex::inspect;
            HexMark, Hex, "m", "", "set a mark, named by the next key", |app| finding::wait(app, Await::Mark);
            HexJumpMark, Hex, "'", "", "go to a mark, named by the next key", |app| finding::wait(app, Await::JumpMark);
            HexSelect, Hex, "v", "", "begin or end a selection", hex::select;
            HexCopy, Hex, "y", "", "copy the selection, or the match under the cursor: h hex, t text, q quoted, l lines, c C array, y YARA, o offset", |app| finding::wait(app, Await::Copy);
            HexStructures, Hex, "s", "", "show or hide the structures of an ELF file over its bytes", hex::toggle_structures;
            HexNextStructure, Hex, "}", "", "next ELF structure", |app| hex::to_structure(app, SearchDirection::Forward);
            HexPreviousStructure, Hex, "{", "", "previous ELF structure", |app| hex::to_structure(app, SearchDirection::Backward);
            HexToField, Hex, "enter", "", "show the field under the cursor in the ELF tab", hex::to_field;
            HexLeft, Hex, "h left", "", "one byte back", |app| hex::go(app, Motion::Left);
            HexRight, Hex, "l right", "", "one byte on", |app| hex::go(app, Motion::Right);
            HexUp, Hex, "k up", "", "one line up", |app| hex::go(app, Motion::Up);
            HexDown, Hex, "j down", "", "one line down", |app| hex::go(app, Motion::Down);
            HexPageUp, Hex, "pgup ctrl-b", "", "one page up", |app| hex::go(app, Motion::PageUp);
            HexPageDown, Hex, "pgdn ctrl-f space", "", "one page down", |app| hex::go(app, Motion::PageDown);
            HexHalfUp, Hex, "ctrl-u", "", "half a page up", |app| hex::go(app, Motion::HalfUp);
            HexHalfDown, Hex, "ctrl-d", "", "half a page down", |app| hex::go(app, Motion::HalfDown);
            HexLineStart, Hex, "0 ^", "", "first byte of the line", |app| hex::go(app, Motion::LineStart);
            HexLineEnd, Hex, "$", "", "last byte of the line", |app| hex::go(app, Motion::LineEnd);
            HexFirst, Hex, "home", "", "first byte", |app| hex::go(app, Motion::Start);
            HexLast, Hex, "end G", "", "last byte", |app| hex::go(app, Motion::End);

            StringsFace, Strings, "x", "hex/text", "the next face of the bytes: hex, text, strings", |app| hex::turn_face(app);
            StringsOpen, Strings, "enter", "to bytes", "show the bytes of the selected text", strings::open;
            StringsFilter, Strings, "/", "filter", "show only texts that hold the letters you type, in order", strings::filter;
            StringsLeast, Strings, "+", "longer", "only longer texts: 4, 6, 8, 12, 20 characters at least", strings::turn_least;
            StringsCopy, Strings, "y", "", "copy the selected text", strings::copy;
            StringsUp, Strings, "k up", "", "one up", |app| strings::step(app, -1);
            StringsDown, Strings, "j down", "", "one down", |app| strings::step(app, 1);
            StringsPageUp, Strings, "pgup ctrl-b", "", "one page up", |app| strings::page(app, -1);
            StringsPageDown, Strings, "pgdn ctrl-f space", "", "one page down", |app| strings::page(app, 1);
            StringsFirst, Strings, "g home", "", "first text", |app| strings::step(app, isize::MIN);
            StringsLast, Strings, "G end", "", "last text", |app| strings::step(app, isize::MAX);

            ReadUp, Reading, "k up", "", "one up", |app| finding::read(app, -1);
            ReadDown, Reading, "j down", "", "one down", |app| finding::read(app, 1);
            ReadPageUp, Reading, "pgup ctrl-b", "", "one page up", |app| finding::read_page(app, -1);
            ReadPageDown, Reading, "pgdn ctrl-f space", "", "one page down", |app| finding::read_page(app, 1);
            ReadFirst, Reading, "g home", "", "to the top", |app| finding::read(app, isize::MIN);
            ReadLast, Reading, "G end", "", "to the end", |app| finding::read(app, isize::MAX);
            ReadCopy, Reading, "y", "", "copy the finding's path, SHA-256, rule, or all of it as text", finding::copy;
            ReadEnter, Reading, "enter", "open", "ELF: show the field's bytes; Facts: look up the file, process or package that the marked line (›) leads to", reference::enter;

            Refresh, Finding, "ctrl-r", "", "ask the box about the finding again", finding::refresh;
            Malicious, Finding, "M", "malicious", "say with a reason that the finding is malicious", finding::malicious;

            Applies, Scenarios, "a", "applies", "the scenario explains the finding: propose an exclusion", finding::applies;
            RuledOut, Scenarios, "x", "ruled out", "the scenario does not explain the finding", |app| finding::answer(app, Answer::RuledOut);
            Unsure, Scenarios, "u", "unsure", "cannot tell yet", |app| finding::answer(app, Answer::Unsure);
            NextScenario, Scenarios, "l right n", "next", "next scenario, without an answer", |app| finding::turn_scenario(app, 1);
            PreviousScenario, Scenarios, "h left p", "", "previous scenario", |app| finding::turn_scenario(app, -1);
            ScenarioUp, Scenarios, "k up", "", "scroll up", |app| finding::read(app, -1);
            ScenarioDown, Scenarios, "j down", "", "scroll down", |app| finding::read(app, 1);
            ScenarioEnter, Scenarios, "enter", "look up", "look up what the marked line (›) leads to: a table, a unit, a process, a package, a path", reference::open;
            ScenarioCopy, Scenarios, "y", "", "copy the finding's path, SHA-256, rule, or all of it as text", finding::copy;
            NameInSet, Scenarios, "S", "", "name one for a set of the site that is empty, so that a check can be told", finding::name_in_set;
            Note, Scenarios, "t", "note", "write a note on this scenario's answer", finding::note;
            Batch, Scenarios, "b", "", "the same answer for many: same content, same folder or marked; shows them first", finding::ask_for_many;

            RegisterUp, Register, "k up", "", "one up", |app| register::step(app, -1);
            RegisterDown, Register, "j down", "", "one down", |app| register::step(app, 1);
            RegisterPageUp, Register, "pgup ctrl-b", "", "one page up", |app| register::page(app, -1);
            RegisterPageDown, Register, "pgdn ctrl-f", "", "one page down", |app| register::page(app, 1);
            RegisterFirst, Register, "g home", "", "first exclusion", |app| register::go(app, 0);
            RegisterLast, Register, "G end", "", "last exclusion", |app| register::go(app, usize::MAX);
            RegisterFilter, Register, "/", "filter", "show only exclusions that hold the letters you type, in order", register::filter;
            RegisterCopy, Register, "y", "", "copy the exclusion's id, rule, scope and reason", register::copy;
            RegisterRevoke, Register, "d", "revoke", "revoke the exclusion with a reason; it stays in the register as revoked", register::revoke;

            CoverageUp, Coverage, "k up", "", "one up", |app| coverage::step(app, -1);
            CoverageDown, Coverage, "j down", "", "one down", |app| coverage::step(app, 1);
            CoveragePageUp, Coverage, "pgup ctrl-b", "", "one page up", |app| coverage::page(app, -1);
            CoveragePageDown, Coverage, "pgdn ctrl-f space", "", "one page down", |app| coverage::page(app, 1);
            CoverageFirst, Coverage, "g home", "", "first entry", |app| coverage::step(app, isize::MIN);
            CoverageLast, Coverage, "G end", "", "last entry", |app| coverage::step(app, isize::MAX);
            CoverageCopy, Coverage, "y", "", "copy the path and why it was not scanned", coverage::copy;
            CoverageFilter, Coverage, "/", "filter", "show only entries that hold the letters you type, in order", coverage::filter;
        }
    };
}

pub(crate) use action_table;
