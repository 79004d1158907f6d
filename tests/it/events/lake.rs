//! The documents' queries work: they run on a lake that the pipeline has written, over the columns of template.yaml,
//! and find what happened.

mod columns;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use office365::ContentType;
use pipeline::compact::{self, Compactor, LOOK_BACK_DAYS, Looks, Run};
use pipeline::lake::Destination;
use pipeline::lake::{Codec, Lake};
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tests::world::{World, quiet};
use tests::{Outcome, repo, tools};
use tokio::time::Instant;
use url::Url;

/// For a dozen files of a few kB. DuckDB takes a second, its import on a busy machine longer.
const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

/// The compactor starts no work in the last minutes of its time. This leaves enough.
const COMPACTION_WITHIN: Duration = Duration::from_secs(3_600);

/// Files that the intruder downloads: more than the query looks for.
const DOWNLOADS: u32 = 25;

const MALLORY: &str = "mallory@contoso.example";
const ADDRESS: &str = "203.0.113.66";

#[tokio::test]
async fn the_documented_queries_find_an_intruder() -> Outcome<()> {
    let world = broken_into(Codec::Gzip).await?;
    let document = repo::read("docs/LAKE.md")?;
    let queries = queries(&document);
    assert_eq!(queries.len(), 5, "one for each question of docs/LAKE.md");
    let [failures, rules, downloads, timeline, consents] = ask(world.lake(), "--json", &queries)
        .await?
        .try_into()
        .map_err(|_| "an answer for each query")?;

    assert_eq!(failures[0]["who"], MALLORY, "{failures}");
    assert_eq!(failures[0]["address"], ADDRESS, "{failures}");
    assert_eq!(failures[0]["failures"], 3, "{failures}");
    assert_eq!(
        failures[0]["why"], "InvalidUserNameOrPassword",
        "{failures}"
    );

    assert_eq!(rules.as_array().map(Vec::len), Some(1), "{rules}");
    assert_eq!(rules[0]["severity"], "High", "{rules}");
    assert!(
        rules[0]["rule"].to_string().contains("ForwardTo"),
        "{rules}"
    );

    assert_eq!(downloads.as_array().map(Vec::len), Some(1), "{downloads}");
    assert_eq!(downloads[0]["who"], MALLORY, "{downloads}");
    assert_eq!(downloads[0]["downloads"], DOWNLOADS, "{downloads}");
    assert_eq!(downloads[0]["files"], DOWNLOADS, "{downloads}");
    assert_eq!(downloads[0]["in_hour"], "2026-03-01T11", "{downloads}");

    let operations: Vec<&str> = timeline
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["operation"].as_str())
        .collect();
    let before = ["UserLoginFailed"; 3].into_iter().chain(["UserLoggedIn"]);
    let during = ["Consent to application.", "New-InboxRule"];
    let after = ["FileDownloaded"; DOWNLOADS as usize];
    let expect: Vec<&str> = before.chain(during).chain(after).collect();
    assert_eq!(operations, expect);

    assert_eq!(consents.as_array().map(Vec::len), Some(1), "{consents}");
    assert_eq!(
        consents[0]["privileges"],
        json!(["Mail.Read", "offline_access"]),
        "{consents}"
    );
    assert_eq!(consents[0]["who"], MALLORY, "{consents}");
    Ok(())
}

#[tokio::test]
async fn parquet_files_and_zstd_give_the_same_answers() -> Outcome<()> {
    let world = broken_into(Codec::Zstd).await?;
    let compactor = Compactor {
        lake: Lake::open(&Url::from_directory_path(world.lake()).map_err(|()| "no address")?)?,
        destination: Destination {
            region: "eu-central-1".parse()?,
            account_id: "111122223333".parse()?,
        },
    };
    let run = Run {
        now: world.now() + Duration::from_secs(2 * 60 * 60),
        look_back_days: LOOK_BACK_DAYS,
        looks: Looks::All,
        deadline: Instant::now() + COMPACTION_WITHIN,
    };
    let report = compact::run(&compactor, run).await?;
    assert!(report.files > 3, "{report:?}");

    let document = repo::read("docs/PARQUET.md")?;
    let mut all = queries(&document);
    assert_eq!(all.len(), 2, "one over a table, one over files");
    let of_events = repo::read("docs/LAKE.md")?;
    all.push(queries(&of_events)[0]);
    let [of_table, of_files, of_lines] = ask(world.lake(), "--json", &all)
        .await?
        .try_into()
        .map_err(|_| "an answer for each query")?;
    assert_eq!(of_table[0]["person"], MALLORY, "{of_table}");
    assert_eq!(of_table[0]["failed"], 3, "{of_table}");
    assert_eq!(
        of_table[0]["reason"], "InvalidUserNameOrPassword",
        "{of_table}"
    );
    let last_at = of_table[0]["last_at"].as_str();
    assert!(
        last_at.is_some_and(|at| at.starts_with("2026-03-01 10:00:02")),
        "{of_table}"
    );
    assert_eq!(of_files[0]["person"], MALLORY, "{of_files}");
    assert_eq!(of_files[0]["failed"], 3, "{of_files}");
    assert_eq!(of_lines[0]["failures"], 3, "{of_lines}");
    Ok(())
}

