//! Whether the kernel of the box runs programs of the x32 ABI (64-bit code in 32-bit structures), which the file alone cannot
//! tell: how the kernel was built, by the configuration that it or its package keeps.

use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Serialize;

use crate::elf::Elf;
use crate::root::Root;
use crate::text;

/// Bytes of a configuration that are read at most; those of distributions have 300 KB.
const LONGEST: u64 = 4 << 20;
/// Kernels of an image whose configuration is read at most.
const MAX_KERNELS: usize = 16;

/// What is known of the kernel's support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct X32 {
    /// Whether it runs such programs; `None` where that cannot be told.
    pub supported: Option<bool>,
    /// What that rests on, in words; safe text.
    #[serde(rename = "said")]
    pub message: String,
}

impl X32 {
    /// Asks about the kernel of the box that a program is on; nothing for a program of another ABI.
    pub(crate) fn of(root: &Root, program: &Elf) -> Option<Self> {
        program.is_x32().then(|| Self::ask(root))
    }

    fn ask(root: &Root) -> Self {
        if !root.is_live() {
            return of_image(root);
        }
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let own = PathBuf::from(format!("/boot/config-{release}"));
        let started = root.text(Path::new("/proc/cmdline")).map(|text| text.bytes).unwrap_or_default();
        let found = [PathBuf::from("/proc/config.gz"), own].into_iter().find_map(|path| {
            let built = built(&configuration(root, &path)?);
            Some((path, built))
        });
        let release = text::escape_str(&release);
        let Some((path, built)) = found else {
            let said = format!(
                "whether this box's kernel runs x32 programs cannot be told: neither /proc/config.gz nor \
                 /boot/config-{release} is there to be read"
            );
            return Self { supported: None, message: said };
        };
        let supported = built.started_with(&started);
        let said = if supported {
            format!("this box's kernel {release} runs x32 programs")
        } else {
            format!("this box's kernel {release} does not run x32 programs (ENOEXEC)")
        };
        Self {
            supported: Some(supported),
            message: format!("{said}: {} ({})", built.words(), text::escape_path(&path)),
        }
    }
}

/// What a configuration says of x32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Built {
    With,
    /// Debian's kernels: only with `syscall.x32=y` on the kernel's command line.
    WithButOff,
    Without,
}

impl Built {
    fn started_with(self, command_line: &[u8]) -> bool {
        let asked = || command_line.split(u8::is_ascii_whitespace).any(|word| word == b"syscall.x32=y");
        self == Self::With || (self == Self::WithButOff && asked())
    }

    fn words(self) -> &'static str {
        match self {
            Self::With => "built with CONFIG_X86_X32_ABI",
            Self::WithButOff => "built with CONFIG_X86_X32_ABI, switched on by syscall.x32=y when it is started",
            Self::Without => "built without CONFIG_X86_X32_ABI",
        }
    }
}

/// Reads a configuration as `make` wrote it (`Documentation/kbuild/kconfig.rst`). Until Linux 5.17 the option was called
/// `CONFIG_X86_X32`.
fn built(configuration: &[u8]) -> Built {
    let set = |option: &[u8]| configuration.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == option);
    match set(b"CONFIG_X86_X32_ABI=y") || set(b"CONFIG_X86_X32=y") {
        true if set(b"CONFIG_X86_X32_DISABLED=y") => Built::WithButOff,
        true => Built::With,
        false => Built::Without,
    }
}

/// The text of a configuration, unpacked; `None` where it is not to be had whole or is none.
fn configuration(root: &Root, path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let kept = root.text_up_to(path, LONGEST).ok().filter(|text| !text.cut)?.bytes;
    let mut plain = Vec::new();
    if kept.starts_with(b"\x1f\x8b") {
        GzDecoder::new(&*kept).take(LONGEST).read_to_end(&mut plain).ok()?;
    } else {
        plain = kept;
    }
    memchr::memmem::find(&plain, b"CONFIG_").map(|_| plain)
}

