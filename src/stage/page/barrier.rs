//! Pages that stand before the one that was asked for.

/// How such pages are titled, in lower case.
const BARRIERS: [(&str, &[&str]); 6] = [
    (
        "a challenge page",
        &[
            "just a moment",
            "attention required",
            "one moment, please",
            "checking your browser",
            "verify you are human",
            "verifying you are human",
            "are you a robot",
            "are you human",
            "human verification",
            "security check",
            "robot check",
            "captcha",
            "ddos-guard",
            "pardon our interruption",
            "please wait",
            "access to this page has been denied",
        ],
    ),
    (
        "a login page",
        &[
            "log in",
            "login",
            "log on",
            "sign in",
            "sign-in",
            "signin",
            "kirjaudu",
            "logga in",
            "anmelden",
            "anmeldung",
            "se connecter",
            "connexion",
        ],
    ),
    (
        "a consent page",
        &[
            "before you continue",
            "bevor sie fortfahren",
            "cookie consent",
            "cookie settings",
            "we value your privacy",
            "privacy settings",
            "your privacy choices",
            "consent",
        ],
    ),
    (
        "a refusal",
        &[
            "access denied",
            "403",
            "forbidden",
            "error 403",
            "request rejected",
            "request blocked",
            "you have been blocked",
            "unauthorized",
            "401",
        ],
    ),
    (
        "an error page",
        &[
            "404",
            "page not found",
            "not found",
            "error 404",
            "500",
            "internal server error",
            "502",
            "bad gateway",
            "503",
            "service unavailable",
            "service temporarily unavailable",
            "site maintenance",
            "under maintenance",
            "maintenance mode",
            "database error",
        ],
    ),
    ("a parked domain", &["domain for sale", "this domain", "domain parked", "parked domain", "buy this domain", "website expired"]),
];

/// What a page with this title is, if it is no list of news: one part of the title (`Sign in | Site`) begins as such pages' do.
pub(crate) fn name(title: &str) -> Option<&'static str> {
    let title = title.to_lowercase();
    let parts = || title.split(['|', '–', '—', '·', ':', '»']).flat_map(|part| part.split(" - ")).map(str::trim);
    let begins = |part: &str, start: &str| part.strip_prefix(start).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    BARRIERS.iter().find(|(_, starts)| parts().any(|part| starts.iter().any(|start| begins(part, start)))).map(|(what, _)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_tell_what_a_page_is() {
        for (title, wanted) in [
            ("Just a moment...", Some("a challenge page")),
            ("Attention Required! | Cloudflare", Some("a challenge page")),
            ("Example – Log in", Some("a login page")),
            ("Login", Some("a login page")),
            ("Kirjaudu sisään", Some("a login page")),
            ("Before you continue to Example", Some("a consent page")),
            ("403 Forbidden", Some("a refusal")),
            ("404 - Page not found", Some("an error page")),
            ("This domain is for sale", Some("a parked domain")),
            ("News | Example", None),
            ("Blog in English", None),
            ("4030 hospitals connected", None),
            ("Loginnovation news", None),
            ("", None),
        ] {
            assert_eq!(name(title), wanted, "{title}");
        }
    }
}
