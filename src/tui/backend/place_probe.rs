//! Looks at the places there are to scan. Each question has a thread of its own, because a disk or a network that does
//! not answer holds up whoever asks it, and must hold up nothing else.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use crate::places::{self, DiskUsage, ListedFolder, MountList, PathCompletion, Recent};
use crate::session::StartedAs;
use crate::text;
use crate::timeout::{self, NoThread};

/// How long a file system may take to say how full it is before the screen says that it does not answer.
const LIMIT: Duration = Duration::from_secs(3);
/// File systems that are asked at most: each takes a thread.
const ASKED: usize = 256;
/// Bytes of stack of such a thread.
const STACK: usize = 128 * 1024;

/// A tree to scan or a case to open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenTarget {
    /// The folder, file or case.
    pub path: PathBuf,
    /// What the scan is started with, unless the command line says otherwise.
    pub started: StartedAs,
}

impl<P: Into<PathBuf>> From<P> for OpenTarget {
    fn from(path: P) -> Self {
        Self { path: path.into(), started: StartedAs::default() }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceQuery {
    /// The trees that were scanned before.
    Recent,
    /// The mounts, and how full each is.
    Mounts,
    /// What a folder holds.
    Folder(PathBuf),
    /// Whether this can be opened, as a tree or as a case.
    Open(OpenTarget),
    /// What a path that is being typed may go on as.
    Complete {
        /// What was typed.
        typed: String,
        /// The folder it is taken from.
        base: PathBuf,
    },
}

/// The answers. Texts are safe.
#[derive(Debug)]
pub enum PlaceAnswer {
    /// A tree that was scanned before, or why its case cannot be read.
    Recent(Result<Box<Recent>, String>),
    /// There are no more of them.
    RecentEnd,
    /// The mounts.
    Mounts(Result<MountList, String>),
    /// How full the mount at this point is.
    DiskUsage(PathBuf, Result<DiskUsage, String>),
    /// The mounts that have not said so by now do not answer.
    RoomEnd,
    /// The folders in this one, links left out for now, and whether there are more.
    Folders(PathBuf, Result<(Vec<ListedFolder>, bool), String>),
    /// The links to folders in this one.
    Links(PathBuf, Vec<ListedFolder>),
    /// Whether this can be opened, and what was seen of it.
    Opened(OpenTarget, Result<Tried, String>),
    /// What this may go on as.
    Completed(String, Result<PathCompletion, String>),
}

/// What was seen of a place that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Nothing stands in the way.
    Ready,
    /// It looks like the root of another system, and what it is started with does not say that it is one.
    LooksLikeRoot,
}

/// Opens a tree or a case as the session will and closes it again, or says why the session would refuse it, so that it is
/// said while there is still a choice.
pub(crate) type Trial = Arc<dyn Fn(&OpenTarget) -> Result<Tried, String> + Send + Sync>;

/// Asks, and passes the answers on.
#[derive(Clone)]
pub(crate) struct PlaceProbe {
    /// Where answers go.
    pub news: Sender<PlaceAnswer>,
    /// The folder that cases are in.
    pub cases: Option<PathBuf>,
    /// Where a `~` leads.
    pub home: Option<PathBuf>,
    /// How a place is tried.
    pub trial: Trial,
}

impl PlaceProbe {
    /// Asks; returns at once.
    pub(crate) fn ask(&self, ask: PlaceQuery) {
        let (probe, asked) = (self.clone(), ask.clone());
        if let Err(error) = timeout::spawn("place probe", move || probe.answer(asked)) {
            self.refuse(ask, error.to_string());
        }
    }

    /// Answers that there is no answer.
    fn refuse(&self, ask: PlaceQuery, why: String) {
        match ask {
            PlaceQuery::Recent => {
                self.tell(PlaceAnswer::Recent(Err(why)));
                self.tell(PlaceAnswer::RecentEnd);
            }
            PlaceQuery::Mounts => {
                self.tell(PlaceAnswer::Mounts(Err(why)));
                self.tell(PlaceAnswer::RoomEnd);
            }
            PlaceQuery::Folder(path) => _ = self.tell(PlaceAnswer::Folders(path, Err(why))),
            PlaceQuery::Open(place) => _ = self.tell(PlaceAnswer::Opened(place, Err(why))),
            PlaceQuery::Complete { typed, .. } => _ = self.tell(PlaceAnswer::Completed(typed, Err(why))),
        }
    }

    fn tell(&self, news: PlaceAnswer) -> bool {
        self.news.send(news).is_ok()
    }

