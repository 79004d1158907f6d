//! `api`: the call that a record is about, and the service that handled it.

use super::event::Event;
use crate::json::Writer;
use crate::record::Record;

/// Writes `api`, which class API Activity requires.
pub(crate) fn write_api<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    write_api_with(record, event, |_| ());
}

/// Writes `api`, with the request data that `fill` writes. The request's id is the client's, if it sent one, or else
/// the record's own.
pub(crate) fn write_api_with<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    fill: impl FnOnce(&mut Writer),
) {
    let sent = ["ClientRequestId", "RequestId", "CorrelationId"];
    let uid = sent
        .iter()
        .find_map(|key| record.text(key))
        .or_else(|| record.id.clone());
    event.body.object("api", |w| {
        w.text(
            "operation",
            record.operation.as_deref().unwrap_or("unknown"),
        );
        w.object("service", |w| {
            w.text(
                "name",
                service_name(record.workload.as_deref().unwrap_or_default()),
            );
        });
        w.object("request", |w| {
            w.text_opt(
                "uid",
                uid.as_deref().map(|uid| uid.trim_matches(['{', '}'])),
            );
            fill(w);
        });
    });
}

/// The product that a workload's name stands for.
pub(crate) fn service_name(workload: &str) -> &str {
    match workload {
        "" => "Microsoft 365",
        "AzureActiveDirectory" => "Microsoft Entra ID",
        "Aip" => "Microsoft Purview Information Protection",
        "ComplianceManager" => "Microsoft Purview Compliance Manager",
        "Copilot" => "Microsoft 365 Copilot",
        "Exchange" => "Exchange Online",
        "MicrosoftTeams" => "Microsoft Teams",
        "Quarantine" | "ThreatIntelligence" => "Microsoft Defender for Office 365",
        "SecurityComplianceCenter" => "Microsoft Purview",
        other => other,
    }
}
