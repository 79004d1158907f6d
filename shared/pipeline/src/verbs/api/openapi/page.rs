//! Pages that are made here, of the OpenAPI document and of docs/ERRORS.md. No script, nothing from elsewhere.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::OpenApi as Document;

/// The kinds of problems, as people read them in the repository.
const ERRORS: &str = include_str!("../../../../../../docs/ERRORS.md");

/// How both pages look. The page's policy names its hash.
const STYLE: &str = include_str!("page.css");

/// Most levels of a schema that are shown: ours have four.
const DEPTH_MAX: usize = 8;

/// What the API takes and answers.
pub(super) fn reference(document: &Document) -> Response<Bytes> {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut body = String::from("<h1>The API of ualstream</h1>\n");
    body.push_str(
        "<p>For programs: <a href=\"/v1/openapi.json\">openapi.json</a>. Errors: <a href=\"/docs/errors\">what each kind means</a>. \
         What is not marked open needs <code>Authorization: Bearer KEY</code>.</p>\n",
    );
    let operations = operations(&document);
    body.push_str("<nav aria-label=\"Requests\"><ul>\n");
    for of in &operations {
        let _ = writeln!(
            body,
            "<li><a href=\"#{}\"><code>{}</code></a></li>",
            of.anchor, of.title
        );
    }
    body.push_str("</ul></nav>\n");
    for of in &operations {
        operation(&mut body, of);
    }
    body.push_str("<h2 id=\"schemas\">Bodies and answers</h2>\n");
    let schemas = document.pointer("/components/schemas");
    for (name, schema) in schemas.and_then(Value::as_object).into_iter().flatten() {
        let name = escaped(name);
        let _ = writeln!(body, "<section id=\"{name}\"><h3>{name}</h3>");
        let _ = writeln!(body, "<p>{}</p>", escaped(text(schema, "description")));
        members(&mut body, schema);
        body.push_str("</section>\n");
    }
    page("The API", &body)
}

/// What each kind of problem means. A heading's address is its text.
pub(super) fn errors() -> Response<Bytes> {
    let mut events: Vec<Event<'_>> = Parser::new_ext(ERRORS, Options::ENABLE_TABLES).collect();
    for at in 1..events.len() {
        let Event::Text(text) = &events[at] else {
            continue;
        };
        let name = CowStr::from(text.to_string());
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at - 1] {
            *id = Some(name);
        }
    }
    // Links between documents of the repository lead nowhere here.
    let shown = events.into_iter().filter(|event| {
        !matches!(
            event,
            Event::Start(Tag::Link { .. }) | Event::End(TagEnd::Link)
        )
    });
    let mut body = String::new();
    html::push_html(&mut body, shown);
    page("Errors", &body)
}

/// A method of a path.
struct Operation<'a> {
    anchor: String,
    title: String,
    of: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let each = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, of)| Operation {
            anchor: escaped(text(of, "operationId")),
            title: format!("{} {}", method.to_uppercase(), escaped(path)),
            of,
        })
    });
    let operations = each.filter(|of| of.of.get("responses").is_some());
    operations.collect()
}

