//! What Entra's errors around consent mean, in plain words, and what to do. Nothing here repeats Microsoft's own text: whoever can
//! make a browser open our address chooses what stands in it.

/// Longest number of an error code, in digits: the longest in use have seven.
const CODE_DIGITS_MAX: usize = 9;

/// The error code within a text of Entra's, such as `AADSTS65004`.
pub(super) fn code_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let fits = !digits.is_empty() && digits.len() <= CODE_DIGITS_MAX;
    fits.then(|| format!("AADSTS{digits}"))
}

/// What a code means, and what to do.
pub(super) fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "AADSTS50011" => {
            "The address to come back to is not registered. Whoever runs this installation adds it to the app registration in Entra, letter by letter, as a redirect URI of the platform Web."
        }
        "AADSTS65001" => {
            "Nobody has consented in this tenant, or not to all permissions. A Global Administrator opens the link and accepts."
        }
        "AADSTS65004" => {
            "The consent was declined. If that was a mistake, open the link again and accept."
        }
        "AADSTS7000229" => {
            "The application has no service principal in this tenant: the consent has not arrived there yet, or was given in another tenant."
        }
        "AADSTS90002" => {
            "Microsoft knows no such tenant in this cloud: it is another tenant, or it lives in another cloud. Make a link for the right cloud."
        }
        "AADSTS90094" => {
            "These permissions need the consent of an administrator. Sign in as a Global Administrator and open the link again."
        }
        "AADSTS700016" => {
            "Microsoft does not know the application in this tenant yet, which is usual for some minutes after consent. If it stays so, the app registration is not multi-tenant, or the tenant lives in another cloud."
        }
        "AADSTS650051" | "AADSTS650052" | "AADSTS500011" => {
            "The tenant does not have the Office 365 Management APIs, or not the permissions that the application asks for. A subscription with Exchange Online is needed."
        }
        "AADSTS500014" => {
            "The Office 365 Management APIs are disabled in the tenant: a subscription with Exchange Online is needed."
        }
        "AADSTS53003" => {
            "A conditional access policy of the tenant keeps the application out. An administrator of the tenant excludes it."
        }
        "AADSTS7000112" => {
            "The application is disabled in the tenant. An administrator of the tenant enables it in Entra, under Enterprise applications."
        }
        "AADSTS7000215" | "AADSTS7000222" => {
            "Microsoft refuses this installation's own credential. Whoever runs it puts that right; then load this page again."
        }
        "AADSTS900382" | "AADSTS900432" => {
            "The tenant lives in another cloud than this link is for. Make a link for the right cloud."
        }
        _ => return None,
    })
}

/// What to say of a code: its meaning where there is one, and the code to search for.
pub(super) fn explained(code: &str) -> String {
    match meaning(code) {
        Some(meaning) => format!("{meaning} ({code})"),
        None => format!("Microsoft answered with {code}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_and_nothing_else() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(code_in(text).as_deref(), expect, "{text}");
        };
        check("AADSTS65004: The resource owner ...", Some("AADSTS65004"));
        check("AADSTS65004<script>", Some("AADSTS65004"));
        check("AADSTS", None);
        check("AADSTSx1", None);
        check("AADSTS12345678901234", None);
        check("", None);
    }

    #[test]
    fn each_code_of_consent_is_explained() {
        for number in [50011, 65001, 65004, 7_000_229, 90002, 90094, 700_016] {
            let code = format!("AADSTS{number}");
            assert!(
                meaning(&code).is_some() && explained(&code).contains(&code),
                "{code}"
            );
        }
        assert_eq!(explained("AADSTS1"), "Microsoft answered with AADSTS1.");
    }
}
