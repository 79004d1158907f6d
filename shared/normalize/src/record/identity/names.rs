//! What the text of a user's name says: Microsoft's own accounts, guests and anonymous persons of SharePoint and Forms,
//! claims, and one user acting for another.

use super::ids::{is_guid, puid};
use super::user_kind::UserKind;
use crate::record::email_address::email_domain;
use crate::record::text::slice;
use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// A name taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// The name that finds the user elsewhere: the address in a claim, or in the name of a guest.
    pub(super) name: Cow<'a, str>,
    /// The address, where the name is none.
    pub(super) email: Option<Cow<'a, str>>,
    /// The id in `ServicePrincipal_<guid>`.
    pub(super) uid: Option<Cow<'a, str>>,
    /// The type that the name implies, whatever `UserType` says.
    pub(super) kind: Option<UserKind<'static>>,
    /// The program in `alex@contoso.example (Microsoft.Exchange.ServiceHost)`.
    pub(super) app_name: Option<Cow<'a, str>>,
    /// The user for whom the first one acted.
    pub(super) behalf_of: Option<Cow<'a, str>>,
}

/// Between the two users of "A on behalf of B", as Exchange writes it for an administrator in somebody's mailbox.
const ON_BEHALF_OF: &str = " on behalf of ";

/// Between the address of a guest and the tenant in a UPN: `pat_fabrikam.example#EXT#@contoso.onmicrosoft.com`.
const EXTERNAL: &str = "#EXT#@";

/// Takes a name apart. Most names are an address, and stay as they are.
pub(super) fn read(text: Cow<'_, str>) -> Parts<'_> {
    if memchr(b' ', text.as_bytes()).is_some() {
        return with_blanks(text);
    }
    if memchr2(b'#', b'|', text.as_bytes()).is_some() {
        return tagged(text);
    }
    Parts {
        kind: built_in(&text),
        uid: principal_uid(&text),
        name: text,
        ..Parts::default()
    }
}

/// A name with blanks: of two users, of a user and a program, or of Windows.
fn with_blanks(text: Cow<'_, str>) -> Parts<'_> {
    let unquoted = |from: usize, to: usize| {
        let part = &text[from..to];
        let trimmed = part.trim_matches(|char: char| char == '"' || char.is_whitespace());
        // The offset of the trimmed part in the whole text.
        let at = from + part.find(trimmed).unwrap_or(0);
        slice(&text, at, at + trimmed.len())
    };
    if let Some(at) = find_ignoring_case(&text, ON_BEHALF_OF) {
        let first = read(unquoted(0, at));
        let second = unquoted(at + ON_BEHALF_OF.len(), text.len());
        // Of more than two users, the others stay one text: reading on would never end for some texts.
        let second = match find_ignoring_case(&second, ON_BEHALF_OF) {
            Some(_) => second,
            None => read(second).name,
        };
        return Parts {
            behalf_of: Some(second).filter(|name| !name.is_empty()),
            ..first
        };
    }
    let kind = built_in(&text);
    // The program after a name of Windows stays, as rules for these accounts expect it.
    if kind.is_none()
        && let Some(open) = text.find(" (")
        && text.ends_with(')')
        && email_domain(&text[..open]).is_some()
    {
        return Parts {
            app_name: Some(unquoted(open + 2, text.len() - 1)).filter(|name| !name.is_empty()),
            ..read(slice(&text, 0, open))
        };
    }
    Parts {
        name: text,
        kind,
        ..Parts::default()
    }
}

/// A name with `#` or `|`: a URN of SharePoint or Forms, a claim, or the UPN of a guest.
fn tagged(text: Cow<'_, str>) -> Parts<'_> {
    let whole = |kind: &'static str| Parts {
        name: text.clone(),
        kind: Some(UserKind::Other(Cow::Borrowed(kind))),
        ..Parts::default()
    };
    if starts(&text, "urn:") {
        let tag = text.find('#').unwrap_or(text.len());
        let after = slice(&text, (tag + 1).min(text.len()), text.len());
        let urn = text[..tag].to_ascii_lowercase();
        return match urn.rsplit(':').next().unwrap_or_default() {
            "guest" if email_domain(&after).is_some() => Parts {
                name: after,
                ..whole("Guest")
            },
            // The text after the tag is a hash, which joins what one of them did.
            "guest" | "coauthor" | "external" => whole("Guest"),
            kind if kind.ends_with("anon") || kind == "anonymous" => whole("Anonymous"),
            _ => Parts {
                name: text.clone(),
                ..Parts::default()
            },
        };
    }
    if let Some(bar) = text.rfind('|') {
        let inner = slice(&text, bar + 1, text.len());
        let is_name = email_domain(&inner).is_some() && puid(&inner).is_none();
        if starts(&text, "i:0") && (is_name || built_in(&inner).is_some() || starts(&inner, "urn:"))
        {
            return read(inner);
        }
    } else if let Some(at) = text.find(EXTERNAL) {
        // A domain has no underscore, so the last one is the address's "@".
        let guest = text[..at].rfind('_').map(|line| {
            let (name, domain) = (&text[..line], &text[line + 1..at]);
            format!("{name}@{domain}")
        });
        return Parts {
            email: guest
                .filter(|address| email_domain(address).is_some())
                .map(Cow::Owned),
            name: text.clone(),
            ..Parts::default()
        };
    }
    Parts {
        name: text,
        ..Parts::default()
    }
}

/// Names of accounts that Windows and Microsoft's services run under, by their beginning.
const SYSTEM: &[&str] = &[
    r"NT AUTHORITY\",
    r"NT SERVICE\",
    r"NT VIRTUAL MACHINE\",
    r"NT-AUTORIT",
    r"AUTORITE NT\",
    r"BUILTIN\",
    r"Window Manager\",
    r"Font Driver Host\",
    r"SHAREPOINT\system",
    r"Microsoft\",
    // Security identifiers of Windows: the system, its services, application pools and virtual machines.
    "S-1-5-80-",
    "S-1-5-82-",
    "S-1-5-83-",
    "S-1-5-90-",
    "S-1-5-96-",
    // Written in place of a person's name by data loss prevention.
    "DlpPolicyEventBasedAssistant",
    // Entra's own account for passwords written back.
    "fim_password_service@support.onmicrosoft.com",
];

/// The same, by their whole text.
const SYSTEM_NAMES: &[&str] = &[
    "S-1-5-18",
    "S-1-5-19",
    "S-1-5-20",
    "AirInvestigation",
    "DlpAgent",
    "SecurityComplianceAlerts",
    "ThreatIntel",
];

/// Names of accounts that belong to programs, by their beginning: an application pool, an application's principal, and
/// the accounts of directory synchronization.
const SERVICES: &[&str] = &[
    r"IIS APPPOOL\",
    "ServicePrincipal_",
    "Sync_",
    "ADToAADSyncServiceAccount@",
];

/// Domains of the accounts that Microsoft's own administrators use in Exchange: `Administrator@apcprd03.prod.outlook.com`.
const MICROSOFT_DOMAINS: &[&str] = &[".prod.outlook.com", ".prod.exchangelabs.com"];

/// The account of a partner's technician: `user_`, 32 hexadecimal digits, and the customer's domain.
const TECHNICIAN: &str = "user_";

/// The type of the services' own accounts and of partners.
fn built_in(name: &str) -> Option<UserKind<'static>> {
    // Most names are a person's, and begin like none of these.
    if !matches!(
        name.as_bytes().first().map(u8::to_ascii_lowercase),
        Some(b'n' | b's' | b'm' | b'a' | b'b' | b'w' | b'f' | b'd' | b't' | b'i' | b'u')
    ) {
        return None;
    }
    let begins = |list: &[&str]| list.iter().any(|start| starts(name, start));
    let is = |list: &[&str]| list.iter().any(|known| name.eq_ignore_ascii_case(known));
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    if begins(SYSTEM)
        || is(SYSTEM_NAMES)
        || MICROSOFT_DOMAINS.iter().any(|known| ends(domain, known))
    {
        return Some(UserKind::System);
    }
    if name.eq_ignore_ascii_case("app@sharepoint") || begins(SERVICES) {
        return Some(UserKind::Service);
    }
    let digits = name.strip_prefix(TECHNICIAN)?.split('@').next()?;
    let is_technician = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_technician.then_some(UserKind::Other(Cow::Borrowed("PartnerTechnician")))
}

/// The id in `ServicePrincipal_<guid>`.
fn principal_uid<'a>(text: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let guid = text.strip_prefix("ServicePrincipal_")?;
    is_guid(guid).then(|| slice(text, text.len() - guid.len(), text.len()))
}

