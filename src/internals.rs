//! What the tests, benches and fuzz targets of this repository reach for, under the paths that it has inside. Not an interface:
//! nothing here is promised to anybody else.

pub mod archive {
    pub use crate::archive::{ArchiveFormat, ArchiveGap, Limits, list};
}
pub mod case {
    pub use crate::case::{
        Case, CaseError, CaseSummary, Decision, FindingId, JournalEntry, JournalEvent, NotScanned, Record, RuleRecord,
        ScanEnd, ScanOutcome, ScanPlan, Seq, Sighting, Stamp, Undo,
    };
}
pub mod cli {
    pub use crate::cli::main;
    pub mod args {
        pub use crate::cli::args::Cli;
    }
    pub mod logging {
        pub use crate::cli::logging::{Level, LogArgs};
    }
}
pub mod content {
    pub use crate::content::identify;
}
pub mod elf {
    pub use crate::elf::*;
}
pub mod evidence {
    pub use crate::evidence::{AskedFile, Gatherer};
}
pub mod finding {
    pub use crate::finding::{
        Digest, FileFacts, FileTime, Finding, FoundBy, KeptBytes, MemberFacts, PatternMatch, ProcessFacts, RuleId,
        Sha256, StatedFacts,
    };
}
pub mod hex {
    pub use crate::hex::{ByteWindow, ViewedBytes};
}
pub mod hunt {
    pub use crate::hunt::{Field, RuleFiles, RuleOptions, RuleText, Site, load_dir};
    pub mod builtin {
        pub use crate::hunt::builtin::*;
    }
    pub mod known_good {
        pub use crate::hunt::known_good::KnownGood;
    }
}
pub mod places {
    pub use crate::places::{DiskUsage, ListedFolder, MountList, PathCompletion, Recent};
}
pub mod report {
    pub mod kql {
        pub use crate::report::kql::*;
    }
    pub mod loki {
        pub use crate::report::loki::*;
    }
    pub mod outgoing {
        pub use crate::report::outgoing::Outgoing;
    }
    pub mod sarif {
        pub use crate::report::sarif::*;
    }
    pub mod sentinel {
        pub use crate::report::sentinel::*;
    }
    pub mod watchlist {
        pub use crate::report::watchlist::*;
    }
}
pub mod root {
    pub use crate::root::Root;
}
pub mod sandbox {
    pub use crate::sandbox::*;
}
pub mod scan {
    pub use crate::scan::{
        Control, Current, ProcessOptions, ProgressSnapshot, Reason, RuleSource, Ruleset, Scan, ScanConclusion,
        ScanEvent, ScanOptions, Tree, Unscanned, WalkOptions,
    };
    pub mod prefilter {
        pub use crate::scan::prefilter::{Prefilter, YaraSource};
    }
}
pub mod session {
    pub use crate::session::{CaseReader, HostIdentity, RecordPlan, RuleCatalog, RuleChoice, StartedAs, host_name};
    pub mod many {
        pub use crate::session::many::{ManyCases, case_files};
    }
}
pub mod text {
    pub use crate::text::*;
}
pub mod theme {
    pub use crate::theme::*;
}
pub mod triage {
    pub use crate::triage::{Actor, Answer, Verdict};
    pub mod bound {
        pub use crate::triage::bound::BoundBox;
    }
    pub mod exclusion {
        pub use crate::triage::exclusion::{CheckResult, Exclusion, ExclusionDraft, Judgement, SeenCheck, Signature};
    }
    pub mod filter {
        pub use crate::triage::filter::Signs;
    }
    pub mod matched_file {
        pub use crate::triage::matched_file::MatchedFile;
    }
    pub mod register {
        pub use crate::triage::register::Register;
    }
    pub mod scope {
        pub use crate::triage::scope::{Owner, Scope, ScopeKind};
    }
    pub mod state {
        pub use crate::triage::state::ExclusionState;
    }
}
pub mod timeout {
    pub use crate::timeout::{CallClock, blocking_call};
}
pub mod tui {
    pub use crate::tui::{Session, Start, Themes};
    pub mod backend {
        pub use crate::tui::backend::Backend;
        pub mod place_probe {
            pub use crate::tui::backend::place_probe::{OpenTarget, PlaceAnswer, PlaceQuery, Tried};
        }
    }
    pub mod frame {
        pub use crate::tui::frame::{draw, draw_chooser};
    }
    pub mod glyphs {
        pub use crate::tui::glyphs::Glyphs;
    }
    pub mod keymap {
        pub use crate::tui::keymap::Keymap;
    }
    pub mod message {
        pub use crate::tui::message::{Effect, Message};
    }
    pub mod state {
        pub use crate::tui::state::{App, Screen};
        pub mod bell {
            pub use crate::tui::state::bell::Bell;
        }
        pub mod bytes {
            pub use crate::tui::state::bytes::Counted;
        }
        pub mod chooser {
            pub use crate::tui::state::chooser::{Chooser, ChooserRow, ChooserSection, Outset};
        }
        pub mod elf_page {
            pub use crate::tui::state::elf_page::place;
        }
        pub mod face {
            pub use crate::tui::state::face::Face;
        }
        pub mod coverage {
            pub use crate::tui::state::coverage::Missed;
        }
        pub mod detail {
            pub use crate::tui::state::told::Decoded;
        }
        pub mod findings {
            pub use crate::tui::state::findings::{Column, Grouping, ListedFinding, Sort, Written};
        }
        pub mod panes {
            pub use crate::tui::state::panes::{Panes, Widths};
        }
        pub mod themes {
            pub use crate::tui::state::themes::Offer;
        }
    }
    pub mod terminal {
        pub use crate::tui::terminal::TerminalGuard;
    }
    pub mod update {
        pub use crate::tui::update::*;
        pub mod chooser {
            pub use crate::tui::update::chooser::*;
        }
    }
}
