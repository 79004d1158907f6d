//! How versions of OCSF before 1.8.0 differ on the attributes that the mapping writes: see [`super::attribute`].
//!
//! Derived from the official schemas: `WRITE_TABLES=1 cargo test -p normalize table` writes it.

mod objects;

pub(super) use objects::{
        ACTOR, AI_MODEL, API, AUTH_FACTOR, CLOUD, DATA_SECURITY, DEVICE, EMAIL, EMAIL_AUTH, EVIDENCES, FILE,
        FINDING_INFO, GROUP, HTTP_REQUEST, MALWARE, MANAGED_ENTITY, MESSAGE_CONTEXT, METADATA, NETWORK_ENDPOINT,
        OBSERVABLE, POLICY, PRODUCT, RESOURCE_DETAILS, SERVICE, SESSION, USER, WEB_RESOURCE,
    };

use super::attribute::{Object, at, at_least_one};
use crate::version::OcsfVersion::{self, V1_2, V1_3, V1_4, V1_5, V1_6, V1_7, V1_8};

/// Profiles that came after 1.1.0.
pub(super) const PROFILES: &[(&str, OcsfVersion)] = &[("ai_operation", V1_8)];

/// The classes by their uid.
pub(super) const CLASSES: &[(i64, &Object)] = &[
    (0, &BASE_EVENT),
    (2004, &DETECTION_FINDING),
    (2006, &DATA_SECURITY_FINDING),
    (3001, &ACCOUNT_CHANGE),
    (3002, &AUTHENTICATION),
    (3004, &ENTITY_MANAGEMENT),
    (3005, &USER_ACCESS),
    (3006, &GROUP_MANAGEMENT),
    (4009, &EMAIL_ACTIVITY),
    (6001, &WEB_RESOURCES_ACTIVITY),
    (6002, &APPLICATION_LIFECYCLE),
    (6003, &API_ACTIVITY),
    (6006, &FILE_HOSTING),
];

/// Attributes of Data Security Finding that Detection Finding does not have.
pub(super) const NOT_IN_DETECTION_FINDING: &[&str] = &["data_security", "dst_endpoint", "file", "src_endpoint"];

/// Attributes of Email Activity that API Activity does not have.
pub(super) const NOT_IN_API_ACTIVITY: &[&str] = &["direction", "direction_id", "email", "email_auth", "from", "message_trace_uid", "to"];

pub(in crate::project) static BASE_EVENT: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("actor").since(V1_4).object(&ACTOR),
        at("api").object(&API), at("cloud").object(&CLOUD).required().needs("cloud"),
        at("device").since(V1_4).object(&DEVICE), at("disposition").since(V1_4), at("disposition_id").since(V1_4),
        at("is_alert").since(V1_4), at("malware").since(V1_4).object(&MALWARE),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policy").since(V1_4).object(&POLICY), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static DETECTION_FINDING: Object = Object {
    attributes: &[
        at("action_id").values(&[(3, V1_4), (4, V1_4)]).required_before(V1_4).needs("security_control"),
        at("actor").object(&ACTOR), at("api").object(&API), at("cloud").object(&CLOUD).required().needs("cloud"),
        at("device").object(&DEVICE).needs_before("host", V1_4), at("evidences").object(&EVIDENCES),
        at("finding_info").object(&FINDING_INFO).required(), at("is_alert").since(V1_4),
        at("malware").object(&MALWARE).needs_before("security_control", V1_5),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policy").since(V1_4).object(&POLICY), at("resources").object(&RESOURCE_DETAILS), at("src_url").since(V1_4),
        at("status_id").values(&[(5, V1_4), (6, V1_6)]), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static DATA_SECURITY_FINDING: Object = Object {
    attributes: &[
        at("action_id").values(&[(3, V1_4), (4, V1_4)]).required_before(V1_4).needs("security_control"),
        at("actor").object(&ACTOR).needs_before("host", V1_4), at("api").object(&API),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("data_security").object(&DATA_SECURITY),
        at("device").object(&DEVICE).needs_before("host", V1_4), at("dst_endpoint").object(&NETWORK_ENDPOINT),
        at("file").object(&FILE), at("finding_info").object(&FINDING_INFO).required(), at("is_alert").since(V1_4),
        at("malware").object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY),
        at("resources").object(&RESOURCE_DETAILS), at("src_endpoint").object(&NETWORK_ENDPOINT),
        at("src_url").since(V1_4), at("status_id").values(&[(5, V1_4), (6, V1_6)]), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static ACCOUNT_CHANGE: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("activity_id").values(&[(12, V1_4)]),
        at("actor").object(&ACTOR), at("api").object(&API), at("auth_factors").since(V1_7).object(&AUTH_FACTOR),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4), at("http_request").object(&HTTP_REQUEST),
        at("is_alert").since(V1_4), at("malware").since(V1_4).object(&MALWARE),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policies").since(V1_4).object(&POLICY), at("policy").object(&POLICY),
        at("src_endpoint").object(&NETWORK_ENDPOINT), at("unmapped").free(), at("user").object(&USER).required(),
    ],
    constraints: &[],
};

