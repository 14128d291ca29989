//! `php -S`.

use crate::{Server, world};

#[test]
fn development_server() {
    let Some(world) = world() else { return };
    if portward_testkit::program("php").is_none() {
        return;
    }
    world.file("home/index.php", "<?php echo 'hello';\n");
    let running = world.enter().start(&["php", "-S", "localhost:8001"]);
    Server { world: &world, running, port: 8001, protocol: "http", named: "php" }.lives_and_ends();
}
