//! Web servers on port 80, without a right to it, in a private localhost.

use crate::session::{BOTH, Served, Twins, V4, http, words};

const WEB: Served<'_> = Served { port: 80, at: BOTH, client: &http };

#[test]
fn php() {
    let Some(twins) = Twins::of(&["php", "curl"]) else { return };
    twins.file("index.php", "<?php echo 'hello from @NAME@';\n");
    twins.start(&["php", "-S", "0.0.0.0:8000"]);
    twins.live_and_end(Served { port: 8000, at: V4, client: &http });
}

#[test]
fn nginx_with_workers_and_reload() {
    let Some(twins) = Twins::of(&["nginx", "curl"]) else { return };
    twins.file("nginx.conf", NGINX);
    let nginx = ["nginx", "-e", "stderr", "-c", "@ROOT@/nginx.conf"];
    twins.start(&nginx);
    twins.prove(WEB);
    has_workers(&twins, "nginx: worker");
    twins.unseen_from_outside();
    twins.file("nginx.conf", &NGINX.replace("hello from", "reloaded in"));
    twins.each(|project| {
        let reload = nginx.iter().chain(&["-s", "reload"]).map(|word| project.fill(word)).collect::<Vec<_>>();
        let _ = twins.inside(project, &reload).expect(0);
    });
    twins.come_to_say(WEB, "reloaded in");
    twins.unseen_from_outside();
    twins.end(WEB);
}

#[test]
fn apache_with_workers_and_graceful_reload() {
    let Some(twins) = Twins::of(&["apache2", "curl"]) else { return };
    twins.file("apache.conf", APACHE);
    twins.file("www/index.html", "hello from @NAME@\n");
    let apache = ["apache2", "-f", "@ROOT@/apache.conf"];
    twins.start(&[&apache[..], &["-D", "FOREGROUND"]].concat());
    twins.prove(WEB);
    has_workers(&twins, "apache2");
    twins.unseen_from_outside();
    // The text comes from another folder after the reload.
    twins.file("other/index.html", "reloaded in @NAME@\n");
    twins.file("apache.conf", &APACHE.replace("/www", "/other"));
    twins.each(|project| {
        let reload = apache.iter().chain(&["-k", "graceful"]).map(|word| project.fill(word)).collect::<Vec<_>>();
        let _ = twins.inside(project, &reload).expect(0);
    });
    twins.come_to_say(WEB, "reloaded in");
    twins.unseen_from_outside();
    twins.end(WEB);
}

#[test]
fn caddy() {
    let Some(twins) = Twins::of(&["caddy", "curl"]) else { return };
    twins.file("Caddyfile", ":80 {\n respond \"hello from @NAME@\"\n}\n");
    twins.start(&["caddy", "run", "--config", "@ROOT@/Caddyfile", "--adapter", "caddyfile"]);
    twins.prove(WEB);
    // Its door for administrators is a listener like any other: the two do not meet, and a reload finds its own.
    twins.file("Caddyfile", ":80 {\n respond \"reloaded in @NAME@\"\n}\n");
    twins.each(|project| {
        let reload = words(&["caddy", "reload", "--adapter", "caddyfile", "--config"]).into_iter();
        let _ =
            twins.inside(project, &reload.chain([project.path("Caddyfile").display().to_string()]).collect::<Vec<_>>()).expect(0);
    });
    twins.come_to_say(WEB, "reloaded in");
    twins.unseen_from_outside();
    twins.end(WEB);
}

/// Sees a master and at least two workers hold the listeners.
#[track_caller]
fn has_workers(twins: &Twins, name: &str) {
    twins.each(|project| project.until(&format!("two workers of {name}"), || (twins.holders(project, 80) >= 3).then_some(())));
}

/// Two workers, both families, and nothing outside of the project's folder.
const NGINX: &str = "
worker_processes 2;
daemon off;
pid @ROOT@/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path @ROOT@/body;
  proxy_temp_path @ROOT@/proxy;
  fastcgi_temp_path @ROOT@/fastcgi;
  uwsgi_temp_path @ROOT@/uwsgi;
  scgi_temp_path @ROOT@/scgi;
  server { listen 80; listen [::]:80; location / { return 200 'hello from @NAME@'; } }
}
";

/// Two processes of workers from the start.
const APACHE: &str = "
ServerRoot /usr/lib/apache2
ServerName localhost
Listen 80
PidFile @ROOT@/apache.pid
ErrorLog @ROOT@/error.log
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule dir_module modules/mod_dir.so
StartServers 2
ThreadsPerChild 5
MaxRequestWorkers 20
MinSpareThreads 5
MaxSpareThreads 20
DirectoryIndex index.html
DocumentRoot @ROOT@/www
";
