//! Rights granted and revoked: directory roles, app roles, delegated permissions, consent, ownership.

use super::change::Change;
use crate::ocsf::class::UserAccess;
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, Severity};
use crate::record::{User, UserKind};
use crate::severity;
use std::borrow::Cow;

/// The kind of right that an operation grants or revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Role,
    AppRole,
    Delegated,
    Consent,
    Owner,
}

/// The kind of right in an operation, and whether it is granted.
pub(super) fn of(op: &str) -> Option<(Right, bool)> {
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
        _ if op.contains("member to role") || op.contains("member from role") => Right::Role,
        _ => return None,
    };
    Some((right, given))
}

/// Maps a change of rights. Returns false when the record names no right.
pub(super) fn map<'a>(
    change: &Change<'_, 'a>,
    event: &mut Event<'a>,
    right: Right,
    given: bool,
) -> bool {
    let privileges = privileges(change, right);
    let user = user(change, right);
    if privileges.is_empty() || user.is_nobody() {
        return false;
    }
    event.classify(if given {
        UserAccess::AssignPrivileges
    } else {
        UserAccess::RevokePrivileges
    });
    if given {
        event.raise(rate(change, right, &privileges));
    }
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

/// All scopes in the text of a consent: `[] => [[Id: ..., ConsentType: AllPrincipals, Scope: User.Read Mail.Read,
/// ...]]`.
fn consent_scopes(permissions: &str) -> Vec<String> {
    let lists = permissions
        .split("Scope:")
        .skip(1)
        .filter_map(|rest| rest.split([',', ']']).next());
    words(&lists.collect::<Vec<_>>().join(" "))
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
            .is_some_and(|text| text.contains("AllPrincipals"))
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
        let text = "[] => [[Id: a, ConsentType: AllPrincipals, Scope:  User.Read Mail.Read, Created: x], \
                    [Id: b, Scope: Mail.Read Files.Read.All]];";
        assert_eq!(
            consent_scopes(text),
            ["User.Read", "Mail.Read", "Files.Read.All"]
        );
        assert_eq!(consent_scopes(""), Vec::<String>::new());
    }

    #[test]
    fn grants_and_revocations_are_told_apart() {
        let check = |op: &str, expect: Option<(Right, bool)>| assert_eq!(of(op), expect, "{op}");
        check("add member to role", Some((Right::Role, true)));
        check(
            "add eligible member to role in pim completed (permanent)",
            Some((Right::Role, true)),
        );
        check(
            "remove member from role (pim activation expired)",
            Some((Right::Role, false)),
        );
        check(
            "add app role assignment grant to user",
            Some((Right::AppRole, true)),
        );
        check(
            "add a deletion-marked app role assignment grant to service principal as part of link removal",
            Some((Right::AppRole, false)),
        );
        check("revoke consent", Some((Right::Consent, false)));
        check("add group", None);
    }
}