fn operation(body: &mut String, of: &Operation<'_>) {
    let Operation { anchor, title, of } = of;
    let _ = writeln!(
        body,
        "<section id=\"{anchor}\"><h2><code>{title}</code></h2>"
    );
    let about = format!("{} {}", text(of, "summary"), text(of, "description"));
    let _ = writeln!(body, "<p>{}</p>", escaped(about.trim()));
    if of["security"] == serde_json::json!([{}]) {
        body.push_str("<p>Open: needs no key.</p>\n");
    }
    let parameters = of["parameters"].as_array();
    if let Some(parameters) = parameters.filter(|all| !all.is_empty()) {
        body.push_str("<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr></thead><tbody>\n");
        for parameter in parameters {
            let _ = writeln!(
                body,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(text(parameter, "name")),
                escaped(text(parameter, "in")),
                shape(&parameter["schema"], 0),
                escaped(text(parameter, "description")),
            );
        }
        body.push_str("</tbody></table>\n");
    }
    let sent = of.pointer("/requestBody/content/application~1json/schema");
    if let Some(schema) = sent {
        let _ = writeln!(body, "<p>Body: {}</p>", shape(schema, 0));
    }
    body.push_str("<ul>\n");
    for (status, response) in of["responses"].as_object().into_iter().flatten() {
        let content = response["content"].as_object();
        let schema = content.and_then(|content| content.values().next());
        let shown = schema.map(|content| shape(&content["schema"], 0));
        let status = if status == "default" { "error" } else { status };
        let about = escaped(text(response, "description"));
        let _ = writeln!(
            body,
            "<li><code>{}</code> {} {about}</li>",
            escaped(status),
            shown.unwrap_or_default()
        );
    }
    body.push_str("</ul></section>\n");
}

/// The members of a schema, as a table.
fn members(body: &mut String, schema: &Value) {
    let parts = ["allOf", "oneOf", "anyOf"];
    let parts = parts.iter().filter_map(|name| schema[*name].as_array());
    for part in parts.flatten() {
        match part["$ref"].as_str() {
            Some(_) => {
                let _ = writeln!(body, "<p>{}</p>", shape(part, 0));
            }
            None => members(body, part),
        }
    }
    let Some(properties) = schema["properties"].as_object() else {
        if schema.get("enum").is_some() {
            let _ = writeln!(body, "<p>{}</p>", shape(schema, 0));
        }
        return;
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    body.push_str("<table><thead><tr><th>member</th><th>type</th><th></th></tr></thead><tbody>\n");
    for (name, of) in properties {
        let optional = if is_required(name) {
            ""
        } else {
            " (may be left out)"
        };
        let _ = writeln!(
            body,
            "<tr><td><code>{}</code>{optional}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            shape(of, 0),
            escaped(text(of, "description")),
        );
    }
    body.push_str("</tbody></table>\n");
}

/// A schema in a few words.
fn shape(schema: &Value, depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "…".to_owned();
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = escaped(name.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().map(|value| escaped(&value.to_string()));
        return values.collect::<Vec<_>>().join(" | ");
    }
    for of in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[of].as_array() {
            let parts = parts.iter().map(|part| shape(part, depth + 1));
            return parts.collect::<Vec<_>>().join(" or ");
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => vec!["anything"],
    };
    let named = types
        .iter()
        .map(|of| match (*of, schema["format"].as_str()) {
            ("array", _) => format!("list of {}", shape(&schema["items"], depth + 1)),
            ("string", Some("date-time")) => "time".to_owned(),
            ("string", Some(format)) => escaped(format),
            (of, _) => escaped(of),
        });
    named.collect::<Vec<_>>().join(" or ")
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(char),
        }
    }
    safe
}

fn page(title: &str, body: &str) -> Response<Bytes> {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · ualstream</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head>\n\
         <body><main>\n{body}</main></body></html>\n"
    );
    let mut response = Response::new(Bytes::from(text));
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, html);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(response: &Response<Bytes>) -> String {
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    #[test]
    fn each_kind_of_problem_has_an_address_on_the_page() {
        let page = shown(&errors());
        for line in ERRORS.lines() {
            if let Some(kind) = line.strip_prefix("## ") {
                assert!(page.contains(&format!("<h2 id=\"{kind}\">")), "{kind}");
            }
        }
    }

    #[test]
    fn the_reference_shows_each_path_and_nothing_from_elsewhere() {
        let page = shown(&reference(&super::super::DOCUMENT));
        for path in super::super::DOCUMENT.paths.paths.keys() {
            assert!(page.contains(path.as_str()), "{path}");
        }
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escaped("<a href=\"&\">"),
            "&lt;a href=&quot;&amp;&quot;&gt;"
        );
    }
}