pub(in crate::project) static AUTHENTICATION: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("activity_id").values(&[(6, V1_2), (7, V1_6)]),
        at("actor").object(&ACTOR), at("api").object(&API), at("auth_factors").since(V1_2).object(&AUTH_FACTOR),
        at("auth_protocol_id").values(&[(11, V1_4), (12, V1_5)]), at("cloud").object(&CLOUD).required().needs("cloud"),
        at("device").object(&DEVICE), at("disposition").since(V1_4), at("disposition_id").since(V1_4),
        at("dst_endpoint").object(&NETWORK_ENDPOINT), at("http_request").object(&HTTP_REQUEST),
        at("is_alert").since(V1_4), at("logon_type_id").values(&[(1, V1_2)]),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY), at("service").object(&SERVICE),
        at("session").object(&SESSION), at("src_endpoint").object(&NETWORK_ENDPOINT), at("unmapped").free(),
        at("user").object(&USER).required(),
    ],
    constraints: &[at_least_one(&["dst_endpoint", "service"])],
};

pub(in crate::project) static ENTITY_MANAGEMENT: Object = Object {
    attributes: &[
        at("access_list").since(V1_3), at("action").since(V1_4), at("action_id").since(V1_4),
        at("activity_id").values(&[(5, V1_3), (6, V1_3), (7, V1_3), (8, V1_3), (9, V1_3), (10, V1_3), (11, V1_3), (12, V1_3), (13, V1_3)]),
        at("actor").object(&ACTOR).needs_before("host", V1_4), at("api").object(&API),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4),
        at("entity").object(&MANAGED_ENTITY).required(), at("entity_result").object(&MANAGED_ENTITY),
        at("http_request").since(V1_2).object(&HTTP_REQUEST), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY),
        at("src_endpoint").since(V1_2).object(&NETWORK_ENDPOINT), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static USER_ACCESS: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("actor").object(&ACTOR).needs_before("host", V1_4),
        at("api").object(&API), at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4),
        at("http_request").since(V1_2).object(&HTTP_REQUEST), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY),
        at("resource").object(&RESOURCE_DETAILS), at("resources").since(V1_5).object(&RESOURCE_DETAILS),
        at("src_endpoint").since(V1_2).object(&NETWORK_ENDPOINT), at("unmapped").free(),
        at("user").object(&USER).required(),
    ],
    constraints: &[],
};

pub(in crate::project) static GROUP_MANAGEMENT: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("activity_id").values(&[(7, V1_6), (8, V1_6)]),
        at("actor").object(&ACTOR).needs_before("host", V1_4), at("api").object(&API),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4), at("group").object(&GROUP).required(),
        at("http_request").since(V1_2).object(&HTTP_REQUEST), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY), at("privileges"),
        at("resource").object(&RESOURCE_DETAILS), at("src_endpoint").since(V1_2).object(&NETWORK_ENDPOINT),
        at("subgroup").since(V1_6).object(&GROUP), at("unmapped").free(), at("user").object(&USER),
    ],
    constraints: &[at_least_one(&["privileges", "user"]).before(V1_4)],
};

