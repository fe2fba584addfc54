//! Opening a container: the reader of each format, and the way through all of it.

use std::io;
use std::path::Path;

use super::budget::{Budget, Watched};
use super::container::Container;
use super::format::ArchiveFormat;
use super::source::ArchiveSource;
use super::walk::{ContainerContext, ContainerInput, Visit, Walker};
use super::{ar, compressed, cpio, rpm, sevenz, tar, zip};

/// Goes through all members of the container at `path`, and through theirs.
pub(crate) fn walk(
    source: &mut dyn ArchiveSource,
    path: &Path,
    container: Container,
    budget: &Budget,
    visit: &mut dyn Visit<'_>,
) {
    let mut walker = Walker { budget, visit, read: members, held: 0 };
    let mut source = Watched::new(source, budget);
    walker.enter(&mut source, path, container, 1);
    if let Some(limit) = budget.take_limit() {
        visit.gap(path, limit);
    }
}

fn members(
    walker: &mut Walker,
    place: &mut ContainerContext,
    format: ArchiveFormat,
    input: ContainerInput,
) -> io::Result<()> {
    match (format, input) {
        (ArchiveFormat::Tar, input) => tar::members(walker, place, input),
        (ArchiveFormat::Cpio, input) => cpio::members(walker, place, input),
        (ArchiveFormat::Ar, input) => ar::members(walker, place, input),
        (ArchiveFormat::Rpm, input) => rpm::members(walker, place, input),
        (ArchiveFormat::Zip, ContainerInput::Seekable(source)) => zip::members(walker, place, source),
        (ArchiveFormat::SevenZip, ContainerInput::Seekable(source)) => sevenz::members(walker, place, source),
        // Nobody comes here: what is not streamed is held first.
        (ArchiveFormat::Zip | ArchiveFormat::SevenZip, ContainerInput::Stream(_)) => Ok(()),
        (compressed, input) => compressed::content(walker, place, compressed, input),
    }
}
