//! Deliberate bugs are in no program but the simulation: the feature that has them is turned on by the package `tests` alone, and
//! what is built of the functions or of `local` by itself does not have it.

use std::process::Command;

use serde_json::Value;
use tests::repo;

const FEATURE: &str = "teeth";

#[test]
fn only_the_tests_turn_teeth_on() {
    let metadata = repo::metadata().unwrap();
    assert_eq!(turned_on_by(&metadata), ["tests"]);
}

#[test]
fn a_feature_that_turns_teeth_on_is_reported() {
    let metadata = serde_json::json!({"packages": [
        {"name": "office365", "features": {"teeth": []}, "dependencies": []},
        {"name": "pipeline", "features": {"teeth": ["office365/teeth"], "default": ["teeth"]}, "dependencies": []},
        {"name": "local", "features": {"odd": ["pipeline/teeth"]}, "dependencies": []},
        {"name": "fetcher", "features": {}, "dependencies": [{"name": "pipeline", "features": ["teeth"]}]},
        {"name": "api", "features": {}, "dependencies": [{"name": "pipeline", "features": []}]},
    ]});
    assert_eq!(turned_on_by(&metadata), ["pipeline", "local", "fetcher"]);
}

/// The packages that name the feature, other than to define it.
fn turned_on_by(metadata: &Value) -> Vec<&str> {
    let names_it = |package: &&Value| {
        let features = package["features"].as_object().into_iter().flatten();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // A bug of the simulation may turn on those of what it is built on.
        let features = features.filter(|(name, _)| *name != FEATURE);
        let enabled = features.map(|(_, enabled)| enabled);
        let enabled = enabled.chain(dependencies.map(|of| &of["features"]));
        let mut enabled = enabled.flat_map(|of| of.as_array().into_iter().flatten());
        enabled.any(|of| of.as_str().unwrap().ends_with(FEATURE))
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    let packages = packages.filter(names_it);
    packages.map(|of| of["name"].as_str().unwrap()).collect()
}

#[test]
fn what_is_deployed_and_the_demo_have_no_teeth() {
    // Without --package cargo takes the default members: the functions, as `sam build` does.
    for packages in [&[][..], &["--package", "local"]] {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "features,normal,build"])
            .args(packages)
            .current_dir(repo::root())
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.contains("pipeline v"), "{tree} {}", output.status);
        let line = format!("feature \"{FEATURE}\"");
        assert!(!tree.contains(&line), "{packages:?} has {FEATURE}");
    }
}
