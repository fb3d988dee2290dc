//! Licence expressions: whether what is allowed satisfies what is written.

/// Whether a choice among the alternatives of an expression needs only allowed licences. The old
/// `/` between alternatives is read as `OR`; what cannot be read is not satisfied.
pub(crate) fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any(&mut rest, allowed) == Some(true) && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut outcome = all(rest, allowed)?;
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        outcome |= all(rest, allowed)?;
    }
    Some(outcome)
}

fn all(rest: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut outcome = one(rest, allowed)?;
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        outcome &= one(rest, allowed)?;
    }
    Some(outcome)
}

fn one(rest: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    if *first == "(" {
        let outcome = any(rest, allowed)?;
        let (close, tail) = rest.split_first()?;
        *rest = tail;
        return (*close == ")").then_some(outcome);
    }
    if let ["WITH", exception, tail @ ..] = *rest {
        *rest = tail;
        return Some(allowed.contains(&format!("{first} WITH {exception}").as_str()));
    }
    Some(allowed.contains(first))
}

#[test]
fn an_expression_is_satisfied_by_one_whole_alternative() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "ISC AND (GPL-2.0 OR MIT)",
        "Apache-2.0 WITH LLVM-exception OR X",
    ] {
        assert!(satisfied(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "ISC AND (GPL-2.0 OR BSD)",
        "Apache-2.0",
        "(MIT",
        "MIT ISC",
        "MIT OR",
    ] {
        assert!(!satisfied(bad, &allowed), "{bad}");
    }
}
