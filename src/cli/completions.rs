//! Completion scripts for shells.

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::args::Cli;

/// What the script for zsh calls to offer commands.
const ZSH_COMMANDS: &str = "\":: :_huntbook_commands\"";
/// The same, with files beside the commands.
const ZSH_COMMANDS_OR_TREE: &str = "\":: :_huntbook_commands_or_tree\"";
const ZSH_FUNCTION: &str = "
(( $+functions[_huntbook_commands_or_tree] )) ||
_huntbook_commands_or_tree() {
    _alternative 'commands:command:_huntbook_commands' 'files:tree:_files'
}
";

/// The completion script for `shell`.
///
/// The tree that may stand in the place of a command is left out of what the generator sees: with it, the script for zsh takes
/// the command for the tree and offers nothing behind it. In zsh, files are offered beside the commands instead.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let all = Cli::command();
    let arguments: Vec<_> = all.get_arguments().filter(|argument| !argument.is_positional()).cloned().collect();
    let commands: Vec<_> = all.get_subcommands().cloned().collect();
    let mut without_tree = Command::new("huntbook")
        .disable_help_subcommand(true)
        .version(env!("CARGO_PKG_VERSION"))
        .about(all.get_about().cloned().unwrap_or_default())
        .args(arguments)
        .subcommands(commands);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut without_tree, "huntbook", &mut script);
    if shell != Shell::Zsh {
        return script;
    }
    let text = String::from_utf8_lossy(&script).replacen(ZSH_COMMANDS, ZSH_COMMANDS_OR_TREE, 1);
    let (before, after) = text.split_once("\n(( $+functions[_huntbook_commands] ))").unwrap_or((&text, ""));
    format!("{before}{ZSH_FUNCTION}\n(( $+functions[_huntbook_commands] )){after}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_with_every_command() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = String::from_utf8(script(shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell} lacks {}", command.get_name());
            }
            assert!(script.contains("--max-file-size") || script.contains("max-file-size"), "{shell}");
        }
    }

    #[test]
    fn zsh_takes_a_command_for_a_command() {
        let script = String::from_utf8(script(Shell::Zsh)).unwrap();
        let top = script.split("case $state in").next().unwrap();
        assert!(!top.contains("tree --"), "an optional tree swallows the command: {top}");
        assert!(top.contains(ZSH_COMMANDS_OR_TREE), "{top}");
        assert_eq!(script.matches("_huntbook_commands_or_tree() {").count(), 1);
        assert!(script.contains("huntbook-command-$line[1]") && script.contains("case $line[1] in"), "{script}");
    }
}
