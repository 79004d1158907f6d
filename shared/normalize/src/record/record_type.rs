//! Microsoft's record types, by their names.
//!
//! Sources: the AuditLogRecordType table of Microsoft's Office 365 Management Activity API schema, and the enum of the
//! same name in Microsoft Graph's metadata. An id on which the two disagree is called `Disputed` and has no name in
//! events.

/// Defines the enum of all record types: id, name, and the name's text if another id has the same name.
macro_rules! record_types {
    ($($id:literal $name:ident $(as $text:literal)?),* $(,)?) => {
        /// What a record is about. The discriminant is `RecordType`.
        #[expect(clippy::upper_case_acronyms, reason = "the names are Microsoft's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u16)]
        pub(crate) enum RecordType {
            $($name = $id),*
        }

        impl RecordType {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The record type with this number; `None` if it is in none of Microsoft's tables.
            pub(crate) fn from_id(id: i64) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)*
                    _ => None,
                }
            }

            fn text(self) -> &'static str {
                match self {
                    $(Self::$name => record_types!(@text $name $($text)?)),*
                }
            }
        }
    };
    (@text $name:ident) => { stringify!($name) };
    (@text $name:ident $text:literal) => { $text };
}

impl RecordType {
    /// Microsoft's name; `None` if it is disputed.
    pub(crate) fn name(self) -> Option<&'static str> {
        let text = self.text();
        (!text.starts_with("Disputed")).then_some(text)
    }

    /// Whether it is written for administrators' cmdlets.
    pub(crate) fn is_cmdlet(self) -> bool {
        matches!(
            self,
            Self::ExchangeAdmin
                | Self::DataCenterSecurityCmdlet
                | Self::SecurityComplianceCenterEOPCmdlet
                | Self::SkypeForBusinessCmdlets
                | Self::MicrosoftTeamsAdmin
        )
    }

    /// Whether it is written by the agent on a computer: what was done with files there, and what matched.
    pub(crate) fn is_endpoint(self) -> bool {
        matches!(
            self,
            Self::DLPEndpoint | Self::ComplianceDLPEndpoint | Self::WebpageActivityEndpoint
        )
    }

    /// Whether it is written for matches of data loss prevention. Of the types from computers, most are no match.
    pub(crate) fn is_data_loss_prevention(self) -> bool {
        matches!(
            self,
            Self::ComplianceDLPSharePoint
                | Self::ComplianceDLPExchange
                | Self::ComplianceDLPSharePointClassification
                | Self::DLPEndpoint
                | Self::ComplianceDLPEndpoint
                | Self::WebpageActivityEndpoint
                | Self::OnPremisesFileShareScannerDlp
                | Self::OnPremisesSharePointScannerDlp
                | Self::ComplianceDLPExchangeClassification
        )
    }

    /// Whether it is written by Planner, Project or To Do, whose results are numbers.
    pub(crate) fn is_planner(self) -> bool {
        matches!(
            self,
            Self::PlannerPlan
                | Self::PlannerCopyPlan
                | Self::PlannerTask
                | Self::PlannerRoster
                | Self::PlannerPlanList
                | Self::PlannerTaskList
                | Self::PlannerTenantSettings
                | Self::ProjectForTheWebProject
                | Self::ProjectForTheWebTask
                | Self::ProjectForTheWebRoadmap
                | Self::ProjectForTheWebRoadmapItem
                | Self::ProjectForTheWebProjectSettings
                | Self::ProjectForTheWebRoadmapSettings
                | Self::MicrosoftTodoAudit
        )
    }

    /// Whether it is written by mailbox auditing.
    pub(crate) fn is_mailbox_audit(self) -> bool {
        matches!(
            self,
            Self::ExchangeItem
                | Self::ExchangeItemGroup
                | Self::ExchangeAggregatedOperation
                | Self::ExchangeItemAggregated
        )
    }

    /// The record type with this name, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let named = |of: &&Self| {
            of.name()
                .is_some_and(|known| known.eq_ignore_ascii_case(name))
        };
        Self::ALL.iter().find(named).copied()
    }
}

