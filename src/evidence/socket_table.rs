//! The socket tables of the kernel, by network name space: `/proc/PID/net/{tcp,tcp6,udp,udp6,raw,raw6,packet,unix,netlink}`
//! (`proc_pid_net(5)`).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, is_missing, reason};
use super::proc_file;
use crate::text;

/// `TCP_LISTEN`.
const LISTEN: u8 = 10;

/// Protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// UDP over IPv4 or IPv6.
    Udp,
    /// A raw socket, which sees and sends whole IP packets (raw(7)).
    Raw,
    /// A packet socket, which sees and sends whole frames of an interface (packet(7)).
    Packet,
    /// A socket on this box only (unix(7)).
    Unix,
    /// In no table: neither connected nor listening, bound at most.
    Unlisted,
}

/// A line of a socket table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) protocol: Protocol,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: u8,
    /// What else the table says of it, safe to show.
    pub(super) note: Option<String>,
}

/// Where there is no address.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The socket tables of one network name space.
#[derive(Debug, Default)]
pub(super) struct SocketTable {
    pub(super) by_ino: HashMap<u64, Line>,
    /// Local ports with a listener.
    pub(super) listening: HashSet<u16>,
    /// Sockets that only speak with the kernel (netlink(7)).
    pub(super) of_the_kernel: HashSet<u64>,
    pub(super) gaps: Gaps,
}

/// The tables read so far, by network name space: each is read once for all processes in it.
#[derive(Debug, Default)]
pub(super) struct Tables(Mutex<HashMap<PathBuf, Arc<SocketTable>>>);

impl Line {
    /// A line without addresses.
    pub(super) fn noted(protocol: Protocol, note: &str) -> Self {
        Self { protocol, local: NOWHERE, remote: NOWHERE, state: 0, note: Some(note.to_owned()) }
    }
}

impl Tables {
    /// The tables that the process in this folder sees.
    pub(super) fn of(&self, process: &Path) -> Arc<SocketTable> {
        let space = fs::read_link(process.join("ns/net")).unwrap_or_else(|_| process.to_owned());
        if let Some(table) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&space) {
            return Arc::clone(table);
        }
        let table = Arc::new(SocketTable::read(&process.join("net")));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(space, Arc::clone(&table));
        table
    }
}

/// The tables of a network name space.
const TABLES: [(&str, Protocol); 8] = [
    ("tcp", Protocol::Tcp),
    ("tcp6", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("udp6", Protocol::Udp),
    ("raw", Protocol::Raw),
    ("raw6", Protocol::Raw),
    ("packet", Protocol::Packet),
    ("unix", Protocol::Unix),
];

impl SocketTable {
    fn read(net: &Path) -> Self {
        let mut table = Self::default();
        if let Ok(bytes) = proc_file::bytes(&net.join("netlink")) {
            let lines = String::from_utf8_lossy(&bytes).into_owned();
            let inode = |line: &str| line.split_ascii_whitespace().nth(9).and_then(|ino| ino.parse().ok());
            table.of_the_kernel = lines.lines().filter_map(inode).collect();
        }
        for (name, protocol) in TABLES {
            match proc_file::bytes(&net.join(name)) {
                Ok(bytes) => table.lines(&bytes, protocol),
                Err(error) if is_missing(&error) => {}
                Err(error) => table.gaps.add(format!("{}/{name}: {}", net.display(), reason(&error))),
            }
        }
        table
    }

    fn lines(&mut self, bytes: &[u8], protocol: Protocol) {
        let parse = match protocol {
            Protocol::Packet => packet,
            Protocol::Unix => unix,
            _ => parse,
        };
        for (ino, line) in String::from_utf8_lossy(bytes).lines().filter_map(|line| parse(line, protocol)) {
            if protocol == Protocol::Tcp && line.state == LISTEN {
                self.listening.insert(line.local.port());
            }
            self.by_ino.insert(ino, line);
        }
    }
}

/// Parses a line: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode. `None` for the heading
/// and for what is no such line.
fn parse(line: &str, protocol: Protocol) -> Option<(u64, Line)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, local, remote, state, _, _, _, _, _, ino] = fields.as_slice() else { return None };
    let (local, remote) = (address(local)?, address(remote)?);
    let state = u8::from_str_radix(state, 16).ok()?;
    Some((ino.parse().ok()?, Line { protocol, local, remote, state, note: None }))
}

