//! What conditions can say of a file that is not of the format which a module reads.
//!
//! Fields of such a module are undefined then, and with them all that is made of them; so the first bytes of a file rule out
//! a rule that asks for them. Which expressions that holds for is tested against yara-x, field by field.

use serde::{Deserialize, Serialize};
use yara_x_parser::ast::{Expr, FuncCall};

use super::guard::{Guard, Number};
use crate::hunt::language::{Comparison, ReadField};

/// Functions whose result is undefined for a file of another format, by module.
const UNDEFINED: [&str; 10] = [
    "pe.calculate_checksum",
    "pe.delayed_import_rva",
    "pe.exports_index",
    "pe.imphash",
    "pe.import_rva",
    "pe.is_32bit",
    "pe.is_64bit",
    "pe.is_dll",
    "pe.rva_to_offset",
    "pe.section_index",
];
/// Functions whose result is undefined, false or 0 then.
const FALSE: [&str; 4] = ["pe.exports", "pe.imports", "pe.language", "pe.locale"];
/// Fields that tell the format itself, and are false then.
const IS: [&str; 3] = ["pe.is_pe", "pe.is_signed", "dotnet.is_dotnet"];

/// What a module reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    /// What begins with `MZ`: modules `pe` and `dotnet`.
    Pe,
    /// What begins with `\x7fELF`: module `elf`.
    Elf,
}

impl Format {
    fn of_module(name: &str) -> Option<Self> {
        match name {
            "pe" | "dotnet" => Some(Self::Pe),
            "elf" => Some(Self::Elf),
            _ => None,
        }
    }

    /// Holds for the first bytes of every file of the format.
    pub(super) fn guard(self) -> Guard {
        let (width, magic) = match self {
            Self::Pe => (2, 0x5a4d),
            Self::Elf => (4, 0x464c_457f),
        };
        let field = ReadField { width, big_endian: false, signed: false };
        let read = Number::Read(field, Box::new(Number::Constant(0)));
        Guard::Compare(Comparison::Equal, read, Number::Constant(magic))
    }
}

/// Tells the format that a file must have for something about an expression, which names are hidden.
pub(super) type FormatTest = fn(&Expr, &dyn Fn(&str) -> bool) -> Option<Format>;

/// The format that a file must have for the expression to hold; `None` if it may hold for another too, or that is not known.
/// `is_hidden` tells the names that stand for no module here.
pub(super) fn wanted_to_hold(expr: &Expr, is_hidden: &dyn Fn(&str) -> bool) -> Option<Format> {
    let format = wanted_to_be_defined(expr, is_hidden);
    format.or_else(|| {
        let path = match expr {
            Expr::FieldAccess(_) => path_of(expr)?,
            Expr::FuncCall(call) => path_of_call(call)?,
            _ => return None,
        };
        let name = path.join(".");
        let known = IS.contains(&name.as_str()) || FALSE.contains(&name.as_str());
        Format::of_module(path.first()?).filter(|_| known && !is_hidden(path[0]))
    })
}

/// The same, for an expression to be defined.
pub(super) fn wanted_to_be_defined(expr: &Expr, is_hidden: &dyn Fn(&str) -> bool) -> Option<Format> {
    let of = |expr: &Expr| wanted_to_be_defined(expr, is_hidden);
    match expr {
        Expr::FieldAccess(_) => {
            let path = path_of(expr)?;
            let format = Format::of_module(path.first()?)?;
            let name = path.join(".");
            // Constants have names in capitals.
            let is_constant = path.iter().any(|part| part.starts_with(|first: char| first.is_ascii_uppercase()));
            (!is_hidden(path[0]) && !is_constant && !IS.contains(&name.as_str())).then_some(format)
        }
        Expr::Lookup(lookup) => of(&lookup.primary),
        Expr::FuncCall(call) => {
            let path = path_of_call(call)?;
            let known = UNDEFINED.contains(&path.join(".").as_str()) && !is_hidden(path[0]);
            Format::of_module(path.first()?).filter(|_| known)
        }
        Expr::Minus(unary) | Expr::BitwiseNot(unary) => of(&unary.operand),
        Expr::Add(nary) | Expr::Sub(nary) | Expr::Mul(nary) | Expr::Div(nary) | Expr::Mod(nary) => {
            nary.operands().find_map(of)
        }
        Expr::Shl(pair)
        | Expr::Shr(pair)
        | Expr::BitwiseAnd(pair)
        | Expr::BitwiseOr(pair)
        | Expr::BitwiseXor(pair)
        | Expr::Eq(pair)
        | Expr::Ne(pair)
        | Expr::Lt(pair)
        | Expr::Gt(pair)
        | Expr::Le(pair)
        | Expr::Ge(pair)
        | Expr::Contains(pair)
        | Expr::IContains(pair)
        | Expr::StartsWith(pair)
        | Expr::IStartsWith(pair)
        | Expr::EndsWith(pair)
        | Expr::IEndsWith(pair)
        | Expr::IEquals(pair)
        | Expr::Matches(pair) => of(&pair.lhs).or_else(|| of(&pair.rhs)),
        _ => None,
    }
}