/// A lake with an ordinary day's events, and those of an intruder among them.
async fn broken_into(codec: Codec) -> Outcome<World> {
    let settings = EventSettings {
        codec,
        ..EventSettings::default()
    };
    let world = World::with_settings(quiet(), settings).await?;
    let types = [
        ContentType::AuditAzureActiveDirectory,
        ContentType::AuditExchange,
        ContentType::AuditSharePoint,
    ];
    world.register(&types).await?;
    let sign_ins: Vec<Value> = (0..3)
        .map(|n| sign_in(&world, n, "UserLoginFailed"))
        .chain([sign_in(&world, 3, "UserLoggedIn"), consent(&world)])
        .chain([with(
            sign_in(&world, 90, "UserLoginFailed"),
            json!({"UserId": "alex@contoso.example", "ClientIP": "198.51.100.7"}),
        )])
        .collect();
    let mail = vec![
        forwarding_rule(&world),
        with(
            world.record(91),
            json!({"Operation": "New-InboxRule", "Parameters": []}),
        ),
    ];
    let files = (0..DOWNLOADS)
        .map(|n| download(&world, n, MALLORY))
        .chain([download(&world, 92, "alex@contoso.example")])
        .collect();
    use emulator::ContentType as At;
    world
        .emulator
        .publish(world.tenant(), At::AzureActiveDirectory, sign_ins);
    world.emulator.publish(world.tenant(), At::Exchange, mail);
    world
        .emulator
        .publish(world.tenant(), At::SharePoint, files);
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()?;
    Ok(world)
}

fn with(mut record: Value, members: Value) -> Value {
    if let (Value::Object(record), Value::Object(members)) = (&mut record, members) {
        record.extend(members);
    }
    record
}

fn sign_in(world: &World, n: u32, operation: &str) -> Value {
    let failed = operation == "UserLoginFailed";
    let error = if failed {
        "InvalidUserNameOrPassword"
    } else {
        ""
    };
    with(
        world.record(1_000 + n),
        json!({
            "Operation": operation, "RecordType": 15, "Workload": "AzureActiveDirectory", "ResultStatus": "Success",
            "CreationTime": format!("2026-03-01T10:00:{n:02}"), "UserId": MALLORY, "ClientIP": ADDRESS,
            "ErrorNumber": if failed { "50126" } else { "0" }, "LogonError": error,
        }),
    )
}

fn consent(world: &World) -> Value {
    let permissions = "[] => [[Id: 1, ClientId: 2, PrincipalId: 3, ResourceId: 4, ConsentType: Principal, \
                       Scope: Mail.Read offline_access, CreatedDateTime: , LastModifiedDateTime ]]; ";
    with(
        world.record(2_000),
        json!({
            "Operation": "Consent to application.", "RecordType": 8, "Workload": "AzureActiveDirectory",
            "CreationTime": "2026-03-01T10:05:00", "UserId": MALLORY, "ResultStatus": "Success", "ActorIpAddress": ADDRESS,
            "Target": [{"ID": "Mail Backup Pro", "Type": 1}, {"ID": "ServicePrincipal", "Type": 2}],
            "ModifiedProperties": [{"Name": "ConsentAction.Permissions", "NewValue": permissions, "OldValue": ""}],
        }),
    )
}

fn forwarding_rule(world: &World) -> Value {
    with(
        world.record(3_000),
        json!({
            "Operation": "New-InboxRule", "CreationTime": "2026-03-01T10:10:00", "UserId": MALLORY, "ClientIP": ADDRESS,
            "ResultStatus": "True", "Parameters": [{"Name": "ForwardTo", "Value": "drop@elsewhere.example"}],
        }),
    )
}

fn download(world: &World, n: u32, who: &str) -> Value {
    with(
        world.record(4_000 + n),
        json!({
            "Operation": "FileDownloaded", "RecordType": 6, "Workload": "SharePoint", "UserId": who, "ClientIP": ADDRESS,
            "CreationTime": format!("2026-03-01T11:{n:02}:00").replace(":92:", ":59:"),
            "ObjectId": format!("https://contoso.sharepoint.example/sites/finance/plan{n}.xlsx"),
            "SourceFileName": format!("plan{n}.xlsx"), "ItemType": "File",
        }),
    )
}

/// The text of each SQL block.
fn queries(document: &str) -> Vec<&str> {
    document
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

/// The rows that each query returns; `how` says in which dialect they are.
pub(crate) async fn ask(lake: &Path, how: &str, queries: &[&str]) -> Outcome<Vec<Value>> {
    tools::install().await?;
    let mut input = NamedTempFile::new()?;
    input.write_all(queries.join("\0").as_bytes())?;
    let mut command = tokio::process::Command::new(tools::bin("lake").join("python"));
    command
        .arg(repo::root().join("tests/tools/query_lake.py"))
        .arg(lake)
        .arg(how)
        .current_dir(lake);
    let printed =
        tools::run_with_input(&mut command, Stdio::from(input.reopen()?), QUERY_TIMEOUT).await?;
    let rows = printed.lines().map(serde_json::from_str);
    Ok(rows.collect::<Result<_, _>>()?)
}
