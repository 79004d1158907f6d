//! Each function has a role of its own, with no more permissions than are listed here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, expanded, referred, resources};

#[tokio::test]
async fn each_function_has_a_role_of_its_own() {
    let template = expanded(Template::Main).await;
    let functions = resources(&template, "AWS::Lambda::Function");
    let roles: BTreeSet<_> = functions
        .iter()
        .map(|(_, function)| referred(&function["Properties"]["Role"]).unwrap())
        .collect();
    assert_eq!(roles.len(), functions.len(), "{roles:?}");
}

#[tokio::test]
async fn no_role_is_broader_than_needed() {
    assert_eq!(
        broad_rights(&expanded(Template::Main).await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn broad_rights_are_detected() {
    let good = expanded(Template::Main).await;
    let check = |member: &str, value: Value, expect: &str| {
        let mut template = good.clone();
        let statement = "/Resources/FetcherRole/Properties/Policies/0/PolicyDocument/Statement/1";
        template.pointer_mut(statement).unwrap()[member] = value;
        let broad = broad_rights(&template);
        assert!(
            broad.iter().any(|found| found.contains(expect)),
            "{member}: {broad:?} has no {expect:?}"
        );
    };
    check("Action", json!("dynamodb:*"), "dynamodb:*");
    check(
        "Action",
        json!(["dynamodb:GetItem", "dynamodb:Scan"]),
        "dynamodb:Scan",
    );
    check("Resource", json!("*"), "any resource");
    check("Resource", json!(["arn:aws:dynamodb:*"]), "any resource");
    check("NotAction", json!("iam:PassRole"), "all but some");

    let mut template = good.clone();
    let federation = &mut template["Resources"]["FederationPolicy"]["Properties"]["PolicyDocument"]
        ["Statement"][0];
    federation["Condition"]["Null"] = Value::Null;
    assert!(
        broad_rights(&template)
            .iter()
            .any(|found| found.contains("FederationPolicy: any resource"))
    );

    let mut template = good.clone();
    template["Resources"]["FetcherRole"]["Properties"]["ManagedPolicyArns"] =
        json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert!(
        broad_rights(&template)
            .iter()
            .any(|found| found.contains("managed policy"))
    );
}

/// Statements with wildcards or scans, and policies that others may extend.
fn broad_rights(template: &Value) -> Vec<String> {
    let mut broad = Vec::new();
    for (name, role) in resources(template, "AWS::IAM::Role") {
        if !role["Properties"]["ManagedPolicyArns"].is_null() {
            broad.push(format!("{name}: a managed policy"));
        }
        for policy in role["Properties"]["Policies"].as_array().unwrap() {
            broad.extend(broad_statements(name, &policy["PolicyDocument"]));
        }
    }
    for (name, policy) in resources(template, "AWS::IAM::Policy") {
        broad.extend(broad_statements(
            name,
            &policy["Properties"]["PolicyDocument"],
        ));
    }
    broad
}

fn broad_statements(name: &str, document: &Value) -> Vec<String> {
    let mut broad = Vec::new();
    for statement in list(&document["Statement"]) {
        if !statement["NotAction"].is_null() || !statement["NotResource"].is_null() {
            broad.push(format!("{name}: all but some"));
        }
        let actions = list(&statement["Action"])
            .into_iter()
            .filter_map(Value::as_str);
        let wide = actions.filter(|action| action.contains('*') || action.ends_with(":Scan"));
        broad.extend(wide.map(|action| format!("{name}: {action}")));
        // Our own resources are references, perhaps followed by a path. A plain text may name anybody's resource.
        let is_anybodys = list(&statement["Resource"])
            .into_iter()
            .any(Value::is_string);
        if is_anybodys && !is_statement_for_entra(statement) {
            broad.push(format!("{name}: any resource"));
        }
    }
    broad
}

/// The only action that has no resource. It is limited to an audience instead.
fn is_statement_for_entra(statement: &Value) -> bool {
    let audiences =
        &statement["Condition"]["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"];
    let are_entras = list(audiences).into_iter().all(|of| {
        of.as_str()
            .is_some_and(|of| of.starts_with("api://AzureAD"))
    });
    statement["Action"] == "sts:GetWebIdentityToken"
        && are_entras
        && statement["Condition"]["Null"].is_object()
}

fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |many| many.iter().collect())
}
