use super::{Declared, Said, Stack, StackFlaw, Variables, overlay, protocol_of_image};

fn read(files: &[(&str, &str)], named: &[&str], set: &[(&str, &str)]) -> Result<Stack, StackFlaw> {
    let mut variables = Variables::default();
    for (name, value) in set {
        variables.add(name, value);
    }
    let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
    let open = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    Stack::read(&named, &open, &variables)
}

fn tcp(asked: u16) -> Declared {
    Declared { asked, is_udp: false, forced: true }
}

/// A service's ports, as `ASKED:TARGET/PROTOCOL`.
fn ports(stack: &Stack, name: &str) -> Vec<String> {
    let all = stack.service(name).unwrap_or_else(|| panic!("{name}: {stack:?}")).ports.iter();
    all.map(|port| format!("{}:{}/{}", port.asked.map(|port| port.to_string()).unwrap_or_default(), port.target, port.protocol))
        .collect()
}

const FORMS: &str = r#"
services:
  web:
    image: nginx:1.27
    ports:
      - "3000:80"
      - 3001:81
      - "${WEB:-3002}:82"
      - "127.0.0.1:3003:83"
      - "[::1]:3004:84"
      - "3010-3012:90-92"
      - "3020-3022:95"
      - "99"
      - "53:53/udp"
      - "3030:30/sctp"
      - target: 86
        published: "3005"
        host_ip: 0.0.0.0
        protocol: tcp
        mode: host
      - target: 87
"#;

#[test]
fn every_form_of_a_port() {
    let stack = read(&[("compose.yaml", FORMS)], &["compose.yaml"], &[]).unwrap();
    let all = [
        "3000:80/tcp",
        "3001:81/tcp",
        "3002:82/tcp",
        "3003:83/tcp",
        "3004:84/tcp",
        "3010:90/tcp",
        "3011:91/tcp",
        "3012:92/tcp",
        "3020:95/tcp",
        ":99/tcp",
        "53:53/udp",
        "3030:30/sctp",
        "3005:86/tcp",
        ":87/tcp",
    ];
    assert_eq!(ports(&stack, "web"), all);
    let stack = read(&[("compose.yaml", FORMS)], &["compose.yaml"], &[("WEB", "4000")]).unwrap();
    assert_eq!(ports(&stack, "web")[2], "4000:82/tcp");
}

#[test]
fn every_form_of_a_port_is_laid_over_at_the_loopback() {
    let stack = read(&[("compose.yaml", FORMS)], &["compose.yaml"], &[]).unwrap();
    let over = overlay(&stack, "shop", &|asked| Some(20_000 + asked), &|_| vec![tcp(87), tcp(5432)]);
    let line = over.text.lines().find(|line| line.contains("ports:")).unwrap();
    let expected = "    ports: !override [\"127.0.0.1:23000:80/tcp\", \"127.0.0.1:23001:81/tcp\", \"127.0.0.1:23002:82/tcp\", \
        \"127.0.0.1:23003:83/tcp\", \"127.0.0.1:23004:84/tcp\", \"127.0.0.1:23010:90/tcp\", \"127.0.0.1:23011:91/tcp\", \
        \"127.0.0.1:23012:92/tcp\", \"127.0.0.1:23020:95/tcp\", \"127.0.0.1::99/tcp\", \"127.0.0.1:20053:53/udp\", \
        \"127.0.0.1:23030:30/sctp\", \"127.0.0.1:23005:86/tcp\", \"127.0.0.1:20087:87/tcp\", \"127.0.0.1:25432:5432/tcp\"]";
    assert_eq!(line, expected);
    assert!(over.text.contains("restart: \"no\""), "{}", over.text);
    assert_eq!(over.places[0].1.len(), 15);
}

#[test]
fn what_compose_prints_is_read_the_same() {
    let printed = r#"{"name":"x","services":{"db":{"image":"postgres:16","networks":{"default":null},"ports":[
        {"mode":"ingress","target":5432,"published":"5432","protocol":"tcp"},{"mode":"ingress","target":88,"published":"8000-8003","protocol":"tcp"},
        {"mode":"ingress","target":99,"protocol":"tcp"}]}},"volumes":{"data":{"name":"x_data"},"all":{"name":"all"},"out":{"name":"out","external":true}}}"#;
    let stack = Stack::configured(printed).unwrap();
    assert_eq!(ports(&stack, "db"), ["5432:5432/tcp", "8000:88/tcp", ":99/tcp"]);
    let over = overlay(&stack, "x", &|asked| Some(asked + 1), &|_| Vec::new());
    assert!(over.text.ends_with("volumes:\n  \"all\": {name: \"x_all\"}\n"), "{}", over.text);
    assert!(Stack::configured("no configuration file provided: not found").is_err());
}

