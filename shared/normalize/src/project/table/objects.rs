//! The object types used in the classes, derived from the official schemas like the classes.

use crate::version::OcsfVersion::{V1_2, V1_3, V1_4, V1_5, V1_6, V1_7, V1_8};
use crate::project::attribute::{Object, at, at_least_one, just_one};

pub(in crate::project) static ACCOUNT: Object = Object {
    attributes: &[
        at("name"), at("tags").since(V1_4).object(&KEY_VALUE_OBJECT),
        at("type_id").values(&[(11, V1_4), (12, V1_4), (13, V1_4), (14, V1_4), (15, V1_4), (16, V1_4), (17, V1_4), (18, V1_4), (19, V1_8)]),
        at("uid"),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static ACTOR: Object = Object {
    attributes: &[
        at("app_name").since(V1_2), at("app_uid").since(V1_2), at("invoked_by"), at("process").object(&PROCESS),
        at("session").object(&SESSION), at("user").object(&USER),
    ],
    constraints: &[
        at_least_one(&["invoked_by", "process", "session", "user"]).before(V1_2),
        at_least_one(&["app_name", "app_uid", "invoked_by", "process", "session", "user"]).since(V1_2),
    ],
};

pub(in crate::project) static AI_MODEL: Object = Object {
    attributes: &[at("name"), at("uid")],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static ANALYTIC: Object = Object {
    attributes: &[
        at("algorithm").since(V1_5), at("name"), at("related_analytics").object(&ANALYTIC), at("state").since(V1_6),
        at("type_id").values(&[(5, V1_2), (6, V1_2), (7, V1_2), (8, V1_2), (9, V1_2), (10, V1_2), (11, V1_2)]),
        at("uid"),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static API: Object = Object {
    attributes: &[
        at("group").object(&GROUP), at("request").object(&REQUEST), at("service").object(&SERVICE),
        at("token").since(V1_8).object(&TOKEN),
    ],
    constraints: &[],
};

pub(in crate::project) static APPLICATION: Object = Object {
    attributes: &[
        at("data").free(), at("group").object(&GROUP), at("hostname").host(), at("name"), at("owner").object(&USER),
        at("tags").object(&KEY_VALUE_OBJECT), at("uid"), at("url").object(&URL),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static AUTH_FACTOR: Object = Object {
    attributes: &[at("device").object(&DEVICE), at("email_addr").email()],
    constraints: &[just_one(&["email_addr"]).before(V1_5)],
};

pub(in crate::project) static CLOUD: Object = Object {
    attributes: &[at("account").object(&ACCOUNT), at("org").object(&ORGANIZATION)],
    constraints: &[],
};

pub(in crate::project) static DATA_SECURITY: Object = Object {
    attributes: &[
        at("data_lifecycle_state_id").values(&[(99, V1_3)]), at("detection_system_id"),
        at("discovery_details").since(V1_4).object(&DISCOVERY_DETAILS), at("policy").object(&POLICY),
        at("size").since(V1_4), at("src_url").since(V1_4), at("status").since(V1_4), at("status_id").since(V1_4),
        at("uid").since(V1_4),
    ],
    constraints: &[at_least_one(&["data_lifecycle_state_id", "detection_system_id", "policy"])],
};

pub(in crate::project) static DEVICE: Object = Object {
    attributes: &[
        at("hostname").host(), at("ip"), at("name"), at("org").object(&ORGANIZATION), at("os").object(&OS),
        at("owner").since(V1_2).object(&USER), at("type_id").values(&[(12, V1_3), (13, V1_3), (14, V1_3), (15, V1_3)]),
        at("uid"), at("vendor_name").since(V1_4),
    ],
    constraints: &[at_least_one(&["hostname", "ip", "name", "uid"])],
};

pub(in crate::project) static DISCOVERY_DETAILS: Object = Object {
    attributes: &[],
    constraints: &[],
};

pub(in crate::project) static DNS_QUERY: Object = Object {
    attributes: &[at("hostname").host().required()],
    constraints: &[],
};

pub(in crate::project) static EMAIL: Object = Object {
    attributes: &[
        at("cc").email(), at("files").since(V1_4).object(&FILE), at("from").email().required_before(V1_4),
        at("return_path").since(V1_6).email(), at("sender").since(V1_6).email(), at("to").email().required_before(V1_4),
    ],
    constraints: &[at_least_one(&["from", "to"]).since(V1_4)],
};

pub(in crate::project) static EMAIL_AUTH: Object = Object {
    attributes: &[],
    constraints: &[],
};

pub(in crate::project) static EVIDENCES: Object = Object {
    attributes: &[
        at("actor").object(&ACTOR), at("api").object(&API), at("data").free(), at("device").since(V1_3).object(&DEVICE),
        at("dst_endpoint").object(&NETWORK_ENDPOINT), at("email").since(V1_3).object(&EMAIL), at("file").object(&FILE),
        at("http_request").since(V1_4).object(&HTTP_REQUEST), at("name").since(V1_5), at("process").object(&PROCESS),
        at("query").object(&DNS_QUERY), at("resources").since(V1_5).object(&RESOURCE_DETAILS),
        at("src_endpoint").object(&NETWORK_ENDPOINT), at("uid").since(V1_5), at("url").since(V1_3).object(&URL),
        at("user").since(V1_3).object(&USER),
    ],
    constraints: &[
        at_least_one(&["actor", "api", "data", "dst_endpoint", "file", "process", "query", "src_endpoint"]).before(V1_3),
        at_least_one(&["actor", "api", "data", "device", "dst_endpoint", "email", "file", "process", "query", "src_endpoint", "url", "user"]).since(V1_3),
    ],
};

pub(in crate::project) static EXTENSION: Object = Object {
    attributes: &[at("name").required_before(V1_7), at("uid").required_before(V1_7)],
    constraints: &[at_least_one(&["name", "uid"]).since(V1_7)],
};

pub(in crate::project) static FEATURE: Object = Object {
    attributes: &[at("name"), at("uid")],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static FILE: Object = Object {
    attributes: &[
        at("ext").since(V1_3), at("hashes").object(&FINGERPRINT), at("is_public").since(V1_4),
        at("modifier").object(&USER), at("owner").object(&USER), at("product").object(&PRODUCT),
        at("tags").since(V1_4).object(&KEY_VALUE_OBJECT), at("type_id").values(&[(8, V1_6)]),
        at("url").since(V1_4).object(&URL), at("volume").since(V1_5),
    ],
    constraints: &[],
};

pub(in crate::project) static FINDING_INFO: Object = Object {
    attributes: &[
        at("analytic").object(&ANALYTIC), at("product").since(V1_4).object(&PRODUCT),
        at("related_analytics").object(&ANALYTIC), at("tags").since(V1_4).object(&KEY_VALUE_OBJECT),
        at("title").required_before(V1_4), at("uid_alt").since(V1_4),
    ],
    constraints: &[],
};

pub(in crate::project) static FINGERPRINT: Object = Object {
    attributes: &[
        at("algorithm_id").values(&[(8, V1_6), (9, V1_6), (10, V1_6), (11, V1_6), (12, V1_6), (13, V1_6), (14, V1_6), (15, V1_6), (16, V1_6), (17, V1_6), (18, V1_8), (19, V1_8), (20, V1_8)]),
        at("value").hash().required(),
    ],
    constraints: &[],
};

pub(in crate::project) static GROUP: Object = Object {
    attributes: &[at("name"), at("uid"), at("uid_alt").since(V1_8)],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static HTTP_REQUEST: Object = Object {
    attributes: &[at("url").object(&URL)],
    constraints: &[],
};

pub(in crate::project) static KEY_VALUE_OBJECT: Object = Object {
    attributes: &[at("value"), at("values")],
    constraints: &[at_least_one(&["value", "values"])],
};

pub(in crate::project) static MALWARE: Object = Object {
    attributes: &[
        at("files").since(V1_5).object(&FILE), at("name"), at("severity").since(V1_5), at("severity_id").since(V1_5),
        at("uid"),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static MANAGED_ENTITY: Object = Object {
    attributes: &[
        at("data").free(), at("device").since(V1_3).object(&DEVICE), at("email").since(V1_3).object(&EMAIL),
        at("group").since(V1_3).object(&GROUP), at("name"), at("org").since(V1_3).object(&ORGANIZATION),
        at("policy").since(V1_3).object(&POLICY), at("type_id").since(V1_3).values(&[(7, V1_5)]), at("uid"),
        at("user").since(V1_3).object(&USER),
    ],
    constraints: &[
        at_least_one(&["name", "uid"]).before(V1_3),
        at_least_one(&["device", "group", "name", "org", "policy", "uid", "user"]).since(V1_3),
    ],
};

pub(in crate::project) static MESSAGE_CONTEXT: Object = Object {
    attributes: &[at("application").object(&APPLICATION), at("service").object(&SERVICE)],
    constraints: &[at_least_one(&["application", "service"])],
};

pub(in crate::project) static METADATA: Object = Object {
    attributes: &[
        at("extension").object(&EXTENSION), at("log_source").since(V1_7), at("original_event_uid").since(V1_7),
        at("product").object(&PRODUCT).required(), at("source").since(V1_7),
        at("tags").since(V1_4).object(&KEY_VALUE_OBJECT), at("type").since(V1_7),
    ],
    constraints: &[],
};

pub(in crate::project) static NETWORK_ENDPOINT: Object = Object {
    attributes: &[
        at("domain"), at("hostname").host(), at("ip"), at("name"), at("os").object(&OS),
        at("owner").since(V1_2).object(&USER), at("svc_name"),
        at("type_id").values(&[(12, V1_3), (13, V1_3), (14, V1_3), (15, V1_3)]), at("uid"),
    ],
    constraints: &[
        at_least_one(&["hostname", "ip", "name", "svc_name", "uid"]).before(V1_4),
        at_least_one(&["domain", "hostname", "ip", "name", "svc_name", "uid"]).since(V1_4),
    ],
};

pub(in crate::project) static OBSERVABLE: Object = Object {
    attributes: &[
        at("name").required_before(V1_4),
        at("type_id").values(&[(11, V1_2), (12, V1_2), (13, V1_2), (14, V1_2), (15, V1_2), (16, V1_2), (17, V1_2), (18, V1_2), (19, V1_3), (31, V1_4), (32, V1_4), (33, V1_4), (34, V1_4), (35, V1_4), (36, V1_4), (37, V1_4), (38, V1_4), (39, V1_5), (40, V1_5), (41, V1_5), (42, V1_5), (43, V1_5), (44, V1_5), (45, V1_5), (46, V1_5), (47, V1_6), (48, V1_7)]),
        at("type_uid").since(V1_7),
    ],
    constraints: &[],
};

pub(in crate::project) static ORGANIZATION: Object = Object {
    attributes: &[at("name"), at("uid")],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static OS: Object = Object {
    attributes: &[],
    constraints: &[],
};

pub(in crate::project) static POLICY: Object = Object {
    attributes: &[
        at("data").since(V1_5).free(), at("group").object(&GROUP), at("name"), at("type").since(V1_6), at("uid"),
    ],
    constraints: &[at_least_one(&["name", "uid"]).before(V1_6), at_least_one(&["name", "type", "uid"]).since(V1_6)],
};

pub(in crate::project) static PROCESS: Object = Object {
    attributes: &[
        at("file").object(&FILE), at("group").object(&GROUP), at("path").since(V1_4), at("session").object(&SESSION),
        at("uid"), at("user").object(&USER),
    ],
    constraints: &[at_least_one(&["uid"])],
};

pub(in crate::project) static PRODUCT: Object = Object {
    attributes: &[at("feature").object(&FEATURE), at("name"), at("uid"), at("vendor_name").required_before(V1_4)],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static REQUEST: Object = Object {
    attributes: &[at("data").free()],
    constraints: &[],
};

pub(in crate::project) static RESOURCE_DETAILS: Object = Object {
    attributes: &[
        at("created_time").since(V1_5), at("data").free(), at("group").object(&GROUP),
        at("hostname").since(V1_4).host(), at("ip").since(V1_4), at("modified_time").since(V1_5), at("name"),
        at("owner").object(&USER), at("provider").since(V1_8), at("role").since(V1_6), at("role_id").since(V1_6),
        at("tags").since(V1_4).object(&KEY_VALUE_OBJECT), at("uid"), at("uid_alt").since(V1_5),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static SERVICE: Object = Object {
    attributes: &[at("name"), at("tags").since(V1_4).object(&KEY_VALUE_OBJECT), at("uid")],
    constraints: &[at_least_one(&["name", "uid"])],
};

pub(in crate::project) static SESSION: Object = Object {
    attributes: &[],
    constraints: &[],
};

pub(in crate::project) static TOKEN: Object = Object {
    attributes: &[],
    constraints: &[],
};

pub(in crate::project) static URL: Object = Object {
    attributes: &[at("domain").since(V1_3), at("hostname").host(), at("path"), at("url_string")],
    constraints: &[at_least_one(&["path", "url_string"])],
};

pub(in crate::project) static USER: Object = Object {
    attributes: &[
        at("account").object(&ACCOUNT), at("email_addr").email(), at("name"), at("org").object(&ORGANIZATION),
        at("type_id").values(&[(4, V1_6)]), at("uid"),
    ],
    constraints: &[at_least_one(&["account", "name", "uid"])],
};

pub(in crate::project) static WEB_RESOURCE: Object = Object {
    attributes: &[
        at("created_time").since(V1_5), at("data").free(), at("modified_time").since(V1_5), at("name"),
        at("tags").since(V1_4).object(&KEY_VALUE_OBJECT), at("uid"), at("uid_alt").since(V1_5),
    ],
    constraints: &[at_least_one(&["name", "uid"])],
};
