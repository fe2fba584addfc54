//! Names of the Linux system calls that matter to a responder, by number.
//!
//! Numbers: `arch/x86/entry/syscalls/syscall_32.tbl` and `syscall_64.tbl` of the Linux source. They never change once
//! given out.

/// Whose numbers a system call uses. It goes by the instruction, not by the file: 64-bit code can make 32-bit calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// `int 0x80` and `sysenter`.
    I386,
    /// `syscall`.
    X86_64,
}

/// The call's name, `None` for a number that is not in the table.
pub fn name(abi: Abi, number: u32) -> Option<&'static str> {
    let table = match abi {
        Abi::I386 => I386,
        Abi::X86_64 => X86_64,
    };
    lookup(table, number)
}

/// What `socketcall(2)` does for its first argument (`include/uapi/linux/net.h`).
pub fn socketcall_name(call: u32) -> Option<&'static str> {
    lookup(SOCKETCALL, call)
}

fn lookup(table: &[(u32, &'static str)], number: u32) -> Option<&'static str> {
    let index = table.binary_search_by_key(&number, |row| row.0).ok()?;
    table.get(index).map(|row| row.1)
}

#[rustfmt::skip]
const SOCKETCALL: &[(u32, &str)] = &[
    (1, "socket"), (2, "bind"), (3, "connect"), (4, "listen"), (5, "accept"), (6, "getsockname"), (7, "getpeername"),
    (8, "socketpair"), (9, "send"), (10, "recv"), (11, "sendto"), (12, "recvfrom"), (13, "shutdown"),
    (14, "setsockopt"), (15, "getsockopt"), (16, "sendmsg"), (17, "recvmsg"), (18, "accept4"),
];

#[rustfmt::skip]
const I386: &[(u32, &str)] = &[
    (1, "exit"), (2, "fork"), (3, "read"), (4, "write"), (5, "open"), (6, "close"), (7, "waitpid"), (8, "creat"),
    (9, "link"), (10, "unlink"), (11, "execve"), (12, "chdir"), (13, "time"), (14, "mknod"), (15, "chmod"),
    (16, "lchown"), (19, "lseek"), (20, "getpid"), (21, "mount"), (22, "umount"), (23, "setuid"), (24, "getuid"),
    (26, "ptrace"), (27, "alarm"), (30, "utime"), (33, "access"), (36, "sync"), (37, "kill"), (38, "rename"),
    (39, "mkdir"), (40, "rmdir"), (41, "dup"), (42, "pipe"), (45, "brk"), (46, "setgid"), (47, "getgid"),
    (48, "signal"), (49, "geteuid"), (50, "getegid"), (52, "umount2"), (54, "ioctl"), (55, "fcntl"),
    (57, "setpgid"), (60, "umask"), (61, "chroot"), (63, "dup2"), (64, "getppid"), (66, "setsid"),
    (67, "sigaction"), (70, "setreuid"), (71, "setregid"), (74, "sethostname"), (75, "setrlimit"),
    (76, "getrlimit"), (78, "gettimeofday"), (81, "setgroups"), (82, "select"), (83, "symlink"), (85, "readlink"),
    (88, "reboot"), (90, "mmap"), (91, "munmap"), (92, "truncate"), (93, "ftruncate"), (94, "fchmod"),
    (95, "fchown"), (99, "statfs"), (101, "ioperm"), (102, "socketcall"), (103, "syslog"), (106, "stat"),
    (107, "lstat"), (108, "fstat"), (110, "iopl"), (114, "wait4"), (116, "sysinfo"), (117, "ipc"),
    (119, "sigreturn"), (120, "clone"), (122, "uname"), (123, "modify_ldt"), (125, "mprotect"),
    (128, "init_module"), (129, "delete_module"), (133, "fchdir"), (136, "personality"), (140, "_llseek"),
    (141, "getdents"), (142, "_newselect"), (144, "msync"), (145, "readv"), (146, "writev"), (158, "sched_yield"),
    (162, "nanosleep"), (163, "mremap"), (164, "setresuid"), (168, "poll"), (170, "setresgid"), (172, "prctl"),
    (173, "rt_sigreturn"), (174, "rt_sigaction"), (175, "rt_sigprocmask"), (180, "pread64"), (181, "pwrite64"),
    (182, "chown"), (183, "getcwd"), (184, "capget"), (185, "capset"), (186, "sigaltstack"), (187, "sendfile"),
    (190, "vfork"), (192, "mmap2"), (195, "stat64"), (196, "lstat64"), (197, "fstat64"), (199, "getuid32"),
    (208, "setresuid32"), (210, "setresgid32"), (213, "setuid32"), (214, "setgid32"), (217, "pivot_root"),
    (219, "madvise"), (220, "getdents64"), (221, "fcntl64"), (224, "gettid"), (226, "setxattr"), (238, "tkill"),
    (239, "sendfile64"), (240, "futex"), (243, "set_thread_area"), (252, "exit_group"), (254, "epoll_create"),
    (255, "epoll_ctl"), (256, "epoll_wait"), (258, "set_tid_address"), (265, "clock_gettime"),
    (267, "clock_nanosleep"), (270, "tgkill"), (271, "utimes"), (283, "kexec_load"), (284, "waitid"),
    (288, "keyctl"), (291, "inotify_init"), (292, "inotify_add_watch"), (295, "openat"), (296, "mkdirat"),
    (297, "mknodat"), (298, "fchownat"), (301, "unlinkat"), (302, "renameat"), (303, "linkat"), (304, "symlinkat"),
    (305, "readlinkat"), (306, "fchmodat"), (307, "faccessat"), (308, "pselect6"), (309, "ppoll"), (310, "unshare"),
    (313, "splice"), (320, "utimensat"), (329, "epoll_create1"), (330, "dup3"), (331, "pipe2"),
    (336, "perf_event_open"), (338, "fanotify_init"), (340, "prlimit64"), (341, "name_to_handle_at"),
    (342, "open_by_handle_at"), (346, "setns"), (347, "process_vm_readv"), (348, "process_vm_writev"),
    (350, "finit_module"), (353, "renameat2"), (354, "seccomp"), (355, "getrandom"), (356, "memfd_create"),
    (357, "bpf"), (358, "execveat"), (359, "socket"), (360, "socketpair"), (361, "bind"), (362, "connect"),
    (363, "listen"), (364, "accept4"), (365, "getsockopt"), (366, "setsockopt"), (367, "getsockname"),
    (368, "getpeername"), (369, "sendto"), (370, "sendmsg"), (371, "recvfrom"), (372, "recvmsg"), (373, "shutdown"),
    (374, "userfaultfd"), (377, "copy_file_range"), (383, "statx"), (384, "arch_prctl"), (424, "pidfd_send_signal"),
    (425, "io_uring_setup"), (426, "io_uring_enter"), (434, "pidfd_open"), (435, "clone3"), (436, "close_range"),
    (437, "openat2"),
];

#[rustfmt::skip]
const X86_64: &[(u32, &str)] = &[
    (0, "read"), (1, "write"), (2, "open"), (3, "close"), (4, "stat"), (5, "fstat"), (6, "lstat"), (7, "poll"),
    (8, "lseek"), (9, "mmap"), (10, "mprotect"), (11, "munmap"), (12, "brk"), (13, "rt_sigaction"),
    (14, "rt_sigprocmask"), (15, "rt_sigreturn"), (16, "ioctl"), (17, "pread64"), (18, "pwrite64"), (19, "readv"),
    (20, "writev"), (21, "access"), (22, "pipe"), (23, "select"), (24, "sched_yield"), (25, "mremap"),
    (26, "msync"), (28, "madvise"), (32, "dup"), (33, "dup2"), (35, "nanosleep"), (37, "alarm"), (39, "getpid"),
    (40, "sendfile"), (41, "socket"), (42, "connect"), (43, "accept"), (44, "sendto"), (45, "recvfrom"),
    (46, "sendmsg"), (47, "recvmsg"), (48, "shutdown"), (49, "bind"), (50, "listen"), (51, "getsockname"),
    (52, "getpeername"), (53, "socketpair"), (54, "setsockopt"), (55, "getsockopt"), (56, "clone"), (57, "fork"),
    (58, "vfork"), (59, "execve"), (60, "exit"), (61, "wait4"), (62, "kill"), (63, "uname"), (72, "fcntl"),
    (76, "truncate"), (77, "ftruncate"), (78, "getdents"), (79, "getcwd"), (80, "chdir"), (81, "fchdir"),
    (82, "rename"), (83, "mkdir"), (84, "rmdir"), (85, "creat"), (86, "link"), (87, "unlink"), (88, "symlink"),
    (89, "readlink"), (90, "chmod"), (91, "fchmod"), (92, "chown"), (93, "fchown"), (94, "lchown"), (95, "umask"),
    (96, "gettimeofday"), (97, "getrlimit"), (99, "sysinfo"), (101, "ptrace"), (102, "getuid"), (103, "syslog"),
    (104, "getgid"), (105, "setuid"), (106, "setgid"), (107, "geteuid"), (108, "getegid"), (109, "setpgid"),
    (110, "getppid"), (112, "setsid"), (113, "setreuid"), (114, "setregid"), (116, "setgroups"), (117, "setresuid"),
    (119, "setresgid"), (125, "capget"), (126, "capset"), (131, "sigaltstack"), (132, "utime"), (133, "mknod"),
    (135, "personality"), (137, "statfs"), (154, "modify_ldt"), (155, "pivot_root"), (157, "prctl"),
    (158, "arch_prctl"), (160, "setrlimit"), (161, "chroot"), (162, "sync"), (165, "mount"), (166, "umount2"),
    (169, "reboot"), (170, "sethostname"), (172, "iopl"), (173, "ioperm"), (175, "init_module"),
    (176, "delete_module"), (186, "gettid"), (188, "setxattr"), (200, "tkill"), (201, "time"), (202, "futex"),
    (205, "set_thread_area"), (213, "epoll_create"), (217, "getdents64"), (218, "set_tid_address"),
    (228, "clock_gettime"), (230, "clock_nanosleep"), (231, "exit_group"), (232, "epoll_wait"), (233, "epoll_ctl"),
    (234, "tgkill"), (235, "utimes"), (246, "kexec_load"), (247, "waitid"), (250, "keyctl"), (253, "inotify_init"),
    (254, "inotify_add_watch"), (257, "openat"), (258, "mkdirat"), (259, "mknodat"), (260, "fchownat"),
    (262, "newfstatat"), (263, "unlinkat"), (264, "renameat"), (265, "linkat"), (266, "symlinkat"),
    (267, "readlinkat"), (268, "fchmodat"), (269, "faccessat"), (270, "pselect6"), (271, "ppoll"), (272, "unshare"),
    (275, "splice"), (280, "utimensat"), (288, "accept4"), (291, "epoll_create1"), (292, "dup3"), (293, "pipe2"),
    (298, "perf_event_open"), (300, "fanotify_init"), (302, "prlimit64"), (303, "name_to_handle_at"),
    (304, "open_by_handle_at"), (308, "setns"), (310, "process_vm_readv"), (311, "process_vm_writev"),
    (313, "finit_module"), (316, "renameat2"), (317, "seccomp"), (318, "getrandom"), (319, "memfd_create"),
    (320, "kexec_file_load"), (321, "bpf"), (322, "execveat"), (323, "userfaultfd"), (326, "copy_file_range"),
    (332, "statx"), (424, "pidfd_send_signal"), (425, "io_uring_setup"), (426, "io_uring_enter"),
    (434, "pidfd_open"), (435, "clone3"), (436, "close_range"), (437, "openat2"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_so_that_every_row_is_found() {
        for table in [I386, X86_64, SOCKETCALL] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
            assert!(table.iter().all(|row| lookup(table, row.0) == Some(row.1)));
        }
    }

    #[test]
    fn the_same_number_means_different_calls() {
        assert_eq!(name(Abi::I386, 11), Some("execve"));
        assert_eq!(name(Abi::X86_64, 11), Some("munmap"));
        assert_eq!(name(Abi::X86_64, 59), Some("execve"));
        assert_eq!(name(Abi::I386, 9999), None);
        assert_eq!(socketcall_name(3), Some("connect"));
    }
}
