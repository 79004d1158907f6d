//! Checks a contentUri or NextPageUri and takes out the one part that is needed. Neither is ever fetched as given.
//!
//! Microsoft signs nothing, so anybody may have written such an address, and a token sent there would be stolen. The
//! check compares bytes and never normalizes: two parsers that disagree about an address are a known way in.

use super::cloud::Cloud;
use super::content::ContentId;
use super::endpoints::Endpoints;
use super::tenant::TenantId;

/// Longest address looked at. Microsoft's own are under 400 bytes.
const ADDRESS_BYTES_MAX: usize = 2048;

/// The servers an address may point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts {
    /// Base addresses, without a trailing slash.
    bases: Vec<String>,
}

impl AllowedHosts {
    /// The server of one cloud: for callers who know where the tenant lives.
    #[must_use]
    pub fn of_cloud(endpoints: &Endpoints, cloud: Cloud) -> Self {
        Self {
            bases: vec![endpoints.manage_url(cloud).to_owned()],
        }
    }

    /// The servers of all clouds: for the receiver, which knows only a tenant's id.
    #[must_use]
    pub fn of_any_cloud(endpoints: &Endpoints) -> Self {
        let mut bases: Vec<String> = Cloud::ALL
            .into_iter()
            .map(|cloud| endpoints.manage_url(cloud).to_owned())
            .collect();
        bases.dedup();
        Self { bases }
    }

    /// What follows the base address; `None` when the address starts with none of them.
    fn strip<'a>(&self, uri: &'a str) -> Option<&'a str> {
        self.bases.iter().find_map(|base| {
            let (start, rest) = uri.split_at_checked(base.len())?;
            (same_base(start, base) && rest.starts_with('/')).then_some(rest)
        })
    }
}

/// Scheme and host are case-insensitive, a path in front is not.
fn same_base(start: &str, base: &str) -> bool {
    let origin_end = base
        .find("://")
        .and_then(|at| base[at + 3..].find('/').map(|slash| at + 3 + slash))
        .unwrap_or(base.len());
    let (origin, prefix) = base.split_at(origin_end);
    match start.split_at_checked(origin_end) {
        Some((start_origin, start_prefix)) => {
            start_origin.eq_ignore_ascii_case(origin) && start_prefix == prefix
        }
        None => false,
    }
}

/// An address from outside was refused. The message never quotes it: it may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostileUri {
    /// Longer than 2048 bytes.
    #[error("the address is longer than 2048 bytes")]
    TooLong,
    /// A byte that no address of the API has: a control character, space, backslash, quote or non-ASCII byte.
    #[error("the address has a character that an address cannot have")]
    Character,
    /// Not the server of the tenant's cloud, or not https, or with user information or a port.
    #[error("the address does not point to the tenant's management server")]
    Host,
    /// It carries a fragment.
    #[error("the address carries a fragment")]
    Fragment,
    /// Not the path of the operation.
    #[error("the path is not that of the activity feed")]
    Path,
    /// The path names another tenant.
    #[error("the path names another tenant")]
    Tenant,
    /// The last segment is not a contentId.
    #[error("the path does not end in a content id")]
    ContentId,
    /// It is the address of another blob than the contentId beside it names.
    #[error("the address is that of another blob")]
    OtherBlob,
    /// The query of a next page lacks its token, repeats it, or asks for another type.
    #[error("the query is not that of a next page")]
    Query,
}

/// Checks a contentUri and takes the id out of it.
///
/// The address must be https (or exactly an overridden base), on an allowed host without user information or port, and
/// have the path `/api/v1.0/{tenant}/activity/feed/audit/{contentId}`. A query is tolerated and ignored.
///
/// # Errors
/// Says which part was refused.
pub fn check_content_uri(
    uri: &str,
    tenant: TenantId,
    hosts: &AllowedHosts,
) -> Result<ContentId, HostileUri> {
    let path = checked_path(uri, hosts)?;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let segments = segments::<7>(path).ok_or(HostileUri::Path)?;
    let [api, version, in_path, activity, feed, audit, id] = segments;
    let expected = api.eq_ignore_ascii_case("api")
        && version.eq_ignore_ascii_case("v1.0")
        && activity.eq_ignore_ascii_case("activity")
        && feed.eq_ignore_ascii_case("feed")
        && audit.eq_ignore_ascii_case("audit");
    if !expected {
        return Err(HostileUri::Path);
    }
    check_tenant(in_path, tenant)?;
    // `$` is the one character of real ids that a careful serializer may escape.
    id.replace("%24", "$")
        .parse()
        .map_err(|_| HostileUri::ContentId)
}

