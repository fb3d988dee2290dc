//! Names of columns that look as if they held something about a person.

/// Words that stand for something personal wherever they stand in a name.
const ANYWHERE: [&str; 22] = [
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
];

/// Words that do only as a whole part of a name: `ip` does, `ship` does not.
const PART: [&str; 24] = [
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
    "fullname",
    "card",
    "cvv",
    "bic",
    "vat",
    "taxid",
    "health",
    "avatar",
    "signature",
];

/// Whether `table.column` looks personal. A column called `name` does where the table is about
/// people.
pub(super) fn looks_personal(column: &str) -> bool {
    let column = snake(column);
    let (table, name) = column.rsplit_once('.').unwrap_or(("", &column));
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    let about_people = [
        "user", "person", "people", "customer", "contact", "member", "employee", "patient", "guest",
    ]
    .iter()
    .any(|word| table.contains(word));
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
        for personal in [
            "users.email",
            "customers.name",
            "orders.shippingStreet",
            "people.dateOfBirth",
            "log.ip",
            "log.client_ip",
            "accounts.IBAN",
            "users.password_hash",
            "guests.name",
        ] {
            assert!(looks_personal(personal), "{personal}");
        }
        for plain in [
            "ships.ship",
            "products.name",
            "orders.id",
            "orders.total",
            "t.description",
        ] {
            assert!(!looks_personal(plain), "{plain}");
        }
    }
}
