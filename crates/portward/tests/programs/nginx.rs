//! nginx: a master and two workers that share their listeners.

use portward_testkit::World;

use crate::{Server, all_owners, world};

fn configuration(world: &World) -> String {
    let tmp = world.path().join("tmp");
    let tmp = tmp.display();
    let text = format!(
        "worker_processes 2;\ndaemon off;\npid {tmp}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n access_log off;\n client_body_temp_path {tmp}/body;\n proxy_temp_path {tmp}/proxy;\n fastcgi_temp_path {tmp}/fastcgi;\n uwsgi_temp_path {tmp}/uwsgi;\n scgi_temp_path {tmp}/scgi;\n server {{ listen 8080; listen [::]:8080; location / {{ return 200 'hello'; }} }}\n}}\n"
    );
    world.file("home/nginx.conf", text).display().to_string()
}

#[test]
fn master_and_workers() {
    let Some(world) = world() else { return };
    if portward_testkit::program("nginx").is_none() {
        return;
    }
    let configuration = configuration(&world);
    let running = world.enter().stranger().start(&["nginx", "-e", "stderr", "-c", &configuration]);
    let _ = world.portward(&["wait", "8080", "--ready", "http", "--timeout", "120s"]).expect(0);
    let reading = portward_testkit::until("two workers", || {
        let reading = world.portward(&["list", "--json", "8080"]).expect(0).reading();
        (all_owners(&reading).len() == 3).then_some(reading)
    });
    assert_eq!(reading.sockets().len(), 2);
    for socket in reading.sockets() {
        assert_eq!(reading.owners_of(socket).len(), 3, "{socket:#}");
        let via: Vec<&str> = socket["owners"].as_array().unwrap().iter().map(|owner| owner["via"].as_str().unwrap()).collect();
        assert_eq!(via.iter().filter(|via| **via == "opened").count(), 1, "the master opened it: {socket:#}");
        assert_eq!(via.iter().filter(|via| **via == "inherited").count(), 2, "{socket:#}");
    }
    let outcome = world.portward(&["list"]).expect(0);
    assert_eq!(outcome.stdout.lines().filter(|line| line.contains("nginx")).count(), 1, "one row for all: {outcome}");
    Server { world: &world, running, port: 8080, protocol: "http", named: "nginx" }.lives_and_ends();
}