/// Checks that a contentUri is the genuine address of this blob. Nothing depends on it, since a blob is fetched by its id.
pub(crate) fn check_address_of(
    id: &ContentId,
    uri: &str,
    tenant: TenantId,
    hosts: &AllowedHosts,
) -> Result<(), HostileUri> {
    if check_content_uri(uri, tenant, hosts)? == *id {
        Ok(())
    } else {
        Err(HostileUri::OtherBlob)
    }
}

/// Longest page token accepted. The documented one has 25 bytes.
const NEXT_PAGE_BYTES_MAX: usize = 1024;

/// Checks a NextPageUri and takes the page token out of it, still percent-encoded as it came.
///
/// Microsoft's own example says `/api/v1/` here and `/api/v1.0/` everywhere else, so the version may vary, the rest may not.
pub(crate) fn check_next_page_uri<'a>(
    uri: &'a str,
    tenant: TenantId,
    hosts: &AllowedHosts,
) -> Result<&'a str, HostileUri> {
    let rest = checked_path(uri, hosts)?;
    let (path, query) = rest.split_once('?').ok_or(HostileUri::Query)?;
    let segments = segments::<7>(path).ok_or(HostileUri::Path)?;
    let [
        api,
        version,
        in_path,
        activity,
        feed,
        subscriptions,
        content,
    ] = segments;
    let expected = api.eq_ignore_ascii_case("api")
        && (version.eq_ignore_ascii_case("v1.0") || version.eq_ignore_ascii_case("v1"))
        && activity.eq_ignore_ascii_case("activity")
        && feed.eq_ignore_ascii_case("feed")
        && subscriptions.eq_ignore_ascii_case("subscriptions")
        && content.eq_ignore_ascii_case("content");
    if !expected {
        return Err(HostileUri::Path);
    }
    check_tenant(in_path, tenant)?;
    let mut tokens = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("nextPage"));
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() && token.len() <= NEXT_PAGE_BYTES_MAX => {
            Ok(token)
        }
        _ => Err(HostileUri::Query),
    }
}

/// The checks that both kinds of address share. Returns path and query, starting with a slash.
fn checked_path<'a>(uri: &'a str, hosts: &AllowedHosts) -> Result<&'a str, HostileUri> {
    if uri.len() > ADDRESS_BYTES_MAX {
        return Err(HostileUri::TooLong);
    }
    let harmless = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    if !uri.bytes().all(harmless) {
        return Err(HostileUri::Character);
    }
    let rest = hosts.strip(uri).ok_or(HostileUri::Host)?;
    if rest.contains('#') {
        return Err(HostileUri::Fragment);
    }
    Ok(rest)
}

/// The path's `N` segments; `None` when there are more or fewer, or one is empty.
fn segments<const N: usize>(path: &str) -> Option<[&str; N]> {
    let mut found = [""; N];
    let mut parts = path.strip_prefix('/')?.split('/');
    for slot in &mut found {
        *slot = parts.next().filter(|part| !part.is_empty())?;
    }
    parts.next().is_none().then_some(found)
}