/// `pe.sections[0].name` as its names, the module first.
fn path_of<'e>(expr: &'e Expr) -> Option<Vec<&'e str>> {
    match expr {
        Expr::Ident(ident) => Some(vec![ident.name]),
        Expr::Lookup(lookup) => path_of(&lookup.primary),
        Expr::FieldAccess(nary) => {
            let (first, rest) = nary.operands.split_first()?;
            let mut path = path_of(first)?;
            for part in rest {
                path.extend(path_of(part)?);
            }
            Some(path)
        }
        _ => None,
    }
}

fn path_of_call<'e>(call: &'e FuncCall) -> Option<Vec<&'e str>> {
    let mut path = path_of(call.object.as_ref()?)?;
    path.push(call.identifier.name);
    Some(path)
}

#[cfg(test)]
mod tests {
    use yara_x::mods::module_definition;
    use yara_x::mods::reflect::{Struct, Type};
    use yara_x_parser::ast::{AST, Item};

    use super::*;

    /// Which format the condition of a rule wants, to hold and to be defined.
    fn wanted(condition: &str) -> [Option<Format>; 2] {
        let text = format!("rule r {{ condition: {condition} }}");
        let tree = AST::from(text.as_str());
        let mut rules = tree.items().filter_map(|item| if let Item::Rule(rule) = item { Some(rule) } else { None });
        let rule = rules.next().unwrap_or_else(|| panic!("{condition}: {:?}", tree.errors()));
        let hidden = |name: &str| name == "hidden";
        [wanted_to_hold(&rule.condition, &hidden), wanted_to_be_defined(&rule.condition, &hidden)]
    }

    /// What is no file of any format.
    const OTHERS: [&[u8]; 5] = [b"", b"M", b"text that is none \0\0\0", b"ZM\x90\0PE\0\0", b"\x7fELE\x02\x01\x01\0"];

