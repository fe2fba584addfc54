//! Who is deciding: the account the program runs as, and the person who logged in behind it.

use std::time::Duration;

use super::Actor;
use crate::accounts::Accounts;
use crate::root::Root;
use crate::storage::login_uid;
use crate::text;

/// Longest account name taken from the environment, in bytes. `useradd(8)` stops at 32; directory services go further.
const LONGEST_NAME: usize = 64;

/// How long the accounts may take to be read.
const LIMIT: Duration = Duration::from_secs(5);

/// What [`Actor::from_inputs`] decides from. Nothing in it is trusted except the effective user id.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Effective user id of the process.
    pub euid: u32,
    /// The accounts of this machine, as far as they could be read.
    pub accounts: &'a Accounts,
    /// The kernel's audit login user id, `None` when it could not be read or no login is known.
    pub login_uid: Option<u32>,
    /// `SUDO_USER`, which `sudo(8)` sets.
    pub sudo_user: Option<&'a str>,
    /// `DOAS_USER`, which `doas(1)` sets.
    pub doas_user: Option<&'a str>,
}

impl Actor {
    /// The actor of this process.
    ///
    /// Names come from the text of `/etc/passwd`: the C library's lookup may load modules of an attacker's choosing.
    pub fn current() -> Self {
        let accounts = Accounts::read_within(LIMIT, &Root::live());
        let sudo_user = std::env::var("SUDO_USER").ok();
        let doas_user = std::env::var("DOAS_USER").ok();
        Self::from_inputs(Inputs {
            euid: rustix::process::geteuid().as_raw(),
            accounts: &accounts,
            login_uid: login_uid(),
            sudo_user: sudo_user.as_deref(),
            doas_user: doas_user.as_deref(),
        })
    }

    /// The actor that these inputs describe.
    ///
    /// The login user id is preferred, for the kernel keeps it across `su` and `sudo`; the environment is asked only
    /// as root and after it, for anyone can set a variable.
    pub fn from_inputs(inputs: Inputs<'_>) -> Self {
        let named = |uid: u32| name_of(inputs.accounts, uid).unwrap_or_else(|| uid.to_string());
        let name = named(inputs.euid);
        let login = inputs.login_uid.filter(|uid| *uid != inputs.euid).map(named);
        let behind = login.or_else(|| {
            let user = if inputs.euid == 0 { inputs.sudo_user.or(inputs.doas_user) } else { None };
            user.filter(|user| is_plausible(user) && *user != name).map(str::to_owned)
        });
        Self { name, uid: inputs.euid, behind }
    }
}

/// The user's name, if it has one that is not too long to be one; a name that could fool a terminal is escaped.
fn name_of(accounts: &Accounts, uid: u32) -> Option<String> {
    let name = accounts.user_name(uid).filter(|name| name.len() <= LONGEST_NAME)?;
    Some(text::escape_str(name).into_owned())
}

/// Whether text from the environment can be an account's name.
fn is_plausible(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.contains([':', '/'])
        && !name.contains(char::is_whitespace)
        && text::escape_str(name) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"# comment\nbroken\nroot:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\
        alice:x:1000:1000::/home/alice:/bin/sh\nb\x1b[2Jb:x:1001:1::/:/bin/sh\n";

    fn actor(inputs: &Known<'_>) -> Actor {
        let Known { euid, login_uid, sudo_user, doas_user } = *inputs;
        let accounts = &Accounts::parse(PASSWD, b"");
        Actor::from_inputs(Inputs { euid, accounts, login_uid, sudo_user, doas_user })
    }

    /// The inputs but for the accounts.
    #[derive(Default)]
    struct Known<'a> {
        euid: u32,
        login_uid: Option<u32>,
        sudo_user: Option<&'a str>,
        doas_user: Option<&'a str>,
    }

    #[test]
    fn the_account_has_its_first_name_or_its_number() {
        assert_eq!(actor(&Known { euid: 0, ..Known::default() }).name, "root");
        assert_eq!(actor(&Known { euid: 4242, ..Known::default() }).name, "4242");
        assert_eq!(actor(&Known { euid: 1001, ..Known::default() }).name, r"b\x1b[2Jb");
    }

    #[test]
    fn the_person_behind_root_is_the_one_who_logged_in() {
        let both = actor(&Known { login_uid: Some(1000), sudo_user: Some("mallory"), ..Known::default() });
        assert_eq!(both.to_string(), "alice (as root)");
        let nameless = actor(&Known { login_uid: Some(77), ..Known::default() });
        assert_eq!(nameless.behind.as_deref(), Some("77"));
    }

    #[test]
    fn without_a_login_sudo_and_doas_are_asked_but_only_as_root() {
        let sudo = actor(&Known { sudo_user: Some("bob"), doas_user: Some("eve"), ..Known::default() });
        assert_eq!(sudo.behind.as_deref(), Some("bob"));
        let doas = actor(&Known { doas_user: Some("eve"), ..Known::default() });
        assert_eq!(doas.behind.as_deref(), Some("eve"));
        let user = actor(&Known { euid: 1000, sudo_user: Some("bob"), ..Known::default() });
        assert_eq!(user, Actor { name: "alice".into(), uid: 1000, behind: None });
    }

    #[test]
    fn nobody_stands_behind_themselves() {
        let login = actor(&Known { euid: 1000, login_uid: Some(1000), ..Known::default() });
        assert_eq!(login.behind, None);
        let sudo = actor(&Known { sudo_user: Some("root"), ..Known::default() });
        assert_eq!(sudo.behind, None);
    }

    #[test]
    fn hostile_environment_text_is_no_name() {
        let long = "a".repeat(65);
        for name in ["", "a b", "a:b", "../x", "a\n", "a\u{202e}b", "\x1b[2J", "a\u{200b}", long.as_str()] {
            assert_eq!(actor(&Known { sudo_user: Some(name), ..Known::default() }).behind, None, "{name:?}");
        }
    }

    #[test]
    fn this_process_has_an_actor() {
        assert!(!Actor::current().name.is_empty());
    }
}
