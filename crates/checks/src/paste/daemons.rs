//! Wordings of the services and tools of a system: names, mail, directories, terminals, virtual machines, laboratories.

use super::rule::rules;

rules! {
    "dig" ["communications error to", "connection refused"] Refused Connect 111, after "error to ";
    "dig" ["communications error to", "timed out"] NoAnswer Read, after "error to ";
    "dig" ["no servers could be reached"] NoAnswer Read, echo;
    "dnsmasq" ["failed to create listening socket for", "address already in use"] InUse Bind 98, after "socket for ";
    "dnsmasq" ["failed to create listening socket for", "permission denied"] PermissionDenied Bind 13, sure, after "socket for ";
    "dnsmasq" ["failed to create listening socket for", "assign requested address"] AddressNotAvailable Bind 99, after "socket for ";
    "unbound" ["can't bind socket: address already in use for"] InUse Bind 98, after "in use for ";
    "unbound" ["can't bind socket: permission denied for"] PermissionDenied Bind 13, after "denied for ";
    "unbound" ["can't bind socket: cannot assign requested address for"] AddressNotAvailable Bind 99, after "address for ";
    "unbound" ["could not open ports"] InUse Bind, echo;
    "named" ["could not listen on UDP socket: address in use"] InUse Bind 98;
    "named" ["binding TCP socket: address in use"] InUse Bind 98;
    "snmpd" ["Error opening specified endpoint"] Other Bind, after "endpoint \"";
    "snmp" ["Timeout: No Response from"] NoAnswer Read, after "Response from ";
    "ldap" ["Can't contact LDAP server"] Other Connect;
    "slapd" ["daemon: bind(", "failed errno=98"] InUse Bind 98;
    "tor" ["Could not bind to", "Is Tor already running"] InUse Bind 98, says "double-start";
    "tor" ["Failed to bind one of the listener ports"] InUse Bind, echo;
    "qemu" ["Could not set up host forwarding rule"] Other Bind, after "forwarding rule '";
    "qemu" ["Failed to find an available port: address already in use"] InUse Bind 98, nowhere;
    "openocd" ["couldn't bind", "to socket on port"] Other Bind, after "on port ";
    "openocd" ["couldn't bind", "to socket on port", "address already in use"] InUse Bind 98, after "on port ";
    "jlink" ["Failed to open listener port"] Other Bind, after "listener port ";
    "tmux" ["error connecting to", "no such file or directory"] NoSuchPath Connect 2;
    "tmux" ["error connecting to", "connection refused"] Refused Connect 111;
    "tmux" ["no server running on /"] Refused Connect 111;
    "emacs" ["can't find socket; have you started the server"] NoSuchPath Connect, nowhere;
    "emacs" ["Cannot bind server socket: address already in use"] InUse Bind 98, says "double-start", nowhere;
    "dbus" ["Failed to connect to bus: no such file or directory"] NoSuchPath Connect 2, nowhere;
    "ssh-agent" ["Could not open a connection to your authentication agent"] NoSuchPath Connect, nowhere;
    "vsftpd" ["could not bind listening IPv4 socket"] Other Bind;
    "vnc" ["A VNC server is already running as"] InUse Listen, says "double-start", nowhere;
    "php" ["SMTP Error: Could not connect to SMTP host"] Other Connect;
    "vagrant" ["The forwarded port to", "is already in use"] InUse Bind, after "port to ";
    "minecraft" ["Perhaps a server is already running on that port"] InUse Bind, echo;
    "minecraft" ["FAILED TO BIND TO PORT"] Other Bind, echo;
    "bitcoin" ["Unable to bind to", "is probably already running"] InUse Bind 98, says "double-start";
    "ipfs" ["repo.lock: someone else has the lock"] InUse Listen, says "double-start";
    "ros" ["roscore cannot run as another roscore/master is already running"] InUse Listen, says "double-start";
    "ros" ["Unable to communicate with master"] Other Connect;
    "ros" ["contact ROS master at ["] Other Connect, after "master at [";
    "gradio" ["localhost is not accessible", "check your proxy settings"] ProxyFailed Connect, nowhere;
    "torch" ["client socket has failed to connect to"] Refused Connect, after "connect to ";
    "torch" ["server socket has failed to listen on any local network address"] InUse Listen;
    "zeromq" ["zmq.error.ZMQError: address already in use"] InUse Bind 98;
    "cassandra" ["Could not reach any contact point"] Other Connect;
    "memcached" ["Dalli::RingError: No server available"] Other Connect;
    "llama" ["couldn't bind HTTP server socket"] Other Bind;
    "rsync" ["rsync: failed to connect to"] Refused Connect, after "connect to ";
}
