//! What is said of each form.

use super::*;

const PATTERNS: &str = "$a = \"alpha\"\n$b = \"beta\"\n$c = \"gamma\"";

#[test]
fn the_parts_of_a_condition_are_told_one_by_one() {
    let told = told(
        PATTERNS,
        "uint32(0) == 0x464c457f and (filesize < 10 or not $c) and 2 of them and $a at 4 and #b > 1",
        b"\x7fELFalpha beta beta",
    );
    assert_eq!(
        told,
        [
            "false `uint32(0) == 0x464c457f and (filesize < 10 or not $c) and 2 of them and $a at 4 and #b > 1` → 5 of 5 true",
        ]
    );
}
