//! What is known of one file, as far as a condition can ask.

use super::known::{ExprValue, Integer};
use crate::elf::Bytes;
use crate::hunt::language::ReadField;
use crate::hunt::{DefineValue, EXTERNAL_VARIABLES, RuleOptions};
use crate::scan::{Externals, PatternLocations};

/// One file, and where the patterns of one rule are in it.
#[derive(Clone, Copy)]
pub(crate) struct ExplainedFile<'f> {
    /// The file's size and bytes; those that are not given though they lie before the end are unknown.
    pub bytes: &'f dyn Bytes,
    /// Where each pattern is, in the order of the rule's `strings` section; unknown for one beyond the list.
    pub places: &'f [Option<PatternLocations>],
    /// The external variables; `None` if they are not known.
    pub externals: Option<&'f Externals>,
    /// What was defined for all files.
    pub options: &'f RuleOptions,
}

impl ExplainedFile<'_> {
    /// Reads a field; undefined when it does not lie in the file.
    pub(super) fn read(&self, field: ReadField, offset: Integer) -> ExprValue {
        let end = offset.value + i128::from(field.width);
        let Ok(start) = u64::try_from(offset.value) else { return ExprValue::Undefined };
        if end > i128::from(self.bytes.size()) {
            return ExprValue::Undefined;
        }
        let bytes = self.bytes.read(start, field.width.into());
        if bytes.len() == usize::from(field.width) {
            ExprValue::Integer(Integer { value: field.value(&bytes), unsigned: field.width == 8 && !field.signed })
        } else {
            ExprValue::unknown("the bytes there are not at hand")
        }
    }

    /// The value of an external variable; `None` if that is not what the name stands for.
    pub(super) fn external(&self, name: &str) -> Option<ExprValue> {
        if let Some(define) = self.options.defines.iter().find(|define| define.name == name) {
            return Some(match &define.value {
                DefineValue::Boolean(value) => ExprValue::Truth(*value),
                DefineValue::Integer(value) => ExprValue::signed(*value),
                DefineValue::Float(_) => ExprValue::unknown("a number with a fraction"),
                DefineValue::Text(value) => ExprValue::Text(value.as_bytes().to_vec()),
            });
        }
        if !EXTERNAL_VARIABLES.contains(&name) {
            return None;
        }
        let Some(externals) = self.externals else { return Some(ExprValue::unknown("the file's name is not at hand")) };
        let mut value = ExprValue::unknown("not all bytes of the file are at hand");
        externals.each(self.options, |external, text| {
            if external == name {
                value = ExprValue::Text(text.as_bytes().to_vec());
            }
        });
        Some(value)
    }
}