    fn answer(&self, ask: PlaceQuery) {
        match ask {
            PlaceQuery::Recent => {
                if let Some(folder) = &self.cases {
                    places::each_recent(folder, |recent| {
                        self.tell(PlaceAnswer::Recent(recent.map(Box::new).map_err(safe)))
                    });
                }
                self.tell(PlaceAnswer::RecentEnd);
            }
            PlaceQuery::Mounts => self.mounts(),
            PlaceQuery::Folder(path) => self.folder(path),
            PlaceQuery::Open(place) => {
                let opened = (self.trial)(&place).map_err(safe);
                self.tell(PlaceAnswer::Opened(place, opened));
            }
            PlaceQuery::Complete { typed, base } => {
                let completion = places::complete(&typed, &base, self.home.as_deref()).map_err(safe);
                self.tell(PlaceAnswer::Completed(typed, completion));
            }
        }
    }

    fn mounts(&self) {
        let mounts = MountList::read();
        let points: Vec<_> = mounts.iter().flat_map(|mounts| &mounts.list).filter(|mount| !mount.pseudo).collect();
        let points: Vec<_> = points.into_iter().take(ASKED).map(|mount| mount.point.clone()).collect();
        self.tell(PlaceAnswer::Mounts(mounts.map_err(safe)));
        let deadline = Instant::now() + LIMIT;
        let (done, all_done) = bounded::<()>(0);
        for point in points {
            let (probe, done, asked) = (self.clone(), done.clone(), point.clone());
            let ask = move || {
                let room = DiskUsage::of(&point).map_err(safe);
                probe.tell(PlaceAnswer::DiskUsage(point, room));
                drop(done);
            };
            let small = Builder::new().name("place probe".to_owned()).stack_size(STACK);
            if let Err(error) = small.spawn(|| timeout::catch_panic(ask)) {
                self.tell(PlaceAnswer::DiskUsage(asked, Err(NoThread(error).to_string())));
            }
        }
        drop(done);
        // Nothing is ever sent: the wait ends when the last of them has dropped its end, or at the deadline.
        let _ = all_done.recv_deadline(deadline);
        self.tell(PlaceAnswer::RoomEnd);
    }

    /// Folders first: a link may point to where nothing answers.
    fn folder(&self, path: PathBuf) {
        match places::list(&path) {
            Err(error) => _ = self.tell(PlaceAnswer::Folders(path, Err(error.to_string()))),
            Ok(listing) => {
                let folders = listing.folders.into_iter().map(|name| ListedFolder { name, link: None }).collect();
                self.tell(PlaceAnswer::Folders(path.clone(), Ok((folders, listing.more))));
                let links = places::links(&path, &listing.links);
                self.tell(PlaceAnswer::Links(path, links));
            }
        }
    }
}

fn safe(error: impl std::fmt::Display) -> String {
    text::escape_str(&error.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Receiver, unbounded};

    fn probe() -> (PlaceProbe, Receiver<PlaceAnswer>) {
        let (news, heard) = unbounded();
        let trial = Arc::new(
            |place: &OpenTarget| if place.path.is_dir() { Ok(Tried::Ready) } else { Err("no\u{1b} folder".to_owned()) },
        );
        (PlaceProbe { news, cases: None, home: None, trial }, heard)
    }

    #[test]
    fn every_question_is_answered_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let (probe, heard) = probe();
        let next = || heard.recv_timeout(Duration::from_secs(20)).unwrap();
        probe.ask(PlaceQuery::Recent);
        assert!(matches!(next(), PlaceAnswer::RecentEnd));
        probe.ask(PlaceQuery::Folder(dir.path().to_owned()));
        assert!(matches!(next(), PlaceAnswer::Folders(_, Ok((folders, false))) if folders.len() == 1));
        assert!(matches!(next(), PlaceAnswer::Links(_, links) if links.len() == 1));
        probe.ask(PlaceQuery::Folder(dir.path().join("none")));
        assert!(matches!(next(), PlaceAnswer::Folders(_, Err(why)) if why.contains("is gone")));
        probe.ask(PlaceQuery::Open(dir.path().join("a").into()));
        assert!(matches!(next(), PlaceAnswer::Opened(_, Ok(Tried::Ready))));
        probe.ask(PlaceQuery::Open(dir.path().join("none").into()));
        assert!(matches!(next(), PlaceAnswer::Opened(_, Err(why)) if why == "no\\x1b folder"));
        probe.ask(PlaceQuery::Complete { typed: "l".into(), base: dir.path().to_owned() });
        assert!(matches!(next(), PlaceAnswer::Completed(_, Ok(completion)) if completion.typed == "link/"));
    }

    #[test]
    fn each_mount_is_heard_of_before_the_end_or_not_at_all() {
        let (probe, heard) = probe();
        probe.ask(PlaceQuery::Mounts);
        let next = || heard.recv_timeout(LIMIT + Duration::from_secs(20)).unwrap();
        let PlaceAnswer::Mounts(Ok(mounts)) = next() else { panic!("the mounts come first") };
        let mut answers = 0;
        while !matches!(next(), PlaceAnswer::RoomEnd) {
            answers += 1;
        }
        let asked = mounts.list.iter().filter(|mount| !mount.pseudo).count();
        assert!((1..=asked).contains(&answers), "{answers} of {asked}");
    }
}