fn check_tenant(in_path: &str, tenant: TenantId) -> Result<(), HostileUri> {
    match in_path.parse::<TenantId>() {
        Ok(named) if named == tenant => Ok(()),
        _ => Err(HostileUri::Tenant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "41463f53-8812-40f4-890f-865bf6e35190";

    fn tenant() -> TenantId {
        TENANT.parse().unwrap()
    }

    #[track_caller]
    fn check(uri: &str, expect: Result<&str, HostileUri>) {
        let hosts = AllowedHosts::of_any_cloud(&Endpoints::default());
        let found = check_content_uri(uri, tenant(), &hosts);
        assert_eq!(
            found.as_ref().map(ContentId::as_str).map_err(|why| *why),
            expect,
            "{uri:?}"
        );
    }

    #[test]
    fn a_genuine_address_of_every_cloud_is_accepted() {
        for cloud in Cloud::ALL {
            let base = cloud.manage_url();
            check(
                &format!("{base}/api/v1.0/{TENANT}/activity/feed/audit/2017$2017$audit_general"),
                Ok("2017$2017$audit_general"),
            );
        }
        check(
            &format!(
                "https://Manage.Office.com/API/v1.0/{}/activity/feed/Audit/a%24b?x=y",
                TENANT.to_uppercase()
            ),
            Ok("a$b"),
        );
    }

    #[test]
    fn each_part_is_refused_with_its_reason() {
        let path = format!("/api/v1.0/{TENANT}/activity/feed/audit/a");
        check(
            &format!("http://manage.office.com{path}"),
            Err(HostileUri::Host),
        );
        check(
            &format!("https://manage.office.com:443{path}"),
            Err(HostileUri::Host),
        );
        check(
            &format!("https://u@manage.office.com{path}"),
            Err(HostileUri::Host),
        );
        check(
            &format!("https://manage.office.com{path}#f"),
            Err(HostileUri::Fragment),
        );
        check(
            &format!("https://manage.office.com{path}/b"),
            Err(HostileUri::Path),
        );
        check(
            &format!("https://manage.office.com{path}\\"),
            Err(HostileUri::Character),
        );
        check(
            &format!("https://manage.office.com{path}%2f"),
            Err(HostileUri::ContentId),
        );
        check(
            "https://manage.office.com/api/v1.0/11463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/a",
            Err(HostileUri::Tenant),
        );
    }

    #[test]
    fn a_replaced_server_is_the_only_one_accepted() {
        let endpoints = Endpoints::overridden(None, Some("http://127.0.0.1:8765/o365")).unwrap();
        let hosts = AllowedHosts::of_cloud(&endpoints, Cloud::Enterprise);
        let path = format!("/api/v1.0/{TENANT}/activity/feed/audit/a");
        let ask = |base: &str| check_content_uri(&format!("{base}{path}"), tenant(), &hosts);
        assert!(ask("http://127.0.0.1:8765/o365").is_ok());
        assert_eq!(ask("http://127.0.0.1:8765/O365"), Err(HostileUri::Host));
        assert_eq!(ask("http://127.0.0.1:8765"), Err(HostileUri::Host));
        assert_eq!(ask("http://127.0.0.1:87650/o365"), Err(HostileUri::Host));
        assert_eq!(ask("https://manage.office.com"), Err(HostileUri::Host));
    }

    #[test]
    fn a_next_page_is_accepted_in_documented_forms_only() {
        let hosts = AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise);
        let ask = |rest: &str| {
            let uri = format!("https://manage.office.com/api/{rest}").replace("{t}", TENANT);
            check_next_page_uri(&uri, tenant(), &hosts).map(str::to_owned)
        };
        let query = "contentType=Audit.SharePoint&startTime=2015-10-01&endTime=2015-10-02&nextPage=2015101900R022885001761";
        assert_eq!(
            ask(&format!(
                "v1/{{t}}/activity/feed/subscriptions/content?{query}"
            ))
            .as_deref(),
            Ok("2015101900R022885001761")
        );
        assert_eq!(
            ask("v1.0/{t}/activity/feed/subscriptions/content?nextpage=a").as_deref(),
            Ok("a")
        );
        assert_eq!(
            ask("v1.0/{t}/activity/feed/subscriptions/content"),
            Err(HostileUri::Query)
        );
        assert_eq!(
            ask("v1.0/{t}/activity/feed/subscriptions/content?nextPage=a&nextPage=b"),
            Err(HostileUri::Query)
        );
        assert_eq!(
            ask("v1.0/{t}/activity/feed/subscriptions/stop?nextPage=a"),
            Err(HostileUri::Path)
        );
        assert_eq!(
            ask(
                "v1.0/00000000-0000-0000-0000-000000000001/activity/feed/subscriptions/content?nextPage=a"
            ),
            Err(HostileUri::Tenant)
        );
    }
}
