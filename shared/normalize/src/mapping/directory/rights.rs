//! Rights granted and revoked: directory roles, app roles, delegated permissions, consent, ownership.

use super::change::Change;
use crate::ocsf::class::UserAccess;
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, Severity};
use crate::record::{User, UserKind};
use crate::severity;
use std::borrow::Cow;

/// Words of operations about who has a directory role.
const ROLE_CHANGES: &[&str] = &[
    "member to role",
    "member from role",
    "member in pim",
    "direct role assignment",
    "eligible role assignment",
    "eligibleroleassignment",
    "role assignment to role definition",
    "role assignment from role definition",
];

/// The kind of right that an operation grants or revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Role,
    AppRole,
    Delegated,
    Consent,
    Owner,
}

/// What stands for a role that the record does not name as a property.
const UNSPECIFIED_ROLE: &str = "(unspecified role)";

/// What an operation does with a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Granted,
    Revoked,
    /// Somebody may ask for the right from now on.
    MadeEligible,
    /// The right was asked for, refused, or no longer asked for. If it is granted, another record says so.
    Asked,
}

impl Step {
    /// The step of an operation on a role. Privileged Identity Management writes a record for each, and all of them
    /// begin as the assignment itself does: `Add member to role requested (PIM activation)`.
    fn with_role(op: &str, given: bool) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| op.contains(word));
        if has(&[
            "request",
            "cancel",
            "denied",
            "rejected",
            "failed",
            "in pim approved",
        ]) || given && has(&["expired"])
        {
            Self::Asked
        } else if has(&["eligible"]) {
            if given {
                Self::MadeEligible
            } else {
                Self::Asked
            }
        } else {
            Self::of_right(given)
        }
    }

    fn of_right(given: bool) -> Self {
        if given { Self::Granted } else { Self::Revoked }
    }
}

/// The kind of right in an operation, and what happens to it.
pub(super) fn of(op: &str) -> Option<(Right, Step)> {
    let given = !(op.starts_with("remove")
        || op.starts_with("revoke")
        || op.starts_with("add a deletion-marked"));
    let right = match op {
        "consent to application" | "revoke consent" => Right::Consent,
        "add delegated permission grant"
        | "remove delegated permission grant"
        | "add oauth2permissiongrant"
        | "remove oauth2permissiongrant"
        | "add delegation entry"
        | "remove delegation entry" => Right::Delegated,
        "add owner to application"
        | "remove owner from application"
        | "add owner to service principal"
        | "remove owner from service principal" => Right::Owner,
        _ if op.contains("app role assignment") => Right::AppRole,
        _ if ROLE_CHANGES.iter().any(|words| op.contains(words)) => {
            return Some((Right::Role, Step::with_role(op, given)));
        }
        _ => return None,
    };
    Some((right, Step::of_right(given)))
}

/// Maps a change of rights. Returns false when the record names no right.
pub(super) fn map<'a>(
    change: &Change<'_, 'a>,
    event: &mut Event<'a>,
    right: Right,
    step: Step,
) -> bool {
    let privileges = privileges(change, right);
    let user = user(change, right);
    if privileges.is_empty() || user.is_nobody() {
        return false;
    }
    event.classify(match step {
        Step::Granted => UserAccess::AssignPrivileges,
        Step::Revoked => UserAccess::RevokePrivileges,
        Step::MadeEligible | Step::Asked => UserAccess::Other,
    });
    event.raise(match step {
        Step::Granted => rate(change, right, &privileges),
        Step::Revoked => Severity::Informational,
        Step::Asked if change.record.op.starts_with("remove") => Severity::Informational,
        Step::MadeEligible => severity::RIGHTS.rate_alone("eligible role"),
        Step::Asked => severity::RIGHTS.rate_alone("role request"),
    });
    let resource = resource(change, right);
    let w = &mut event.body;
    w.object("user", |w| user.write(w));
    w.texts("privileges", &privileges);
    w.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    change.mark_target(&[
        &user.name,
        &user.uid,
        &user.uid_alt,
        &resource.name,
        &resource.uid,
    ]);
    true
}

