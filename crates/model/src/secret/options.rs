//! Where programs take secrets that no name gives away: options of one letter, second halves, places.
//!
//! A rule is one word. `-x` and `--long` take a secret, as the next argument or glued to the letter; `-x*` glued alone. A sign at the end
//! (`-u:`, `-U%`, `-u,`, `-x/`) begins the secret within the value; `-p=` says that the value is none. `/p:` is a beginning behind which the
//! secret stands. A plain word makes secrets of all arguments behind it that are no options, `word>` of the next one alone, and `@2` of
//! the second and those after it. `login/-p` holds where the word before the slash was seen.

use std::sync::LazyLock;

use super::words::is_one_of;

/// What is known of an argument by its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Its value is a secret, whole.
    Secret,
    /// What follows the first of these signs in its value is one.
    After(u8),
    /// Its value is none.
    Harmless,
}

/// The rules of the programs that a command line names.
#[derive(Clone, Copy, Default)]
pub(super) struct Rules([Option<&'static str>; 4]);

struct Rule {
    /// The word behind which it holds; empty where it always does.
    behind: &'static str,
    text: &'static str,
}

impl Rule {
    fn of(text: &'static str) -> Self {
        match text.split_once("/-") {
            Some((behind, _)) if !text.starts_with(['/', '-']) => {
                Self { behind, text: text.get(behind.len() + 1..).unwrap_or_default() }
            }
            _ => Self { behind: "", text },
        }
    }
}

impl Rules {
    /// Adds those of a program, by its name or path; false for one that is not known.
    pub(super) fn learn(&mut self, program: &[u8]) -> bool {
        let base = program.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(program);
        let base = base.strip_suffix(b".exe").or(base.strip_suffix(b".py")).or(base.strip_suffix(b".sh")).unwrap_or(base);
        let Ok(at) = NAMES.binary_search_by(|(name, _)| lower(name.as_bytes()).cmp(lower(base))) else { return false };
        let rules = NAMES.get(at).map(|(_, rules)| *rules);
        if let Some(free) = self.0.iter_mut().find(|known| known.is_none() || **known == rules) {
            *free = rules;
        }
        true
    }

    /// Every rule that holds where these words were seen.
    fn all(&self, seen: &[&'static str]) -> impl Iterator<Item = &'static str> {
        let holds = |rule: &Rule| rule.behind.is_empty() || seen.contains(&rule.behind);
        self.0.into_iter().flatten().flat_map(|rules| rules.split(' ')).map(Rule::of).filter(holds).map(|rule| rule.text)
    }

    /// What is known of this option's value, be it the next argument or `glued` to it.
    pub(super) fn of_option(&self, option: &[u8], glued: bool, seen: &[&'static str]) -> Option<Known> {
        let mut found = None;
        for rule in self.all(seen).filter(|rule| rule.starts_with('-')) {
            let name = rule.trim_end_matches([':', '%', ',', '=', '*', '/']);
            if name.as_bytes() != option {
                continue;
            }
            match rule.as_bytes().get(name.len()) {
                None => return Some(Known::Secret),
                Some(b'*') if glued => return Some(Known::Secret),
                // `-p*` alone asks; what follows is something else.
                Some(b'*' | b'=') => found = found.or(Some(Known::Harmless)),
                Some(sign) => return Some(Known::After(*sign)),
            }
        }
        found
    }

    /// What is known of the last of several letters behind one dash, which takes the value: `-su ana:x`.
    pub(super) fn of_letters(&self, option: &[u8], seen: &[&'static str]) -> Option<Known> {
        let letters = option
            .strip_prefix(b"-")
            .filter(|letters| matches!(letters.len(), 2..=5) && letters.iter().all(u8::is_ascii_alphabetic))?;
        self.of_option(&[b'-', *letters.last()?], false, seen).filter(|known| *known != Known::Harmless)
    }

    /// The letter option that this argument begins with and whose value is glued to it, as its length.
    pub(super) fn glued(&self, argument: &[u8], seen: &[&'static str]) -> Option<(usize, Known)> {
        let of = |length: usize| Some((length, self.of_option(argument.get(..length)?, true, seen)?));
        let beginning =
            |rule: &&str| rule.starts_with('/') && argument.len() > rule.len() && argument.starts_with(rule.as_bytes());
        let slashed = self.all(seen).find(beginning).map(|rule| (rule.len(), Known::Secret));
        let dashed = argument.len() > 2 && argument.first() == Some(&b'-') && argument.get(1) != Some(&b'-');
        // Of several letters behind one dash the last takes what follows: `-aeup`.
        slashed.or_else(|| if dashed { of(3).or_else(|| of(2)).filter(|(_, known)| *known != Known::Harmless) } else { None })
    }

    /// True for a word behind which everything is a secret, or (`false`) the next argument alone.
    pub(super) fn of_word(&self, word: &[u8], seen: &[&'static str]) -> Option<(&'static str, bool)> {
        // `http-basic.example.com`
        let first = word.split(|b| *b == b'.').next().unwrap_or(word);
        let is = |rule: &str| rule.trim_end_matches('>').as_bytes().eq_ignore_ascii_case(first);
        self.all(seen).find(|rule| is(rule)).map(|rule| (rule, !rule.ends_with('>')))
    }

    /// The words that conditions of rules speak of.
    pub(super) fn condition(&self, word: &[u8]) -> Option<&'static str> {
        let rules = self.0.into_iter().flatten().flat_map(|rules| rules.split(' ')).map(Rule::of);
        let mut words = rules.map(|rule| rule.behind).filter(|behind| !behind.is_empty());
        words.find(|known| known.as_bytes() == word)
    }

    /// The first place of an argument that is a secret wherever nothing else is known of it.
    pub(super) fn place(&self) -> Option<usize> {
        self.all(&[]).find_map(|rule| rule.strip_prefix('@')?.parse().ok())
    }
}

/// True for an option whose value may well be a password, though most programs mean a port or a place by it.
pub(super) fn is_doubtful(letter: &[u8]) -> bool {
    matches!(letter, b"-p" | b"-P" | b"-w" | b"-W" | b"-pw" | b"-K")
}

/// True for an option whose value may be a user with a password behind a colon.
pub(super) fn is_of_user(option: &[u8]) -> bool {
    let name = option.strip_prefix(b"--").or(option.strip_prefix(b"-")).unwrap_or(option);
    let last = name.rsplit(|b| matches!(b, b'-' | b'_' | b'.')).next().unwrap_or(name);
    is_one_of(&USERS, last) || matches!(name, b"u" | b"U")
}

super::words::words! {
    /// Last words of options that name who somebody is, with or without the proof.
    USERS = "user users username userpwd userpass creds credential credentials login usr auth basic basicauth account userinfo authuser admin";
}

/// The rules by each name, in small letters, sorted.
static NAMES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let named = |(names, rules): &(&'static str, &'static str)| {
        let rules = *rules;
        names.split_ascii_whitespace().map(move |name| (name, rules))
    };
    let mut all = Vec::with_capacity(MOST_NAMES);
    all.extend(PROGRAMS.iter().flat_map(named));
    all.sort_by(|one: &(&str, &str), other| lower(one.0.as_bytes()).cmp(lower(other.0.as_bytes())));
    all.dedup_by(|one, other| one.0.eq_ignore_ascii_case(other.0));
    all
});

fn lower(word: &[u8]) -> impl Iterator<Item = u8> {
    word.iter().map(u8::to_ascii_lowercase)
}

/// Room for the names of all programs.
const MOST_NAMES: usize = 512;

/// By the names of programs.
#[rustfmt::skip]
const PROGRAMS: &[(&str, &str)] = &[
    // Databases.
    ("mysql mariadb mysqldump mysqladmin mysqlimport mysqlsh mysqlcheck mysqlshow mysqlslap mysqlbinlog mariadb-dump mariadb-admin mycli \
      mydumper myloader xtrabackup mysqlpump innobackupex pt-query-digest pt-table-checksum litecli", "-p* password>"),
    ("psql pg_dump pg_restore pgcli pg_dumpall createdb pg_basebackup vacuumdb pgbench initdb", "-p= -P= -w= -W="),
    ("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop", "-p"),
    ("redis-cli valkey-cli keydb-cli", "-a -p= auth requirepass masterauth hello setuser"),
    ("redis-server valkey-server", "requirepass masterauth"),
    ("sqlcmd bcp tsql osql isql iusql", "-P @3"),
    ("sqlplus exp imp expdp impdp rman sqlldr", "-p @1"),
    ("db2 db2cmd", "using> -p"),
    ("cqlsh dsbulk nodetool", "-p -pw"),
    ("clickhouse-client clickhouse", "--password"),
    ("influx influxd", "-t -p --password"),
    ("etcdctl", "--user: passwd"),
    ("cypher-shell neo4j-admin", "-p set-initial-password"),
    ("couchdb curl-couch couchbase-cli cbq cbbackupmgr cbimport", "-p"),
    ("rethinkdb arangosh arangodump arangorestore beeline hive impala-shell presto trino", "-p --password"),
    ("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapcompare ldapmodrdn", "-w"),
    ("ldappasswd", "-w -s -a"),
    ("kadmin kadmin.local", "-w -pw"),
    ("dsconf dsctl dsidm ldapvi", "-w"),
    // Messages.
    ("mosquitto_pub mosquitto_sub mosquitto_rr", "-P"),
    ("mosquitto_passwd", "@2"),
    ("rabbitmqctl", "add_user change_password authenticate_user"),
    ("rabbitmqadmin amqp-publish amqp-consume amqp-get", "-p"),
    ("kcat kafkacat", "-P="),
    ("nats nats-server nats-sub nats-pub", "--pass --password"),
    ("swaks", "-ap --auth-password"),
    ("sendemail sendEmail mutt msmtp mailsend", "-xp -pass"),
    ("prosodyctl ejabberdctl", "register adduser passwd change_password"),
    // HTTP and transfers.
    ("curl", "-u: -U: -E: --cert: --proxy-user: --user: --oauth2-bearer --pass --proxy-pass --tlspassword --proxy-tlspassword -w= -P= -p="),
    ("wget wget2", "-P= --password"),
    ("http https xh xhs httpie", "-a: --auth: -p= -A="),
    ("ab siege hey wrk bombardier oha k6 vegeta", "-A: -a: -P: -p="),
    ("lftp", "-u, -p="),
    ("ncftp ncftpget ncftpput ftp", "-p"),
    ("aria2c", "--http-passwd --ftp-passwd --rpc-secret -p="),
    ("transmission-remote", "-n: --auth: -w="),
    ("transmission-daemon", "-v"),
    ("deluge-console", "connect"),
    ("youtube-dl yt-dlp gallery-dl streamlink you-get", "-p -2 --twofactor --video-password --ap-password"),
    ("rclone", "obscure config_pass pass> -P= -p="),
    ("s3cmd", "--secret_key --access_key"),
    ("mc mcli", "set host add"),
    ("smbclient rpcclient net smbget nmblookup smbpasswd wmic winexe mount.cifs", "-U% --user% -W= -p= -P="),
    ("xfreerdp wlfreerdp freerdp xfreerdp3 sdl-freerdp mstsc", "/p: /password: /gp: /pth: -p"),
    ("rdesktop", "-p"),
    ("plink pscp psftp putty kitty winscp", "-pw -p= -P= /password="),
    ("x11vnc vncserver tigervncserver x0vncserver", "-passwd -viewpasswd -p="),
    ("ttyd gotty wetty shellinaboxd websocketd", "-c: --credential: -p= -w= -P="),
    ("sshpass", "-p"),
    ("ssh-keygen", "-N -P -p="),
    ("ssh scp sftp mosh autossh sshfs rsync", "-p= -P= -w= -W="),
    ("openconnect vpnc openfortivpn globalprotect", "-p"),
    ("wpa_passphrase", "@2"),
    ("iwconfig iw", "key enc"),
    ("nmcli", "password> psk> secret> -w= -p="),
    ("pppd", "password>"),
    ("snmpwalk snmpget snmpset snmpbulkwalk snmptrap snmpgetnext snmpstatus snmpbulkget snmptable", "-c -A -X -a= -x="),
    ("ipmitool ipmi-sensors ipmipower", "-P -p="),
    ("turnserver coturn turnadmin turnutils_uclient", "--user: -u: -p -w --cli-password --static-auth-secret -s"),
    ("hydra medusa ncrack", "-p"),
    ("smbmap crackmapexec cme nxc netexec evil-winrm kerbrute bloodhound-python", "-p -H -u="),
    ("secretsdump psexec wmiexec smbexec GetUserSPNs impacket-psexec impacket-secretsdump impacket-wmiexec", "-hashes -p"),
    // Keys and archives.
    ("openssl", "-passin -passout -pass -k -K -iv -passwd passwd -password -psk -srppass -macopt -hmac -kfile= -writerand="),
    ("keytool jarsigner apksigner", "-storepass -keypass -srcstorepass -deststorepass -srckeypass -destkeypass -new --ks-pass --key-pass"),
    ("gpg gpg2 gpgsm", "--passphrase -p="),
    ("certtool certutil pk12util signtool osslsigncode", "-p -w -W -K -pass"),
    ("age sops rage", "-p="),
    ("pass gopass", "insert"),
    ("7z 7za 7zr 7zz", "-p*"),
    ("zip unzip zipcloak", "-P"),
    ("rar unrar", "-p* -hp*"),
    ("qpdf", "--password --encrypt"),
    ("pdftk", "input_pw> owner_pw> user_pw>"),
    ("pdftotext pdfinfo pdftoppm pdfimages pdftohtml pdftocairo", "-upw -opw -p= -P="),
    ("veracrypt truecrypt", "-p --password"),
    ("cryptsetup zuluCrypt-cli", "-p -K="),
    ("htpasswd htdigest", "@2 -p="),
    ("mkpasswd", "@1"),
    ("caddy", "--plaintext -p"),
    ("usermod useradd adduser", "-p"),
    ("pwsafe keepassxc-cli lpass bw rbw op 1password dashlane", "unlock login signin -p --password --session add-entry"),
    ("oathtool", "@1"),
    ("john hashcat", "@1 -w= -p="),
    ("qrencode zbarimg", "@1"),
    // Clouds and tools that log in.
    ("docker nerdctl podman buildah skopeo crane oras regctl helm", "login/-p -p= -P= -w= --creds: --src-creds: --dest-creds: -u="),
    ("docker-compose podman-compose docker-buildx", "-p= -P= -w="),
    ("vault bao", "login unseal -p= wrap unwrap"),
    ("consul nomad", "-token"),
    ("ngrok", "authtoken add-authtoken add-api-key --basic-auth: --oauth-client-secret"),
    ("cloudflared tunnel", "install --token"),
    ("frpc frps chisel inlets bore rathole", "-t --token --secret --auth: -p="),
    ("tailscale", "--authkey --auth-key"),
    ("wg", "preshared-key private-key"),
    ("kubeadm k3s k0s rke2", "--token token"),
    ("kubectl oc kubectl.exe", "-p= -w= login/-p login/-u: --docker-password"),
    ("argocd flux", "--password --auth-token"),
    ("az", "-p -k -s= --sas-token --account-key"),
    ("aws gcloud gsutil doctl linode-cli hcloud scw ibmcloud oci aliyun", "--secret -t -p"),
    ("gh glab hub tea", "-t -p="),
    ("heroku fly flyctl railway netlify vercel now render surge firebase supabase wrangler", "-t -p --auth token> auth:token"),
    ("snyk sentry-cli codecov sonar-scanner", "auth -t"),
    ("stripe twilio", "-p -k"),
    ("travis circleci buildkite-agent drone", "encrypt -t"),
    ("gitlab-runner gitlab-ci-multi-runner", "-r -t --registration-token --token"),
    ("config.sh actions-runner", "--token --pat"),
    ("cargo", "login owner/--token -p="),
    ("nuget dotnet choco", "-k -apikey setapikey -p= -ApiKey"),
    ("gem", "-k --key --otp"),
    ("twine flit", "-p --password"),
    ("poetry pip hatch uv", "http-basic -p= publish/-p"),
    ("composer", "http-basic github-oauth -p="),
    ("npm pnpm yarn npx bun", "-p= -w= -P= -W= token --otp"),
    ("svn", "--password -p="),
    ("p4", "-P -p= -u="),
    ("cvs", "-p="),
    ("mvn mvnw gradle gradlew", "-P= -p="),
    ("doppler", "token>"),
    ("chezmoi restic borg duplicity kopia", "-p= -P= --password"),
    ("pulumi", "set -p="),
    ("grafana-cli grafana", "reset-admin-password"),
    ("rails rake", "-p= -P= -w="),
    ("jira confluence", "-p -t"),
    ("ansible ansible-playbook ansible-vault", "-p="),
    ("sshuttle proxychains cntlm", "-p"),
    ("ss-local ss-server ss-redir ss-tunnel sslocal ssserver shadowsocks obfs-local", "-k -p= -m="),
    ("v2ray xray trojan hysteria brook", "-p -k"),
    ("xmrig minerd cpuminer ethminer cgminer bfgminer t-rex", "-p -O: -u"),
    ("bitcoin-cli litecoin-cli dogecoin-cli", "walletpassphrase encryptwallet importprivkey dumpprivkey walletpassphrasechange"),
    ("geth cast forge anvil hardhat", "--private-key --unlock= --mnemonic"),
    ("irssi weechat", "-w -c="),
    ("ipa", "-p --password"),
    ("sudo doas su runuser", "-p= -u= -U= -w="),
    ("hg", "--config="),
    ("tor", "--hash-password HashedControlPassword"),
    ("nordvpn expressvpn protonvpn-cli", "login"),
    ("spotifyd ncspot", "-p"),
    ("zabbix_agentd zabbix_sender", "-p="),
    ("mitmproxy mitmdump mitmweb", "--proxyauth: -p= -w="),
    ("pg_probackup barman wal-g", "-w="),
    ("socat", "-u= -U="),
    // Where these letters say something else.
    ("ps mkdir perl grep egrep fgrep rg xargs iptables ip6tables tar cp nc ncat netcat gunicorn celery tsc nmap python python3 java \
      systemd-run unshare pgrep pkill go node code firefox chrome install journalctl tmux emacs vim make ninja cmake nsenter \
      gdb strace lsof ping tcpdump tshark watch parallel ctest pytest phpunit supervisord nginx php php-fpm sed awk sort \
      terraform ruby puma unicorn streamlit http-server serve vite next ng nuxt astro uvicorn hypercorn jekyll hugo dovecot master \
      rpm dpkg apt apt-get dnf xterm screen ffmpeg code-server jupyter jupyter-lab jupyter-notebook memcached postgres", "-p= -P= -w= -W= -K="),
];