#[rustfmt::skip]
record_types! {
    1 ExchangeAdmin, 2 ExchangeItem, 3 ExchangeItemGroup, 4 SharePoint, 5 SyntheticProbe, 6 SharePointFileOperation,
    7 OneDrive, 8 AzureActiveDirectory, 9 AzureActiveDirectoryAccountLogon, 10 DataCenterSecurityCmdlet,
    11 ComplianceDLPSharePoint, 12 Sway, 13 ComplianceDLPExchange, 14 SharePointSharingOperation,
    15 AzureActiveDirectoryStsLogon, 16 SkypeForBusinessPSTNUsage, 17 SkypeForBusinessUsersBlocked,
    18 SecurityComplianceCenterEOPCmdlet, 19 ExchangeAggregatedOperation, 20 PowerBIAudit, 21 CRM, 22 Yammer,
    23 SkypeForBusinessCmdlets, 24 Discovery, 25 MicrosoftTeams, 26 MicrosoftTeamsAddOns,
    27 MicrosoftTeamsSettingsOperation, 28 ThreatIntelligence, 29 MailSubmission, 30 MicrosoftFlow, 31 AeD,
    32 MicrosoftStream, 33 ComplianceDLPSharePointClassification, 34 ThreatFinder, 35 Project,
    36 SharePointListOperation, 37 SharePointCommentOperation, 38 DataGovernance, 39 Kaizala,
    40 SecurityComplianceAlerts, 41 ThreatIntelligenceUrl, 42 SecurityComplianceInsights, 43 MIPLabel,
    44 WorkplaceAnalytics, 45 PowerAppsApp, 46 PowerAppsPlan, 47 ThreatIntelligenceAtpContent,
    48 LabelContentExplorer, 49 TeamsHealthcare, 50 ExchangeItemAggregated, 51 HygieneEvent,
    52 DataInsightsRestApiAudit, 53 InformationBarrierPolicyApplication, 54 SharePointListItemOperation,
    55 SharePointContentTypeOperation, 56 SharePointFieldOperation, 57 MicrosoftTeamsAdmin, 58 HRSignal,
    59 MicrosoftTeamsDevice, 60 MicrosoftTeamsAnalytics, 61 InformationWorkerProtection, 62 Campaign, 63 DLPEndpoint,
    64 AirInvestigation, 65 Quarantine, 66 MicrosoftForms, 67 ApplicationAudit, 68 ComplianceSupervisionExchange,
    69 CustomerKeyServiceEncryption, 70 OfficeNative, 71 MipAutoLabelSharePointItem,
    72 MipAutoLabelSharePointPolicyLocation, 73 MicrosoftTeamsShifts, 74 SecureScore, 75 MipAutoLabelExchangeItem,
    76 CortanaBriefing, 77 Search, 78 WDATPAlerts, 79 Disputed79, 80 PowerPlatformAdminEnvironment, 81 MDATPAudit,
    82 SensitivityLabelPolicyMatch, 83 SensitivityLabelAction, 84 SensitivityLabeledFileAction, 85 AttackSim,
    86 AirManualInvestigation, 87 SecurityComplianceRBAC, 88 UserTraining, 89 AirAdminActionInvestigation, 90 MSTIC,
    91 PhysicalBadgingSignal, 92 TeamsEasyApprovals, 93 AipDiscover, 94 AipSensitivityLabelAction,
    95 AipProtectionAction, 96 AipFileDeleted, 97 AipHeartBeat, 98 MCASAlerts, 99 OnPremisesFileShareScannerDlp,
    100 OnPremisesSharePointScannerDlp, 101 ExchangeSearch, 102 SharePointSearch, 103 PrivacyDataMinimization,
    104 LabelAnalyticsAggregate, 105 MyAnalyticsSettings, 106 SecurityComplianceUserChange,
    107 ComplianceDLPExchangeClassification, 108 ComplianceDLPEndpoint, 109 MipExactDataMatch,
    110 MSDEResponseActions, 111 MSDEGeneralSettings, 112 MSDEIndicatorsSettings, 113 MS365DCustomDetection,
    114 MSDERolesSettings, 115 MAPGAlerts, 116 MAPGPolicy, 117 MAPGRemediation, 118 PrivacyRemediationAction,
    119 PrivacyDigestEmail, 120 MipAutoLabelSimulationProgress, 121 MipAutoLabelSimulationCompletion,
    122 MipAutoLabelProgressFeedback, 123 DlpSensitiveInformationType, 124 MipAutoLabelSimulationStatistics,
    125 LargeContentMetadata, 126 Microsoft365Group, 127 CDPMlInferencingResult, 128 FilteringMailMetadata,
    129 CDPClassificationMailItem, 130 CDPClassificationDocument, 131 OfficeScriptsRunAction,
    132 FilteringPostMailDeliveryAction, 133 CDPUnifiedFeedback, 134 TenantAllowBlockList, 135 ConsumptionResource,
    136 HealthcareSignal, 138 DlpImportResult, 139 CDPCompliancePolicyExecution, 140 MultiStageDisposition,
    141 PrivacyDataMatch, 142 FilteringDocMetadata, 143 FilteringEmailFeatures, 144 PowerBIDlp, 145 FilteringUrlInfo,
    146 FilteringAttachmentInfo, 147 CoreReportingSettings, 148 ComplianceConnector,
    149 PowerPlatformLockboxResourceAccessRequest, 150 PowerPlatformLockboxResourceCommand,
    151 CDPPredictiveCodingLabel, 152 CDPCompliancePolicyUserFeedback, 153 WebpageActivityEndpoint, 154 OMEPortal,
    155 CMImprovementActionChange, 156 FilteringUrlClick, 157 MipLabelAnalyticsAuditRecord, 158 FilteringEntityEvent,
    159 FilteringRuleHits, 160 FilteringMailSubmission, 161 LabelExplorer, 162 MicrosoftManagedServicePlatform,
    163 PowerPlatformServiceActivity, 164 ScorePlatformGenericAuditRecord, 165 FilteringTimeTravelDocMetadata,
    166 Alert, 167 AlertStatus, 168 AlertIncident, 169 IncidentStatus, 170 Case, 171 CaseInvestigation,
    172 RecordsManagement, 173 PrivacyRemediation, 174 DataShareOperation, 175 CdpDlpSensitive, 176 EHRConnector,
    177 FilteringMailGradingResult, 178 PublicFolder, 179 PrivacyTenantAuditHistoryRecord,
    180 AipScannerDiscoverEvent, 181 EduDataLakeDownloadOperation, 182 M365ComplianceConnector,
    183 MicrosoftGraphDataConnectOperation, 184 MicrosoftPurview, 185 FilteringEmailContentFeatures,
    186 PowerPagesSite, 187 Disputed187, 188 PlannerPlan, 189 PlannerCopyPlan, 190 PlannerTask, 191 PlannerRoster,
    192 PlannerPlanList, 193 PlannerTaskList, 194 PlannerTenantSettings, 195 ProjectForTheWebProject,
    196 ProjectForTheWebTask, 197 ProjectForTheWebRoadmap, 198 ProjectForTheWebRoadmapItem,
    199 ProjectForTheWebProjectSettings, 200 ProjectForTheWebRoadmapSettings, 201 QuarantineMetadata,
    202 MicrosoftTodoAudit, 203 TimeTravelFilteringDocMetadata, 204 TeamsQuarantineMetadata,
    205 SharePointAppPermissionOperation, 206 MicrosoftTeamsSensitivityLabelAction, 207 FilteringTeamsMetadata,
    208 FilteringTeamsUrlInfo, 209 FilteringTeamsPostDeliveryAction, 210 MDCAssessments,
    211 MDCRegulatoryComplianceStandards, 212 MDCRegulatoryComplianceControls,
    213 MDCRegulatoryComplianceAssessments, 214 MDCSecurityConnectors, 215 MDADataSecuritySignal, 216 VivaGoals,
    217 Disputed217, 218 AttackSimAdmin, 219 MicrosoftGraphDataConnectConsent, 220 FilteringAtpDetonationInfo,
    221 PrivacyPortal, 222 ManagedTenants, 223 UnifiedSimulationMatchedItem, 224 UnifiedSimulationSummary,
    225 UpdateQuarantineMetadata, 226 MS365DSuppressionRule, 227 PurviewDataMapOperation,
    228 FilteringUrlPostClickAction, 229 IrmUserDefinedDetectionSignal, 230 TeamsUpdates,
    231 PlannerRosterSensitivityLabel, 232 MS365DIncident, 233 FilteringDelistingMetadata,
    234 ComplianceDLPSharePointClassificationExtended, 235 MicrosoftDefenderForIdentityAudit,
    236 SupervisoryReviewDayXInsight, 237 DefenderExpertsforXDRAdmin, 238 CDPEdgeBlockedMessage, 239 HostedRpa,
    240 CdpContentExplorerAggregateRecord, 241 CDPHygieneAttachmentInfo, 242 CDPHygieneSummary,
    243 CDPPostMailDeliveryAction, 244 CDPEmailFeatures, 245 CDPHygieneUrlInfo, 246 CDPUrlClick,
    247 CDPPackageManagerHygieneEvent, 248 FilteringDocScan, 249 TimeTravelFilteringDocScan, 250 MAPGOnboard,
    251 VfamCreatePolicy, 252 VfamUpdatePolicy, 253 VfamDeletePolicy, 254 M365DAAD, 255 CdpColdCrawlStatus,
    256 PowerPlatformAdministratorActivity, 257 Windows365CustomerLockbox, 258 CdpResourceScopeChangeEvent,
    259 ComplianceCCExchangeExecutionResult, 260 CdpOcrCostEstimatorRecord, 261 CopilotInteraction,
    262 CdpOcrBillingRecord, 263 ComplianceDLPApplications, 264 UAMOperation, 265 VivaLearning,
    266 VivaLearningAdmin, 267 PurviewPolicyOperation, 268 PurviewMetadataPolicyOperation, 269 PeopleAdminSettings,
    270 CdpComplianceDLPExchangeClassification, 271 CdpComplianceDLPSharePointClassification,
    272 FilteringBulkSenderInsightData, 273 FilteringBulkThresholdInsightData, 274 PrivacyOpenAccess, 275 OWAAuth,
    276 ComplianceDLPApplicationsClassification, 277 SharePointESignature, 278 Dynamics365BusinessCentral,
    279 MeshWorlds, 280 VivaPulseResponse, 281 VivaPulseOrganizer, 282 VivaPulseAdmin, 283 VivaPulseReport,
    284 AIAppInteraction, 285 ComplianceDLMExchange, 286 ComplianceDLMSharePoint,
    287 ProjectForTheWebAssignedToMeSettings, 288 CPSOperation, 289 ComplianceDLPExchangeDiscovery,
    290 PurviewMCRecommendation, 291 ComplianceDLPEndpointDiscovery, 292 InsiderRiskScopedUserInsights,
    293 MicrosoftTeamsRetentionLabelAction, 294 AadRiskDetection, 295 AuditSearch, 296 AuditRetentionPolicy,
    297 AuditConfig, 298 Microsoft365BackupBackupPolicy, 299 Microsoft365BackupRestoreTask,
    300 Microsoft365BackupRestoreItem, 301 Microsoft365BackupBackupItem, 302 URBACAssignment, 303 URBACRole,
    304 URBACEnableState, 305 IRMSecurityAlert, 306 PurviewInsiderRiskCases, 307 PurviewInsiderRiskAlerts,
    308 InsiderRiskScopedUsers, 309 CdpConsumptionResource, 310 CreateCopilotPlugin, 311 UpdateCopilotPlugin,
    312 DeleteCopilotPlugin, 313 EnableCopilotPlugin, 314 DisableCopilotPlugin, 315 CreateCopilotWorkspace,
    316 UpdateCopilotWorkspace, 317 DeleteCopilotWorkspace, 318 EnableCopilotWorkspace, 319 DisableCopilotWorkspace,
    320 CreateCopilotPromptBook, 321 UpdateCopilotPromptBook, 322 DeleteCopilotPromptBook,
    323 EnableCopilotPromptBook, 324 DisableCopilotPromptBook, 325 UpdateCopilotSettings, 326 P4AIAssessmentRecord,
    327 P4AIAssessmentLocationResultRecord, 328 ConnectedAIAppInteraction, 329 PrivaPrivacyConsentOperation,
    330 PrivaPrivacyAssessmentOperation, 331 DataCatalogAccessRequests, 332 ComplianceSettingsChange,
    333 DataSecurityInvestigation, 334 TeamCopilotInteraction, 335 IRMActivityAuditTrail,
    336 SharePointContentSecurityPolicy, 337 CloudUpdateProfileConfig, 338 CloudUpdateTenantConfig,
    339 CloudUpdateDeviceConfig, 340 DefenderPreviewFeatures, 341 DeviceDiscoverySettingsExclusion,
    342 DeviceDiscoverySettingsAuthenticatedScans, 343 CriticalAssetManagementClassification,
    344 DeviceDiscoverySettings, 345 USXWorkspaceOnboarding, 346 VivaGlintAdvancedConfiguration,
    347 VivaGlintPulseProgram, 348 VivaGlintPulseProgramRespondentRate, 349 VivaGlintQuestion, 350 VivaGlintRole,
    351 VivaGlintRubicon, 352 VivaGlintSupportAccess, 353 VivaGlintSystem, 354 VivaGlintUser, 355 VivaGlintUserGroup,
    356 VivaGlintFeedbackProgram, 357 FabricAudit, 358 TrainableClassifier, 359 WebContentFiltering,
    360 NoisyAlertPolicy, 361 OnDemandSharePointClassification, 362 AIInteractionsExport,
    363 Microsoft365CopilotScheduledPrompt, 364 PlacesDirectory, 365 Disputed365, 366 Disputed366,
    367 SentinelKQLOnLake, 368 Disputed368, 369 Disputed369, 370 CrossTenantAccessPolicy,
    371 OutlookCopilotAutomation, 372 VivaEngageNetworkAssociation, 373 AppAdminActivity,
    374 AppSettingsAdminActivity, 375 UniversalPrintPrintJob, 376 SentinelNotebookOnLake, 377 SentinelJob,
    378 SentinelGraph, 379 SentinelKQLOnLake379 as "SentinelKQLOnLake", 380 SentinelPackage,
    381 VivaAmplifyOutlookSensitivityLabel, 382 CopilotActions, 383 AIInteractionsSubscription,
    384 AIInteractionsChangeNotification, 385 FilteringMailMetadataExtended, 386 SentinelLakeOnboarding,
    387 SentinelLakeDataOnboarding, 388 OfficeRestrictedModeAction, 389 CopilotForSecurityTrigger,
    390 CopilotAgentManagement, 391 P4AIAssessmentFabricScannerRecord, 392 PlannerGoal, 393 PlannerGoalList,
    394 ThreatIntelligenceObject, 395 ThreatIntelligenceExport, 396 SubmissionAgenticGradingResult,
    397 AgentAdminActivity, 398 DeployFeatureActivity, 399 AgentSettingsAdminActivity, 400 OrganizationalDataInM365,
    401 PlannerChatMessage, 402 PlannerChatMessageList, 403 SentinelAITool, 404 M365ODSPAssetMetadata,
    405 AIExecuteTool, 406 AIInvokeAgent, 407 AIInferenceCall, 408 CdpClassifierHealthRecord,
    409 SensitiveInfoRemediationAgentData, 410 ComplianceDLPEnforcement, 411 A365AIExecuteTool,
    412 A365AIInvokeAgent, 413 A365AIInferenceCall, 414 VivaEngageSegment, 415 RTIOperationsAgent,
    416 ContentStoreMetadata, 417 CCRAIPolicyViolation, 418 PlannerPlanSensitivityLabel, 419 MosAgentInfoRecord,
    420 A365AIRunSummary, 421 UnifiedCatalogConceptAction, 422 Disputed422, 423 CopilotForSecurityLogging,
    424 VivaEngageEvents, 425 CallActivityEvent, 426 SonarDetonationContentMetadata, 427 UniversalPrintManagement,
    428 YammerUserHiding, 429 Microsoft365BackupGranularBrowseTask, 430 PurviewPostureAgent, 431 Disputed431,
    432 SCPUsageEvent, 433 SCPConfigurationEvent, 434 MDCConfigurationEvent, 435 MDCUsageEvent, 436 A365SpanOutputs,
    437 PowerPlatformTenantIsolation, 438 CDPDLMAIInteractionInsights, 439 P4AIAssessmentCategoryRecord,
    440 SentinelLakeEncryption, 441 AZFWNetworkRule, 442 AZFWDnsQuery, 443 AZFWApplicationRuleAggregation,
    444 TeamsEvalDataHubDataAccess, 445 TeamsEvalDataHubPermissionChange, 446 TeamsEvalDataHubAdminOperation,
    447 VivaGlintOrganizationalData, 448 AlertSubmission, 449 AlertSubmissionResultDetail,
    450 ComplianceSitGradingSharePoint, 451 CompliancePolicyGradingSharePoint, 452 AzureAISearchAudit,
    453 P4AIRiskScoreRecord, 454 DragonCopilotAdmin, 455 AISpanOutputs, 456 EopSubmissionFeedEntity,
    457 SonarFileDetonationEntity, 458 SonarSubmissionEntity, 459 SonarUrlDetonationEntity, 460 SubmissionEntity,
    461 SonarDetonationEntity, 462 MicrosoftTeamsUserConcern, 463 VivaGlintAgenticCampaign,
    464 MSPVectorSearchContentMetadata, 465 FabricPolicy, 466 SecurityCopilotAgentIdentityManagement,
    467 CopilotSessionSharing, 468 DragonCopilotAccess, 469 DragonCopilotClinicalData, 470 DragonCopilotSession,
    471 MosAgentInfoRecordV2, 472 SecurityDevelopmentLifecycleAILog, 473 MDASH,
    474 DefenderSecurityForAIConfiguration, 475 SparkCoreCustomLivePool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_id() {
        for known in RecordType::ALL {
            assert_eq!(RecordType::from_id(i64::from(*known as u16)), Some(*known));
        }
        for id in [0, 9_999, -1, 1 << 40] {
            assert_eq!(RecordType::from_id(id), None, "{id}");
        }
    }

    #[test]
    fn a_name_is_found_in_any_case() {
        assert_eq!(
            RecordType::from_name("exchangeadmin"),
            Some(RecordType::ExchangeAdmin)
        );
        assert_eq!(
            RecordType::from_name("SentinelKQLOnLake"),
            Some(RecordType::SentinelKQLOnLake)
        );
        assert_eq!(RecordType::from_name("Disputed79"), None);
        assert_eq!(RecordType::from_name(""), None);
    }

    #[test]
    fn a_disputed_type_is_known_but_has_no_name() {
        let disputed: Vec<u16> = RecordType::ALL
            .iter()
            .filter(|known| known.name().is_none())
            .map(|known| *known as u16)
            .collect();
        assert_eq!(disputed, [79, 187, 217, 365, 366, 368, 369, 422, 431]);
    }
}