/// Parses a line of `packet`: address, references, type, `EtherType` in hex, interface, running, memory, user, inode.
fn packet(line: &str, protocol: Protocol) -> Option<(u64, Line)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, _, _, kind, interface, _, _, _, ino] = fields.as_slice() else { return None };
    let kind = u16::from_str_radix(kind, 16).ok()?;
    // `ETH_P_ALL` of the kernel's `if_ether.h`.
    let what = if kind == 3 { "of every protocol".to_owned() } else { format!("of EtherType {kind:#06x}") };
    let interface: u32 = interface.parse().ok()?;
    let place = if interface == 0 { "on every interface".to_owned() } else { format!("on interface {interface}") };
    Some((ino.parse().ok()?, Line::noted(protocol, &format!("{what}, {place}"))))
}

/// Parses a line of `unix`: address, references, protocol, flags, type, state, inode, path if it has one.
fn unix(line: &str, protocol: Protocol) -> Option<(u64, Line)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(8).collect();
    let [_, _, _, flags, _, _, ino, rest @ ..] = fields.as_slice() else { return None };
    // `SO_ACCEPTCON`, `__SO_ACCEPTCON` of the kernel's `net.h`.
    let listens = u32::from_str_radix(flags, 16).ok()? & 0x1_0000 != 0;
    let path = rest.first().map_or("without a name".into(), |path| text::escape_str(path));
    let how = if listens { "listens on" } else { "at" };
    Some((ino.parse().ok()?, Line::noted(protocol, &format!("{how} {path}"))))
}

/// An address in hex: 32-bit words, each in the byte order of the machine, then the port.
fn address(hex: &str) -> Option<SocketAddr> {
    let (ip, port) = hex.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(words.as_flattened()) {
                *to = *from;
            }
            // An IPv4 connection on an IPv6 socket is shown as what it is.
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_lines_are_read_and_noise_is_not() {
        let native = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let v4 = format!("{}:0017", native([127, 0, 0, 1]));
        assert_eq!(address(&v4), Some("127.0.0.1:23".parse().unwrap()));
        let mapped = format!("{0}{0}{1}{2}:0050", native([0; 4]), native([0, 0, 0xff, 0xff]), native([10, 0, 0, 1]));
        assert_eq!(address(&mapped), Some("10.0.0.1:80".parse().unwrap()));
        let v6 = format!("{}{1}{1}{2}:0050", native([0x20, 1, 0xd, 0xb8]), native([0; 4]), native([0, 0, 0, 1]));
        assert_eq!(address(&v6), Some("[2001:db8::1]:80".parse().unwrap()));
        let packet_line = "ffff8881 3      3    0003   2     1 0        0      4242";
        let (ino, read) = packet(packet_line, Protocol::Packet).unwrap();
        assert_eq!((ino, read.note.as_deref()), (4242, Some("of every protocol, on interface 2")));
        let unix_line = "ffff8881: 00000002 00000000 00010000 0001 01 4243 /run/evil\u{1b}[2J";
        let (ino, read) = unix(unix_line, Protocol::Unix).unwrap();
        assert_eq!((ino, read.note.as_deref()), (4243, Some(r"listens on /run/evil\x1b[2J")));
        assert_eq!(unix("Num       RefCount Protocol Flags    Type St Inode Path", Protocol::Unix), None);
        assert_eq!(packet("sk       RefCnt Type Proto  Iface R Rmem   User   Inode", Protocol::Packet), None);
        let line = format!("  0: {v4} {v4} 0A 00000000:00000000 00:00000000 00000000  0  0 777 1 x");
        let (ino, read) = parse(&line, Protocol::Tcp).unwrap();
        assert_eq!((ino, read.state, read.local.port()), (777, 0x0a, 23));
        for noise in [
            "",
            "sl local rem st",
            "0: x y z 1 2 3 4 5 6",
            "0: 0100007F:GG 0:0 01 a b c d e 1",
            "0: é0000000:0 é:1 01 a b c d e 1",
        ] {
            assert_eq!(parse(noise, Protocol::Udp), None, "{noise}");
        }
    }
}
