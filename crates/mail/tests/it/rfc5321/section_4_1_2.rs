//! RFC 5321 §4.1.2: the grammar of paths, mailboxes and domains.

use mail::Address;

fn check(valid: bool, texts: &[&str]) {
    for text in texts {
        assert_eq!(Address::parse(text).is_ok(), valid, "{text:?}");
    }
}

#[test]
fn dot_strings() {
    check(true, &["a@b", "a.b.c@d", "!#$%&'*+-/=?^_`{|}~@d"]);
    check(
        false,
        &[
            ".a@b", "a.@b", "a..b@c", "a b@c", "a\\b@c", "a(b)@c", "a,b@c", "a;b@c", "a:b@c", "a[b]@c",
        ],
    );
}

#[test]
fn quoted_strings() {
    check(
        true,
        &[
            "\"\"@b",
            "\"a b\"@c",
            "\"a@b\"@c",
            "\"\\\"\"@c",
            "\"\\\\\"@c",
            "\"a>b,c\"@d",
        ],
    );
    check(
        false,
        &[
            "\"a@b",
            "\"a\"\"b\"@c",
            "\"a\\\"@c",
            "\"a\nb\"@c",
            "a\"b\"@c",
            "\"a\".b@c",
        ],
    );
}

#[test]
fn domains() {
    check(true, &["a@b.c", "a@b-c", "a@1b", "a@xn--bcher-kva.example"]);
    check(
        false,
        &[
            "a@",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@-b",
            "a@b-",
            "a@b_c",
            "a@b c",
            "a@b@c",
            "a@b/c",
            "a@192.0.2.1",
        ],
    );
}

/// "the local-part of a mailbox MUST BE treated as case sensitive": it is kept as written; only comparing folds it.
#[test]
fn kept_as_written() {
    let address = Address::parse("\"Joe\\ D\"@Example.COM").unwrap();
    assert_eq!(address.to_string(), "\"Joe\\ D\"@Example.COM");
    assert_eq!(
        (address.local_part(), address.domain()),
        ("\"Joe\\ D\"", "Example.COM")
    );
    assert_eq!(address.key(), "\"joe d\"@example.com");
}