fn privileges<'a>(change: &Change<'_, 'a>, right: Right) -> Vec<Cow<'a, str>> {
    let text = |name: &str| change.changes.text(name);
    match right {
        Right::Role => {
            let role = text("Role.DisplayName")
                .or_else(|| text("Role.WellKnownObjectName"))
                .or_else(|| text("Role.TemplateId"));
            // Privileged Identity Management may name the role among the targets alone.
            let role = role.or_else(|| {
                let is_pim = change.record.op.contains("pim");
                is_pim.then_some(Cow::Borrowed(UNSPECIFIED_ROLE))
            });
            role.into_iter().collect()
        }
        Right::AppRole => vec![change.changes.app_role()],
        Right::Owner => vec![Cow::Borrowed("Owner")],
        Right::Delegated => {
            let scopes = text("DelegatedPermissionGrant.Scope")
                .map(|scopes| words(&scopes))
                .unwrap_or_default();
            or_unspecified(scopes, "(unspecified delegated permission)")
        }
        Right::Consent => {
            let scopes =
                text("ConsentAction.Permissions").map(|permissions| consent_scopes(&permissions));
            or_unspecified(scopes.unwrap_or_default(), "(unspecified permission)")
        }
    }
}

fn or_unspecified(scopes: Vec<String>, unspecified: &'static str) -> Vec<Cow<'static, str>> {
    if scopes.is_empty() {
        vec![Cow::Borrowed(unspecified)]
    } else {
        scopes.into_iter().map(Cow::Owned).collect()
    }
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// All scopes that a consent grants: `[] => [[Id: ..., ConsentType: AllPrincipals, Scope: User.Read Mail.Read, ...]]`.
fn consent_scopes(permissions: &str) -> Vec<String> {
    let lists = granted(permissions).flat_map(|after| {
        let lists = after.split("Scope:").skip(1);
        lists.filter_map(|rest| rest.split([',', ']']).next())
    });
    words(&lists.collect::<Vec<_>>().join(" "))
}

/// What a consent says after the arrows: `before => after; before => after`. Before an arrow is what was granted
/// earlier. A text without an arrow has only what is granted.
fn granted(permissions: &str) -> impl Iterator<Item = &str> {
    let mut parts = permissions.split("=>");
    let first = parts.next().filter(|_| !permissions.contains("=>"));
    let after = |part: &'_ str| -> usize { part.find(';').unwrap_or(part.len()) };
    first
        .into_iter()
        .chain(parts.map(move |part| &part[..after(part)]))
}

fn user<'a>(change: &Change<'_, 'a>, right: Right) -> User<'a> {
    let text = |name: &str| change.changes.text(name);
    if matches!(right, Right::AppRole | Right::Delegated) {
        let name = text("ServicePrincipal.DisplayName").or_else(|| text("ServicePrincipal.Name"));
        if let Some(name) = name {
            return User {
                name: Some(name),
                uid: text("ServicePrincipal.ObjectID"),
                uid_alt: text("ServicePrincipal.AppId"),
                kind: Some(UserKind::Service),
                ..User::default()
            };
        }
        if let Some(name) = text("User.UPN") {
            return User {
                name: Some(name),
                uid: text("User.ObjectID"),
                uid_alt: text("User.PUID"),
                kind: Some(UserKind::User),
                ..User::default()
            };
        }
    }
    change.target_user()
}

fn resource<'a>(change: &Change<'_, 'a>, right: Right) -> Resource<'a> {
    let text = |name: &str| change.changes.text(name);
    match right {
        Right::Role => Resource::target(
            "Directory Role",
            text("Role.DisplayName"),
            text("Role.ObjectID"),
        ),
        Right::Owner => {
            let name =
                text("Application.DisplayName").or_else(|| text("ServicePrincipal.DisplayName"));
            let kind = if change.record.op.ends_with("application") {
                "Application"
            } else {
                "Service Principal"
            };
            Resource::target(
                kind,
                name,
                text("Application.ObjectID").or_else(|| text("ServicePrincipal.ObjectID")),
            )
        }
        Right::AppRole | Right::Delegated | Right::Consent => Resource::target(
            "Service Principal",
            change.target_name(),
            change.target.oid.clone(),
        ),
    }
}

fn rate(change: &Change<'_, '_>, right: Right, privileges: &[Cow<'_, str>]) -> Severity {
    let for_all = |name: &str| {
        change
            .changes
            .text(name)
            .is_some_and(|text| granted(&text).any(|after| after.contains("AllPrincipals")))
    };
    let is_true = |name: &str| {
        change
            .changes
            .text(name)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    };
    let subject = match right {
        Right::Role => "directory role",
        Right::AppRole => "app role",
        Right::Delegated => "delegated permission",
        Right::Consent => "consent",
        Right::Owner => "owner",
    };
    let for_all_users = match right {
        Right::Delegated => for_all("DelegatedPermissionGrant.ConsentType"),
        Right::Consent => {
            is_true("ConsentContext.IsAdminConsent")
                || is_true("ConsentContext.OnBehalfOfAll")
                || for_all("ConsentAction.Permissions")
        }
        _ => false,
    };
    severity::RIGHTS.rate(subject, |field, test| match field {
        "privilege" => privileges.iter().any(|privilege| test(privilege)),
        "for all users" => for_all_users && test("true"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_scope_of_a_consent() {
        let check =
            |text: &str, expect: &[&str]| assert_eq!(consent_scopes(text), expect, "{text}");
        check(
            "[] => [[Id: a, ConsentType: AllPrincipals, Scope:  User.Read Mail.Read, Created: x], \
             [Id: b, Scope: Mail.Read Files.Read.All]];",
            &["User.Read", "Mail.Read", "Files.Read.All"],
        );
        check("[[Id: a, Scope: User.Read]]", &["User.Read"]);
        check("", &[]);
    }

    #[test]
    fn scopes_before_an_arrow_are_not_granted() {
        let check =
            |text: &str, expect: &[&str]| assert_eq!(consent_scopes(text), expect, "{text}");
        check(
            "[[Scope: User.Read Mail.Send]] => [[Scope: User.Read]]; ",
            &["User.Read"],
        );
        check("[[Scope: Mail.Send]] => []; ", &[]);
        check(
            "[] => [[Scope: a]]; [[Scope: b]] => [[Scope: c]];",
            &["a", "c"],
        );
        assert_eq!(granted("[x] => [y]").collect::<Vec<_>>(), [" [y]"]);
    }

    #[test]
    fn grants_and_revocations_are_told_apart() {
        let check = |op: &str, expect: Option<(Right, Step)>| assert_eq!(of(op), expect, "{op}");
        check("add member to role", Some((Right::Role, Step::Granted)));
        check(
            "add app role assignment grant to user",
            Some((Right::AppRole, Step::Granted)),
        );
        check(
            "add a deletion-marked app role assignment grant to service principal as part of link removal",
            Some((Right::AppRole, Step::Revoked)),
        );
        check("revoke consent", Some((Right::Consent, Step::Revoked)));
        check("add group", None);
        check("cancel request for role removal", None);
    }

    #[test]
    fn only_what_is_completed_gives_a_role() {
        let check = |step: Step, ops: &[&str]| {
            for op in ops {
                assert_eq!(of(op), Some((Right::Role, step)), "{op}");
            }
        };
        check(
            Step::Granted,
            &[
                "add member to role completed (pim activation)",
                "add member to role in pim completed (permanent)",
                "add member to role in pim completed (timebound)",
                "add member to role outside of pim (permanent)",
                "add member to role scoped over restricted management administrative unit",
                "add role assignment to role definition",
                "add scoped member to role",
                "restore member from role",
                "restore member from role in pim completed",
                "restore permanent direct role assignment",
            ],
        );
        check(
            Step::Revoked,
            &[
                "remove member from role",
                "remove member from role (pim activation expired)",
                "remove member from role completed (pim deactivate)",
                "remove member from role in pim completed (timebound)",
                "remove permanent direct role assignment",
                "remove role assignment from role definition",
                "remove scoped member from role",
            ],
        );
        check(
            Step::MadeEligible,
            &[
                "add eligible member to role",
                "add eligible member to role in pim completed (permanent)",
                "add eligible member to role in pim completed (timebound)",
                "add eligibleroleassignment to roledefinition",
                "restore eligible member from role in pim completed",
                "restore permanent eligible role assignment",
            ],
        );
        check(
            Step::Asked,
            &[
                "add eligible member to role in pim canceled (renew)",
                "add eligible member to role in pim requested (permanent)",
                "add member to role approval requested (pim activation)",
                "add member to role canceled (pim activation)",
                "add member to role in pim canceled (timebound)",
                "add member to role in pim requested (renew)",
                "add member to role request approved (pim activation)",
                "add member to role request denied (pim activation)",
                "add member to role requested (pim activation)",
                "add member to role (pim activation expired)",
                "approve request - direct role assignment",
                "remove eligible member from role",
                "remove eligible member from role in pim completed (timebound)",
                "remove member from role in pim requested (permanent)",
                "remove member from role requested (pim deactivate)",
                "remove permanent eligible role assignment",
                "update eligible member in pim requested (extend)",
                "update member in pim approved by admin (extend/renew)",
                "update member in pim canceled (extend)",
                "update member in pim denied by admin (extend/renew)",
            ],
        );
    }
}