pub(in crate::project) static EMAIL_ACTIVITY: Object = Object {
    attributes: &[
        at("action_id").values(&[(3, V1_4), (4, V1_4)]).required_before(V1_4).needs("security_control"),
        at("activity_id").values(&[(4, V1_4), (5, V1_6)]), at("actor").object(&ACTOR), at("api").object(&API),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("direction_id").values(&[(4, V1_7)]), at("dst_endpoint").object(&NETWORK_ENDPOINT),
        at("email").object(&EMAIL).required(), at("email_auth").object(&EMAIL_AUTH), at("from").since(V1_6).email(),
        at("is_alert").since(V1_4), at("malware").object(&MALWARE), at("message_trace_uid").since(V1_4),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policy").since(V1_4).object(&POLICY), at("src_endpoint").object(&NETWORK_ENDPOINT),
        at("to").since(V1_6).email(), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static WEB_RESOURCES_ACTIVITY: Object = Object {
    attributes: &[
        at("action_id").values(&[(3, V1_4), (4, V1_4)]).required_before(V1_4).needs("security_control"),
        at("actor").object(&ACTOR), at("api").object(&API), at("cloud").object(&CLOUD).required().needs("cloud"),
        at("device").object(&DEVICE), at("dst_endpoint").object(&NETWORK_ENDPOINT),
        at("http_request").object(&HTTP_REQUEST), at("is_alert").since(V1_4), at("malware").object(&MALWARE),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policy").since(V1_4).object(&POLICY), at("src_endpoint").object(&NETWORK_ENDPOINT), at("unmapped").free(),
        at("web_resources").object(&WEB_RESOURCE).required(),
    ],
    constraints: &[],
};

pub(in crate::project) static APPLICATION_LIFECYCLE: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4),
        at("activity_id").values(&[(5, V1_3), (6, V1_3), (7, V1_3), (8, V1_3)]), at("actor").object(&ACTOR),
        at("api").object(&API), at("app").object(&PRODUCT).required(),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static API_ACTIVITY: Object = Object {
    attributes: &[
        at("action").since(V1_4), at("action_id").since(V1_4), at("actor").object(&ACTOR).required(),
        at("ai_model").since(V1_8).object(&AI_MODEL), at("api").object(&API).required(),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").since(V1_4).object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4), at("dst_endpoint").object(&NETWORK_ENDPOINT),
        at("http_request").object(&HTTP_REQUEST), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("message_context").since(V1_8).object(&MESSAGE_CONTEXT),
        at("metadata").object(&METADATA).required(), at("observables").object(&OBSERVABLE),
        at("policy").since(V1_4).object(&POLICY), at("resources").object(&RESOURCE_DETAILS),
        at("src_endpoint").object(&NETWORK_ENDPOINT).required(), at("unmapped").free(),
    ],
    constraints: &[],
};

pub(in crate::project) static FILE_HOSTING: Object = Object {
    attributes: &[
        at("access_list").since(V1_4), at("action").since(V1_4), at("action_id").since(V1_4),
        at("activity_id").values(&[(17, V1_4)]), at("actor").object(&ACTOR).required(), at("api").object(&API),
        at("cloud").object(&CLOUD).required().needs("cloud"), at("device").since(V1_4).object(&DEVICE),
        at("disposition").since(V1_4), at("disposition_id").since(V1_4), at("dst_endpoint").object(&NETWORK_ENDPOINT),
        at("file").object(&FILE).required(), at("file_result").since(V1_3).object(&FILE),
        at("http_request").since(V1_6).object(&HTTP_REQUEST), at("is_alert").since(V1_4),
        at("malware").since(V1_4).object(&MALWARE), at("metadata").object(&METADATA).required(),
        at("observables").object(&OBSERVABLE), at("policy").since(V1_4).object(&POLICY), at("share").since(V1_4),
        at("src_endpoint").object(&NETWORK_ENDPOINT).required(), at("unmapped").free(),
    ],
    constraints: &[],
};
