//! Names of columns and JSON keys that indicate personal data.

use super::relations::Holds;

/// Words that indicate personal data anywhere in a name.
const ANYWHERE: [&str; 24] = [
    "email",
    "mail_address",
    "phone",
    "mobile",
    "fax",
    "password",
    "passwd",
    "birth",
    "iban",
    "passport",
    "salary",
    "street",
    "zipcode",
    "postcode",
    "postal",
    "latitude",
    "longitude",
    "first_name",
    "firstname",
    "last_name",
    "lastname",
    "surname",
    "full_name",
    "fullname",
];

/// Words that do so only as a whole part of a name: `ip` does, `ship` does not.
const PART: [&str; 23] = [
    "mail",
    "tel",
    "ssn",
    "dob",
    "ip",
    "city",
    "address",
    "addr",
    "gender",
    "sex",
    "religion",
    "token",
    "secret",
    "username",
    "nickname",
    "card",
    "cvv",
    "bic",
    "vat",
    "taxid",
    "health",
    "avatar",
    "signature",
];

/// Words for people in table names: a `name` in such a table belongs to a person.
const PEOPLE: [&str; 9] = [
    "user", "person", "people", "customer", "contact", "member", "employee", "patient", "guest",
];

/// The collective name for JSON keys that look personal but are not words.
pub(super) const OTHER_KEYS: &str = "(other keys)";

/// Maximum length of a JSON key to report, in bytes.
const KEY_BYTES_MAX: usize = 64;

/// Maximum number of consecutive digits in a word.
const DIGITS_MAX: usize = 4;

/// Whether a column of a table looks personal, given its type.
pub(super) fn is_personal(table: &str, column: &str, holds: Holds) -> bool {
    let is_key = snake(column)
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .is_some_and(|part| ["id", "ids", "count"].contains(&part));
    match holds {
        Holds::Truth => false,
        Holds::Number if is_key => false,
        _ => looks_personal(table, column),
    }
}

/// The name to report for a JSON key that looks personal. A key that may be a value itself, such as
/// an e-mail address, is not reported.
pub(super) fn personal_key<'a>(context: &str, key: &'a str) -> Option<&'a str> {
    let told = if is_word(key) { key } else { OTHER_KEYS };
    looks_personal(context, key).then_some(told)
}

fn is_word(key: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let mut digits = key.split(|c: char| !c.is_ascii_digit());
    key.len() <= KEY_BYTES_MAX
        && key.bytes().all(letters)
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && digits.all(|digits| digits.len() <= DIGITS_MAX)
}

/// Whether a name looks personal; `name` does only in a table about people.
fn looks_personal(table: &str, name: &str) -> bool {
    let (table, name) = (snake(table), snake(name));
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let about_people = PEOPLE.iter().any(|word| table.contains(word));
    ANYWHERE.iter().any(|word| name.contains(word))
        || parts.clone().any(|part| PART.contains(&part))
        || (about_people && parts.any(|part| part == "name"))
}

/// `lastName` as `last_name`.
fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut lower = false;
    for c in text.chars() {
        if c.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_ascii_lowercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_names_are_found_and_others_are_not() {
        for (table, column) in [
            ("users", "email"),
            ("customers", "name"),
            ("orders", "shippingStreet"),
            ("people", "dateOfBirth"),
            ("log", "ip"),
            ("log", "client_ip"),
            ("accounts", "IBAN"),
            ("users", "password_hash"),
            ("guests", "name"),
            ("t", "full_name"),
        ] {
            assert!(is_personal(table, column, Holds::Text), "{table}.{column}");
        }
        for (table, column) in [
            ("ships", "ship"),
            ("products", "name"),
            ("orders", "id"),
            ("orders", "total"),
            ("t", "description"),
        ] {
            assert!(!is_personal(table, column, Holds::Text), "{table}.{column}");
        }
    }

    #[test]
    fn what_can_hold_nothing_about_anybody_is_not_personal() {
        assert!(!is_personal("users", "email_verified", Holds::Truth));
        assert!(!is_personal("users", "address_id", Holds::Number));
        assert!(is_personal("users", "address_id", Holds::Text));
        assert!(is_personal("users", "phone", Holds::Number));
        assert!(is_personal("users", "address", Holds::Json));
    }

    #[test]
    fn a_key_that_may_be_a_value_is_not_told() {
        assert_eq!(personal_key("orders.data", "email"), Some("email"));
        assert_eq!(personal_key("orders.customer", "name"), Some("name"));
        assert_eq!(personal_key("t.data", "client_ip"), Some("client_ip"));
        assert_eq!(personal_key("t.data", "E-Mail"), Some("E-Mail"));
        let long = "email_".repeat(20);
        for key in [
            "ada@mail.test",
            "phone_0171234",
            "e mail",
            "Phone Number",
            "contact.email",
            long.as_str(),
        ] {
            assert_eq!(personal_key("t.data", key), Some(OTHER_KEYS), "{key}");
        }
        for key in ["total", "unit price", ""] {
            assert_eq!(personal_key("orders.data", key), None, "{key}");
        }
    }
}