/// Of an image it is not known which of its kernels runs it, but they may all say the same.
fn of_image(root: &Root) -> X32 {
    let boot = Path::new("/boot");
    let (names, cut) = root.folder(boot).and_then(|folder| folder.names()).unwrap_or_default();
    let mut names: Vec<_> = names.into_iter().filter(|name| name.as_encoded_bytes().starts_with(b"config-")).collect();
    names.sort();
    let all = !cut && names.len() <= MAX_KERNELS;
    let built: Option<Vec<Built>> = names
        .iter()
        .take(MAX_KERNELS)
        .map(|name| configuration(root, &boot.join(name)).map(|text| self::built(&text)))
        .collect();
    let same = |built: &[Built], wanted| all && !built.is_empty() && built.iter().all(|one| *one == wanted);
    let told = |supported, said: &str| X32 { supported, message: said.to_owned() };
    match built.as_deref() {
        Some(built) if same(built, Built::With) => {
            told(Some(true), "the image's kernels run x32 programs: built with CONFIG_X86_X32_ABI (/boot/config-*)")
        }
        Some(built) if same(built, Built::Without) => told(
            Some(false),
            "the image's kernels do not run x32 programs (ENOEXEC): built without CONFIG_X86_X32_ABI (/boot/config-*)",
        ),
        Some([]) | None => told(
            None,
            "whether the image's kernel runs x32 programs cannot be told: no configuration in its /boot can be read",
        ),
        Some(_) => told(
            None,
            "whether the image's kernel runs x32 programs depends on which of those in /boot it is, and how it is started",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const WITH: &str = "# Linux/x86\nCONFIG_X86_X32_ABI=y\n";
    const DEBIAN: &str = "CONFIG_X86_X32_ABI=y\nCONFIG_X86_X32_DISABLED=y\n";
    const WITHOUT: &str = "CONFIG_X86=y\n# CONFIG_X86_X32_ABI is not set\n";

    #[test]
    fn a_configuration_and_the_command_line_decide() {
        for (configuration, plain, asked) in [
            (WITH, true, true),
            ("CONFIG_X86_X32=y", true, true),
            (DEBIAN, false, true),
            (WITHOUT, false, false),
            ("CONFIG_X86_X32_ABI=n\n#CONFIG_X86_X32_ABI=y", false, false),
        ] {
            let built = built(configuration.as_bytes());
            assert_eq!(built.started_with(b"quiet ro\n"), plain, "{configuration}");
            assert_eq!(built.started_with(b"quiet syscall.x32=y\n"), asked, "{configuration}");
        }
    }

    #[test]
    fn the_kernels_of_an_image_tell_when_they_agree() {
        let image = |files: &[(&str, Vec<u8>)]| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("boot")).unwrap();
            for (name, bytes) in files {
                std::fs::write(folder.path().join("boot").join(name), bytes).unwrap();
            }
            X32::ask(&Root::image(folder.path()))
        };
        let plain = |text: &str| text.as_bytes().to_vec();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(WITHOUT.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(image(&[("config-6.1", plain(WITH)), ("vmlinuz-6.1", plain("x"))]).supported, Some(true));
        assert_eq!(image(&[("config-6.1", plain(WITHOUT)), ("config-6.2", packed.clone())]).supported, Some(false));
        for unknown in [
            &[][..],
            &[("config-6.1", plain(WITH)), ("config-6.2", plain(WITHOUT))],
            &[("config-6.1", plain(DEBIAN))],
            &[("config-6.1", plain("nothing of the kind"))],
            &[("config-6.1", packed[..packed.len() - 12].to_vec())],
        ] {
            assert_eq!(image(unknown).supported, None, "{unknown:?}");
        }
        let none = tempfile::tempdir().unwrap();
        assert!(X32::ask(&Root::image(none.path())).message.contains("no configuration in its /boot"));
    }

    #[test]
    fn the_running_kernel_is_asked_only_about_programs_of_that_abi() {
        let header = |class: u8, machine: u8| {
            let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
            header.resize(64, 0);
            (header[4], header[18], header[42]) = (class, machine, 32);
            crate::elf::decode(&header, 64).unwrap()
        };
        let asked = X32::of(&Root::live(), &header(1, 62)).unwrap();
        assert!(!asked.message.is_empty());
        assert_eq!(X32::of(&Root::live(), &header(2, 62)), None);
        assert_eq!(X32::of(&Root::live(), &header(1, 3)), None);
    }
}