    fn matches(module: &str, condition: &str) -> bool {
        let text = format!("import \"{module}\" rule r {{ condition: {condition} }}");
        let rules = yara_x::compile(text.as_str()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut scanner = yara_x::Scanner::new(&rules);
        OTHERS.iter().any(|data| scanner.scan(data).unwrap().matching_rules().len() > 0)
    }

    /// Values that the fields of a module hold, by their paths.
    fn values(path: &str, of: &Struct, all: &mut Vec<String>) {
        for field in of.fields().filter(|field| !field.is_const()) {
            value(&format!("{path}.{}", field.name()), &field.ty(), all);
        }
    }

    fn value(path: &str, of: &Type, all: &mut Vec<String>) {
        match of {
            Type::Struct(of) if of.is_enum() => {}
            Type::Struct(of) => values(path, of, all),
            Type::Array(of) => value(&format!("{path}[0]"), of, all),
            Type::Map(key, of) => {
                let key = if **key == Type::String { "\"a\"" } else { "0" };
                value(&format!("{path}[{key}]"), of, all);
            }
            Type::Func(_) | Type::Regexp => {}
            Type::Integer | Type::Float | Type::Bool | Type::String => all.push(path.to_owned()),
        }
    }

    #[test]
    fn every_field_is_undefined_for_a_file_of_another_format() {
        for (module, format) in [("pe", Format::Pe), ("dotnet", Format::Pe), ("elf", Format::Elf)] {
            let mut all = Vec::new();
            values(module, &module_definition(module).unwrap(), &mut all);
            assert!(all.len() > 10, "{module}: {all:?}");
            let told: Vec<&String> = all.iter().filter(|path| wanted(path)[1] == Some(format)).collect();
            assert!(told.len() + IS.len() >= all.len(), "{module}: {told:?} of {all:?}");
            for together in told.chunks(40) {
                let any = together.iter().map(|path| format!("defined {path}")).collect::<Vec<_>>().join(" or ");
                if matches(module, &any) {
                    let one = together.iter().find(|path| matches(module, &format!("defined {path}")));
                    panic!("{one:?} is defined");
                }
            }
        }
    }

    #[test]
    fn functions_are_undefined_or_false() {
        let undefined = [
            "pe.calculate_checksum() == 0",
            "pe.delayed_import_rva(\"a\", \"b\") == 0",
            "pe.exports_index(\"a\") == 0",
            "pe.exports_index(0) == 0",
            "pe.imphash() != \"a\"",
            "pe.import_rva(\"a\", \"b\") == 0",
            "pe.import_rva(\"a\", 1) == 0",
            "pe.is_32bit()",
            "pe.is_64bit()",
            "pe.is_dll()",
            "pe.rva_to_offset(0) == 0",
            "pe.section_index(\"a\") == 0",
            "pe.section_index(0) == 0",
            "pe.number_of_sections + 1 < 3",
            "~pe.timestamp == 3",
            "1 < pe.sections[pe.section_index(\".text\")].virtual_size",
            "pe.version_info[\"CompanyName\"] contains \"a\"",
            "\"a\" == pe.signatures[0].issuer",
            "elf.type != elf.ET_EXEC",
            "pe.characteristics & pe.DLL == 0",
        ];
        for condition in undefined {
            let module = &condition[condition.find("pe.").or(condition.find("elf.")).unwrap()..];
            let module = module.split('.').next().unwrap();
            assert!(wanted(condition).iter().all(Option::is_some), "{condition}");
            assert!(!matches(module, &format!("({condition}) or not ({condition})")), "{condition} is defined");
        }
        let fails = [
            "pe.exports(\"a\")",
            "pe.exports(1)",
            "pe.exports(/a/)",
            "pe.imports(\"a\")",
            "pe.imports(\"a\", \"b\")",
            "pe.imports(/a/, /b/)",
            "pe.imports(pe.IMPORT_ANY, \"a\")",
            "pe.language(9)",
            "pe.locale(9)",
            "pe.is_pe",
            "pe.is_signed",
            "dotnet.is_dotnet",
        ];
        for condition in fails {
            assert!(wanted(condition)[0].is_some() && wanted(condition)[1].is_none(), "{condition}");
            assert!(!matches(condition.split('.').next().unwrap(), condition), "{condition} holds");
        }
        for condition in [
            "hidden.imphash() == \"a\"",
            "pe.imports(\"a\") == 0",
            "pe.MACHINE_AMD64 == 0x8664",
            "math.entropy(0, 9) > 1",
            "pe.is_pe != pe.is_signed",
            "elf.import_md5() != \"a\"",
            "pe.is_dll",
        ] {
            assert_eq!(wanted(condition)[1].filter(|_| condition != "pe.is_dll"), None, "{condition}");
        }
    }

    #[test]
    fn loops_over_what_is_not_there_have_no_round() {
        for condition in [
            "for any section in pe.sections : ( true )",
            "for all section in pe.sections : ( true )",
            "for none section in pe.sections : ( true )",
            "for none i in (0..pe.number_of_sections) : ( false )",
            "for all i in (pe.number_of_sections..5) : ( true )",
            "for none key, value in pe.version_info : ( false )",
        ] {
            assert!(!matches("pe", condition), "{condition}");
        }
    }
}
