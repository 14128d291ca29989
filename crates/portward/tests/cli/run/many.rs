//! Sessions on a machine that is busy, as where very many begin at once.

use super::Stage;

/// A supervisor that has begun just now and is slow to answer: it stands in the folder of runtime sockets under its own name.
const SLOW: &str = "import json, os, socket, sys, time\n\
    pid = os.getpid(); ticks = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])\n\
    space = os.stat('/proc/self/ns/pid').st_ino; s = socket.socket(socket.AF_UNIX)\n\
    s.bind(f'{sys.argv[1]}/{pid}.{ticks}.{space}'); s.listen(16); print('READY', flush=True)\n\
    own = {'pid': pid, 'started_ticks': ticks}; service = {'process': own, 'name': 'slow', 'ended': False}\n\
    record = {'supervisor': own, 'identity': None, 'block': None, 'rules': None, 'started_at': int(time.time() * 1000), \\\n\
    \x20   'services': [service], 'listeners': []}\n\
    while True:\n\
    \x20   c, _ = s.accept(); time.sleep(0.7)\n\
    \x20   try: c.recv(4096); c.sendall(json.dumps({'portward': 1, 'answer': record}).encode() + b'\\n')\n\
    \x20   except OSError: pass\n\
    \x20   c.close()";

#[test]
fn a_session_that_has_just_begun_and_is_slow_is_waited_for_by_who_lists() {
    let Some(stage) = Stage::new() else { return };
    // What runs makes the folder.
    let _server = stage.server(&stage.one, &[], "fast", &["tcp", "127.0.0.1", "3000"]);
    let folder = stage.world.path().join("run/portward");
    let slow = stage.world.enter().start(&["python3", "-S", "-c", SLOW, folder.to_str().unwrap()]);
    assert_eq!(slow.line(), "READY", "{}", slow.stderr());
    let document = stage.world.portward(&["ps", "--json"]).expect(0).json();
    let sessions = document["sessions"].as_array().unwrap();
    let mut services = sessions.iter().flat_map(|session| session["services"].as_array().unwrap());
    assert!(services.any(|service| service["name"] == "slow"), "{document}");
}