fn starts(text: &str, start: &str) -> bool {
    let beginning = text.get(..start.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
}

fn ends(text: &str, end: &str) -> bool {
    let from = text.len().checked_sub(end.len());
    from.and_then(|from| text.get(from..))
        .is_some_and(|ending| ending.eq_ignore_ascii_case(end))
}

fn find_ignoring_case(text: &str, part: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(part.len());
    let mut found = windows.enumerate();
    found
        .find(|(_, window)| window.eq_ignore_ascii_case(part.as_bytes()))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_kind(name: &'static str, expect: Option<(u8, &str)>) {
        let kind = read(Cow::Borrowed(name)).kind;
        let kind = kind.as_ref().map(|kind| (kind.id(), kind.caption()));
        assert_eq!(kind, expect, "{name}");
    }

    #[test]
    fn accounts_of_windows_and_of_services_are_system() {
        for name in [
            r"NT AUTHORITY\SYSTEM (Microsoft.Exchange.Servicehost)",
            r"NT SERVICE\MSExchangeAdminApiNetCore (Microsoft.Exchange.AdminApi.NetCore)",
            r"NT Service\MSExchangeRPC",
            "NT-AUTORIT\u{c4}T\\SYSTEM",
            r"SHAREPOINT\system",
            r"Microsoft\ServiceOperator",
            "S-1-5-18",
            "S-1-5-80-3139157870-2983391045-3678747466-658725712-1809340420",
            "Administrator@apcprd03.prod.outlook.com",
            "DlpAgent",
            "DLPAgent",
            "ThreatIntel",
        ] {
            check_kind(name, Some((3, "System")));
        }
    }

    #[test]
    fn accounts_of_programs_are_services() {
        for name in [
            "app@sharepoint",
            "i:0i.t|00000003-0000-0ff1-ce00-000000000000|app@sharepoint",
            "ServicePrincipal_755e500a-6c03-46b0-b53b-282f23374e3b",
            "Sync_DC01_0a1b2c3d4e5f@contoso.onmicrosoft.com",
            r"IIS APPPOOL\portal",
        ] {
            check_kind(name, Some((4, "Service")));
        }
    }

    #[test]
    fn persons_keep_the_type_that_the_record_states() {
        for name in [
            "alex@contoso.example",
            "nt.authority@contoso.example",
            "sync@contoso.example",
            "user_of_the_year@contoso.example",
            "S-1-5-21-1111111111-2222222222-3333333333-1001",
            "administrator@contoso.example",
            "Alex Example",
            "",
        ] {
            check_kind(name, None);
        }
    }

    #[test]
    fn partners_guests_and_the_anonymous_are_told_apart() {
        check_kind(
            "user_0a1b2c3d4e5f60718293a4b5c6d7e8f9@contoso.onmicrosoft.com",
            Some((99, "PartnerTechnician")),
        );
        check_kind("urn:spo:guest#pat@fabrikam.example", Some((99, "Guest")));
        check_kind("urn:spo:guest#0a1b", Some((99, "Guest")));
        check_kind("urn:spo:anon#0a1b2c3d", Some((99, "Anonymous")));
        check_kind("urn:spo:tenantanon#755e500a", Some((99, "Anonymous")));
        check_kind(
            "urn:forms:anonymous#0a@forms.office.com",
            Some((99, "Anonymous")),
        );
        check_kind(
            "urn:forms:coauthor#0a@forms.office.com",
            Some((99, "Guest")),
        );
        check_kind(
            "urn:forms:external#0a@forms.office.com",
            Some((99, "Guest")),
        );
        check_kind("urn:other:thing#0a", None);
    }

    #[test]
    fn the_name_is_the_one_that_finds_the_user_elsewhere() {
        let check = |text: &'static str, name: &str| {
            assert_eq!(read(Cow::Borrowed(text)).name, name, "{text}");
        };
        check("urn:spo:guest#pat@fabrikam.example", "pat@fabrikam.example");
        check("URN:SPO:GUEST#pat@fabrikam.example", "pat@fabrikam.example");
        check(
            "i:0#.f|membership|urn:spo:guest#pat@fabrikam.example",
            "pat@fabrikam.example",
        );
        check(
            "i:0#.f|membership|alex@contoso.example",
            "alex@contoso.example",
        );
        check(
            "i:0h.f|membership|10032001aaaa0001@live.com",
            "i:0h.f|membership|10032001aaaa0001@live.com",
        );
        check("i:0#.w|contoso\\alex", "i:0#.w|contoso\\alex");
        check("urn:spo:anon#0a1b", "urn:spo:anon#0a1b");
        check(
            "alex@contoso.example (Microsoft.Exchange.ServiceHost)",
            "alex@contoso.example",
        );
        check("Alex Example (Contoso)", "Alex Example (Contoso)");
        check("urn:", "urn:");
        check("urn:spo:guest#", "urn:spo:guest#");
        check("|", "|");
        check("#EXT#@", "#EXT#@");
    }

    #[test]
    fn both_users_of_on_behalf_of_are_read() {
        let check = |text: &'static str, name: &str, of: Option<&str>| {
            let parts = read(Cow::Borrowed(text));
            assert_eq!(
                (&*parts.name, parts.behalf_of.as_deref()),
                (name, of),
                "{text}"
            );
        };
        check(
            "admin@contoso.example on behalf of bob@contoso.example",
            "admin@contoso.example",
            Some("bob@contoso.example"),
        );
        check("\"Admin\" On Behalf Of \"Bob\"", "Admin", Some("Bob"));
        check(
            "admin@contoso.example (Microsoft.Exchange.ECP) on behalf of urn:spo:guest#pat@fabrikam.example",
            "admin@contoso.example",
            Some("pat@fabrikam.example"),
        );
        check(
            "a@contoso.example on behalf of b on behalf of c",
            "a@contoso.example",
            Some("b on behalf of c"),
        );
        check(
            "admin@contoso.example on behalf of ",
            "admin@contoso.example",
            None,
        );
    }

    #[test]
    fn the_address_of_a_guest_is_in_the_upn() {
        let email = |text: &'static str| read(Cow::Borrowed(text)).email;
        assert_eq!(
            email("pat_fabrikam.example#EXT#@contoso.onmicrosoft.com").as_deref(),
            Some("pat@fabrikam.example")
        );
        assert_eq!(
            email("pat_the_cat_fabrikam.example#EXT#@contoso.onmicrosoft.com").as_deref(),
            Some("pat_the_cat@fabrikam.example")
        );
        assert_eq!(email("pat#EXT#@contoso.onmicrosoft.com"), None);
        assert_eq!(email("alex@contoso.example"), None);
    }
}
