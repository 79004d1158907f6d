//! Which family maps a record: one table, read from top to bottom. The first matching line decides.
//!
//! When services share operations, the operation's name takes precedence over the record type. Nothing is routed by
//! types above 360: Microsoft renumbered 370 to 387 in its documentation in September 2025, and Graph's metadata
//! differs from it.

use super::{files, mailbox, sharing};
use crate::record::{Record, RecordType as T};

/// The families of records. [`super::map`] calls the function of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    SignIn,
    Directory,
    Cmdlet,
    Quarantine,
    Mailbox,
    Malware,
    Sharing,
    File,
    DataLossPrevention,
    Site,
    Teams,
    Alert,
    MailThreat,
    LinkClick,
    FileDetection,
    Investigation,
    Risk,
    CloudApp,
    LabelledMail,
    Copilot,
    Engage,
    Application,
    Administration,
    /// Records without a rule of their own.
    Other,
}

/// The family of a record.
#[rustfmt::skip]
pub(super) fn family(record: &Record<'_>) -> Family {
    // Labels on mail share an operation with mailbox auditing but do not belong to it.
    let is_label = matches!(record.record_type, Some(T::MIPLabel | T::MipAutoLabelExchangeItem));
    match (record.record_type, &*record.op) {
        (_, "mailboxlogin" | "signinevent" | "teamssessionstarted") => Family::SignIn,
        (_, "userloggedin" | "userloggedoff" | "userloginfailed") => Family::SignIn,
        (Some(T::AzureActiveDirectoryAccountLogon | T::AzureActiveDirectoryStsLogon), _) => Family::SignIn,
        (Some(T::OWAAuth), _) => Family::SignIn,

        (Some(T::AzureActiveDirectory), _) => Family::Directory,

        (Some(known), _) if known.is_cmdlet() => Family::Cmdlet,
        (_, op) if op.contains('-') && record.get("Parameters").is_some() => Family::Cmdlet,

        (Some(T::Quarantine), _) => Family::Quarantine,
        (_, op) if op.starts_with("quarantine") => Family::Quarantine,

        (Some(known), _) if known.is_mailbox_audit() => Family::Mailbox,
        (_, op) if mailbox::is_operation(op) && record.workload_is("Exchange") && !is_label => Family::Mailbox,

        (_, "filemalwaredetected") => Family::Malware,

        (Some(T::SharePointSharingOperation), _) => Family::Sharing,
        (_, op) if sharing::is_operation(op) => Family::Sharing,

        (_, op) if files::is_operation(op) && has_files(record) => Family::File,
        (Some(T::SharePointFileOperation | T::SensitivityLabelPolicyMatch), _) => Family::File,
        (Some(T::SensitivityLabelAction | T::SensitivityLabeledFileAction), _) => Family::File,
        (Some(T::AipDiscover | T::AipSensitivityLabelAction | T::AipProtectionAction), _) => Family::File,
        (Some(T::AipFileDeleted), _) => Family::File,

        (Some(known), _) if known.is_data_loss_prevention() => Family::DataLossPrevention,
        (_, "dlprulematch" | "dlpruleundo" | "dlpinfo") => Family::DataLossPrevention,

        (Some(T::SharePoint | T::OneDrive | T::SharePointListOperation), _) => Family::Site,
        (Some(T::SharePointCommentOperation), _) => Family::Site,
        (Some(T::SharePointListItemOperation | T::SharePointContentTypeOperation), _) => Family::Site,
        (Some(T::SharePointFieldOperation), _) => Family::Site,
        (Some(T::SharePointSearch | T::SharePointContentSecurityPolicy), _) => Family::Site,

        (Some(T::MicrosoftTeams), _) => Family::Teams,

        (Some(T::SecurityComplianceAlerts), _) => Family::Alert,
        (Some(T::ThreatIntelligence), _) => Family::MailThreat,
        (Some(T::ThreatIntelligenceUrl), _) => Family::LinkClick,
        (Some(T::ThreatIntelligenceAtpContent), _) => Family::FileDetection,
        (Some(T::AirInvestigation | T::AirManualInvestigation), _) => Family::Investigation,
        (Some(T::AirAdminActionInvestigation), _) => Family::Investigation,
        (Some(T::AadRiskDetection), _) => Family::Risk,
        (Some(T::HygieneEvent | T::InformationWorkerProtection | T::WDATPAlerts), _) => Family::CloudApp,
        (Some(T::MCASAlerts | T::MS365DCustomDetection | T::PurviewInsiderRiskAlerts), _) => Family::CloudApp,

        (Some(T::MIPLabel | T::MipAutoLabelExchangeItem), _) => Family::LabelledMail,

        (Some(T::CopilotInteraction | T::AIAppInteraction), _) => Family::Copilot,
        (Some(T::ConnectedAIAppInteraction | T::TeamCopilotInteraction), _) => Family::Copilot,
        _ if record.has("CopilotEventData") => Family::Copilot,

        (Some(T::Yammer), _) => Family::Engage,

        // Microsoft's two tables swap these types: one is about apps, the other about policies.
        (Some(T::Disputed79 | T::Disputed187), op) if op.contains("polic") || op.contains("dlp") => Family::Administration,
        (Some(T::Disputed79 | T::Disputed187), _) => Family::Application,

        (Some(T::PowerBIAudit | T::CRM | T::FabricAudit | T::AuditSearch), _) => Family::Application,
        (Some(T::Discovery | T::AeD), _) => Family::Application,
        (Some(T::MicrosoftFlow | T::MicrosoftStream | T::PowerAppsApp), _) => Family::Application,
        (Some(T::PowerAppsPlan | T::MicrosoftForms), _) => Family::Application,
        (Some(T::Project | T::ProjectForTheWebProject | T::ProjectForTheWebTask), _) => Family::Application,
        (Some(T::ProjectForTheWebRoadmap | T::ProjectForTheWebRoadmapItem), _) => Family::Application,
        (Some(T::PlannerPlan | T::PlannerCopyPlan | T::PlannerTask | T::PlannerRoster), _) => Family::Application,
        (Some(T::PlannerPlanList | T::PlannerTaskList), _) => Family::Application,
        (Some(T::PowerPagesSite | T::MicrosoftTodoAudit | T::VivaGoals), _) => Family::Application,

        (Some(T::PlannerTenantSettings | T::VfamCreatePolicy | T::VfamUpdatePolicy), _) => Family::Administration,
        (Some(T::VfamDeletePolicy | T::PowerPlatformAdministratorActivity), _) => Family::Administration,
        (Some(T::CPSOperation | T::AuditRetentionPolicy | T::AuditConfig), _) => Family::Administration,
        (Some(T::Microsoft365BackupBackupPolicy | T::URBACEnableState), _) => Family::Administration,
        (Some(T::CreateCopilotPlugin | T::UpdateCopilotPlugin), _) => Family::Administration,
        (Some(T::DeleteCopilotPlugin | T::EnableCopilotPlugin), _) => Family::Administration,
        (Some(T::DisableCopilotPlugin | T::CreateCopilotWorkspace), _) => Family::Administration,
        (Some(T::UpdateCopilotWorkspace | T::DeleteCopilotWorkspace), _) => Family::Administration,
        (Some(T::EnableCopilotWorkspace | T::DisableCopilotWorkspace), _) => Family::Administration,
        (Some(T::CreateCopilotPromptBook | T::UpdateCopilotPromptBook), _) => Family::Administration,
        (Some(T::DeleteCopilotPromptBook | T::EnableCopilotPromptBook), _) => Family::Administration,
        (Some(T::DisableCopilotPromptBook | T::UpdateCopilotSettings), _) => Family::Administration,
        (Some(T::ComplianceSettingsChange | T::NoisyAlertPolicy), _) => Family::Administration,

        _ => Family::Other,
    }
}

/// The record types and workloads that have files. Other services use the same operation names.
#[rustfmt::skip]
fn has_files(record: &Record<'_>) -> bool {
    let by_type = matches!(
        record.record_type,
        Some(
            T::SharePoint | T::SharePointFileOperation | T::OneDrive | T::Yammer | T::OfficeNative
            | T::MipAutoLabelSharePointItem | T::SensitivityLabelPolicyMatch | T::SensitivityLabelAction
            | T::SensitivityLabeledFileAction | T::AipDiscover | T::AipSensitivityLabelAction
            | T::AipProtectionAction | T::AipFileDeleted
        )
    );
    let workloads = ["SharePoint", "OneDrive", "Yammer"];
    by_type || workloads.iter().any(|name| record.workload_is(name))
}