#[test]
fn names_that_two_stacks_would_share_are_taken_away() {
    let text = "services:\n  db:\n    image: x\n    container_name: shop-db\n    networks: [back, front]\n  at:\n    image: x\n    \
                network_mode: host\n    container_name: $$one\n    ports: ['80:80']\nnetworks:\n  back: {name: shopnet}\n  front: {}\n";
    let stack = read(&[("c.yaml", text)], &["c.yaml"], &[]).unwrap();
    let over = overlay(&stack, "s1", &|_| Some(1), &|_| vec![tcp(5)]);
    let expected = "  \"db\":\n    restart: \"no\"\n    ports: !override [\"127.0.0.1:1:5/tcp\"]\n    container_name: !reset null\n    \
        networks: {\"back\": {aliases: [\"shop-db\"]}, \"front\": {aliases: [\"shop-db\"]}}\n  \
        \"at\":\n    restart: \"no\"\n    container_name: !reset null\nnetworks:\n  \"back\": {name: \"s1_back\"}\n";
    assert!(over.text.ends_with(expected), "{}", over.text);
    assert_eq!(over.places[1].1, [], "what stands in the machine's own network has no port to move");
}

#[test]
fn files_are_laid_over_each_other_and_bring_others() {
    let files = [
        (
            "compose.yaml",
            "include:\n  - infra/db.yml\n  - path: [infra/cache.yml]\nservices:\n  web:\n    extends: {file: base/web.yml, service: base}\n    ports: ['3001:81']\n    depends_on: [db]\n",
        ),
        (
            "compose.override.yaml",
            "services:\n  web:\n    depends_on:\n      cache: {condition: service_started}\n    ports: ['3002:82']\n  db:\n    ports: !override ['6543:5432']\n  cache:\n    ports: !reset []\n",
        ),
        ("infra/db.yml", "services:\n  db:\n    image: postgres:16\n    ports: ['5432:5432']\n"),
        ("infra/cache.yml", "services:\n  cache: {image: redis, ports: ['6379:6379']}\n"),
        (
            "base/web.yml",
            "services:\n  base:\n    extends: root\n    ports: ['3000:80']\n  root: {image: web, profiles: [dev]}\n",
        ),
    ];
    let stack = read(&files, &["compose.yaml", "compose.override.yaml"], &[]).unwrap();
    assert_eq!(ports(&stack, "web"), ["3000:80/tcp", "3001:81/tcp", "3002:82/tcp"]);
    assert_eq!(ports(&stack, "db"), ["6543:5432/tcp"]);
    assert_eq!(ports(&stack, "cache"), [] as [&str; 0]);
    let web = stack.service("web").unwrap();
    assert_eq!(
        (web.image.as_deref(), &web.after, &web.profiles),
        (Some("web"), &vec!["db".to_owned(), "cache".to_owned()], &vec!["dev".to_owned()])
    );
    assert_eq!((web.file.as_str(), stack.service("db").unwrap().file.as_str()), ("compose.yaml", "infra/db.yml"));
}

#[test]
fn a_folder_is_meant_from_where_the_first_file_stands_or_the_one_that_is_included() {
    let files = [
        ("base.yml", "include: [infra/db.yml]\nservices:\n  api: {image: x}\n  out: {build: ../out}\n"),
        ("deploy/over.yml", "services:\n  api: {build: ./api}\n"),
        ("infra/db.yml", "services:\n  db: {build: {context: db}}\n"),
    ];
    let open = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let laid = ["base.yml", "deploy/over.yml"].map(str::to_owned);
    let said = Said::read("deploy", &laid, &open, &Variables::default());
    let starts = said.files.iter().flat_map(|(file, found)| found.starts.iter().map(move |start| (file, start)));
    let told: Vec<String> = starts
        .map(|(file, start)| format!("{file} {} {} {}", start.name, start.folder, start.build.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(told, ["base.yml api deploy api", "base.yml out deploy -", "infra/db.yml db deploy infra/db"]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, line, words) in [
        ("services:\n  a:\n    extends: b\n", 3, "it extends b, which c.yaml does not have"),
        ("services:\n  a: {extends: a}\n", 2, "services extend each other in a circle"),
        ("include: [c.yaml]\n", 1, "files include each other in a circle"),
        ("include: [no.yaml]\n", 0, "it is named, and cannot be read"),
        ("services: [\n", 2, ""),
    ] {
        let flaw = read(&[("c.yaml", text)], &["c.yaml"], &[]).unwrap_err();
        assert!(flaw.line == line && flaw.words.contains(words), "{text}: {flaw:?}");
    }
    assert_eq!(read(&[("c.yaml", "")], &["c.yaml"], &[]).unwrap(), Stack::default());
}

#[test]
fn hostile_names_stay_texts() {
    let text =
        "services:\n  \"a\\\"\\n  evil: {}\\n#\":\n    image: \"x\\e[2J\"\n    container_name: \"b\\\"]\\nports: 1${HOME}\"\n";
    let stack = read(&[("c.yaml", text)], &["c.yaml"], &[]).unwrap();
    let over = overlay(&stack, "s", &|_| None, &|_| Vec::new()).text;
    assert!(!over.lines().any(|line| line.trim_start().starts_with("evil") || line.starts_with("ports")), "{over}");
    let again = read(&[("c.yaml", &over)], &["c.yaml"], &[]).unwrap();
    assert_eq!(again.services[0].name, stack.services[0].name);
}

#[test]
fn images_of_servers() {
    for (image, spoken) in [
        ("postgres", Some("postgres")),
        ("registry.example:5000/team/postgres:16-alpine@sha256:00", Some("postgres")),
        ("bitnami/redis:7", Some("redis")),
        ("mongo-express", Some("http")),
        ("nginx:1", None),
    ] {
        assert_eq!(protocol_of_image(image), spoken, "{image}");
    }
}
