//! `portward down` where nothing is up; `up.rs` has the rest.

use crate::run::Stage;

#[test]
fn where_nothing_is_up_nothing_is_done() {
    let Some(stage) = Stage::new() else { return };
    let said = stage.portward(&stage.one, &["down"]).expect(0);
    assert!(said.stderr.contains("No service of this project is up."), "{said}");
    let said = stage.portward(&stage.one, &["down", "web"]).expect(1);
    assert!(said.stderr.contains("No service that is up is called web."), "{said}");
    let document = stage.portward(&stage.one, &["down", "--json"]).expect(0).json();
    assert_eq!(document["down"], true, "{document:#}");
}
